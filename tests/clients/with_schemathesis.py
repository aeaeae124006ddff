#!/usr/bin/env python3
"""Tests an interface against its OpenAPI document with schemathesis: property-based requests, all checks.

What the document allows must be accepted, what it forbids must be refused, and every response must conform. The first
run uses the numbers of existing records, so that its requests pass the look-up; the second one generates them.

Tests the control interface of the simulator by default: reads its environment and WXPAY_CLI, the path of the command
that places the orders. With WXPAY_SERVER_URL, tests the interface of a payment server: reads WXPAY_API_KEY, a key with
all scopes, and WXPAY_RECORDS, the values of path and query parameters as a JSON object. SCHEMATHESIS_EXAMPLES and
SCHEMATHESIS_SEED set the number of examples and the seed, which is fixed for the server. Exits with 0 on success.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request

SERVER = os.environ.get("WXPAY_SERVER_URL")
BASE = os.environ.get("WXPAY_BASE_URL")
CLI = os.environ.get("WXPAY_CLI")
MCHID, APPID = os.environ.get("WXPAY_MCHID"), os.environ.get("WXPAY_APPID")
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES") or ("3" if SERVER else "8")
SEED = int(os.environ.get("SCHEMATHESIS_SEED") or (7 if SERVER else random.randrange(1 << 32)))
OPENID = "oX99MDgNcgwnz3zFN3DNmo8uwa-w"

# 422 is a documented refusal of fields that are valid one by one: no schema can express it.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422"]
"""


def call(method, path, body):
    """Calls an operation of APIv3 as the merchant. Returns the reply."""
    done = subprocess.run([CLI, "call", method, path, json.dumps(body)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (path, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.strip() else None


def control(method, path, body=None):
    """Sends a request to the control interface. Returns the JSON of the response."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{BASE}/_sim/v1{path}", data, method=method), timeout=30) as response:
        return json.load(response)


def place(number, **more):
    order = {"appid": APPID, "mchid": MCHID, "description": "tea", "out_trade_no": number,
             "notify_url": "https://127.0.0.1:9/notify", "amount": {"total": 100}}
    call("POST", "/v3/pay/transactions/native", {**order, **more})


def prepare():
    """Makes records of each kind. Returns the numbers of some of them, by parameter."""
    for number in range(6):
        place(f"ORDER{number}", settle_info={"profit_sharing": True})
    paid = [control("POST", f"/orders/ORDER{number}/pay", {}) for number in range(4)]
    for number in range(2):
        call("POST", "/v3/refund/domestic/refunds", {
            "out_trade_no": f"ORDER{number}", "out_refund_no": f"REFUND{number}",
            "amount": {"refund": 1, "total": 100, "currency": "CNY"}})
    for number in range(2):
        call("POST", "/v3/fund-app/mch-transfer/transfer-bills", {
            "appid": APPID, "out_bill_no": f"BILL{number}", "openid": OPENID, "transfer_amount": 1000,
            "transfer_remark": "bonus", "transfer_scene_id": "1000",
            "transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": "新会员有礼"}]})
    for number in range(2):
        call("POST", "/v3/fund-app/mch-transfer/user-confirm-authorization", {
            "out_authorization_no": f"AUTH{number}", "appid": APPID, "openid": f"{OPENID}{number}", "transfer_scene_id": "1000",
            "user_display_name": "user", "authorization_notify_url": "https://127.0.0.1:9/notify"})
    call("POST", "/v3/profitsharing/receivers/add", {
        "appid": APPID, "type": "PERSONAL_OPENID", "account": OPENID, "relation_type": "USER"})
    control("POST", "/clock", {"advance_seconds": 120})
    call("POST", "/v3/profitsharing/orders", {
        "appid": APPID, "transaction_id": paid[3]["payments"][0]["transaction_id"], "out_order_no": "SHARE0",
        "unfreeze_unsplit": False,
        "receivers": [{"type": "PERSONAL_OPENID", "account": OPENID, "amount": 1, "description": "share"}]})
    fault = control("POST", "/faults", {"kind": "delayed", "millis": 1, "count": 1})
    for mchid in ["1900000108", "1900000109"]:
        control("POST", "/merchants", {"mchid": mchid})
    merchant = control("GET", "/merchants/1900000109")
    return {
        "out_trade_no": "ORDER5", "out_refund_no": "REFUND0", "out_bill_no": "BILL0", "out_authorization_no": "AUTH0",
        "out_order_no": "SHARE0", "mchid": merchant["mchid"], "id": fault["id"],
        "serial_no": merchant["certificates"][0]["serial_no"],
        "notify_id": control("GET", "/notifications?limit=1")[0]["notify_id"],
    }


def run(name, document, config, *options):
    """Runs schemathesis. Prints its summary; on failure all that it reports."""
    # schemathesis keeps a cache in the current folder.
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/schemathesis.toml", "w") as file:
            file.write(config)
        command = [sys.executable, "-m", "schemathesis.cli", "run", document, "--checks", "all",
                   "--max-examples", EXAMPLES, "--seed", str(SEED), "--continue-on-failure", "--warnings", "off", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode != 0:
        sys.exit(f"seed {SEED}, {name}:\n{done.stdout}{done.stderr}")
    cases = next(line.strip() for line in done.stdout.splitlines() if "generated" in line)
    print(f"{name}: {cases}, seed {SEED}")


def pin(records):
    """Returns the configuration that pins parameters to the values of existing records."""
    pinned = "".join(f'"{name}" = {json.dumps(value)}\n' for name, value in records.items())
    return f"{CONFIG}\n[parameters]\n{pinned}"


def test_simulator():
    document = f"{BASE}/_sim/v1/openapi.json"
    pinned = pin({f"path.{name}": value for name, value in prepare().items()})
    run("every request about existing records conforms to the document", document, pinned,
        "--phases", "coverage,fuzzing", "--include-path-regex", "[{]")
    run("every request with generated numbers conforms to the document", document, CONFIG,
        "--phases", "coverage,fuzzing,stateful")


def test_server():
    document = f"{SERVER}/api/openapi.json"
    key = ["--header", f"Authorization: Bearer {os.environ['WXPAY_API_KEY']}"]
    # The stream does not end. A test of an endpoint sends a request to a generated host. The responses to notifications
    # are WeChat Pay's, not the document's.
    excluded = ["--exclude-path-regex", "^/api/events/stream$|/test$|^/notify/"]
    run("every request about existing records conforms to the document", document,
        pin(json.loads(os.environ["WXPAY_RECORDS"])), *key, *excluded,
        "--phases", "coverage,fuzzing", "--include-path-regex", "[{]")
    # A sequence of requests would revoke the key that they are sent with.
    excluded += ["--exclude-operation-id", "revoke_api_key"]
    run("every request with generated numbers conforms to the document", document, CONFIG, *key, *excluded,
        "--phases", "coverage,fuzzing,stateful")


if SERVER:
    test_server()
else:
    test_simulator()
