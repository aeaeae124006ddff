#!/usr/bin/env python3
"""A merchant that uses `wechatpayv3` (PyPI), unmodified: orders, queries, a close, a refund, and notifications.

usage: with_wechatpayv3.py certificates | public-key      with the simulator's environment

Prints one line per step; exits with 0 only if every step succeeded.
"""

import http.server
import json
import os
import queue
import sys
import threading
import time
import urllib.request
from importlib.metadata import version

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

MODE = sys.argv[1]
assert MODE in ("certificates", "public-key"), MODE
BASE = os.environ["WXPAY_BASE_URL"]
MCHID, APPID, SERIAL, APIV3_KEY = (
    os.environ[f"WXPAY_{name}"] for name in ("MCHID", "APPID", "SERIAL_NO", "API_V3_KEY"))
KEY = open(os.environ["WXPAY_PRIVATE_KEY_FILE"], encoding="utf-8").read()
PAID, CLOSED, REFUND = (f"{letter}{time.time_ns()}" for letter in "PCR")

# The constructor sets this attribute before it downloads certificates, so only a property of the class can override it.
Core._gate_way = property(lambda _: BASE, lambda *_: None)


class Notifications(http.server.BaseHTTPRequestHandler):
    """Answers 204 if the client verifies and decrypts a notification, otherwise 401."""

    received = queue.Queue()
    client = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            event = Notifications.client.callback(self.headers, body)
        except Exception as error:
            event = None
            print(f"the client rejected a notification: {error!r}", file=sys.stderr)
        self.send_response(204 if event else 401)
        self.end_headers()
        Notifications.received.put((self.path, dict(self.headers), body, event))

    def log_message(self, *_):
        pass


def step(text):
    print(f"wechatpayv3 {version('wechatpayv3')}, {MODE}: {text}", flush=True)


def reply(expected, result):
    code, body = result
    assert code == expected, result
    return json.loads(body) if body else None


def receive(path):
    actual, headers, body, event = Notifications.received.get(timeout=20)
    assert actual == path and event, (actual, body)
    return headers, body, event


def control(path, fields):
    request = urllib.request.Request(f"{BASE}/_sim/v1/{path}", data=json.dumps(fields).encode(),
                                     headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def client(key=KEY, **options):
    return WeChatPay(wechatpay_type=WeChatPayType.JSAPI, mchid=MCHID, private_key=key, cert_serial_no=SERIAL,
                     appid=APPID, apiv3_key=APIV3_KEY, notify_url=f"{here}/payments", timeout=(10, 10), **options)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
threading.Thread(target=server.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{server.server_port}"

if MODE == "certificates":
    keys = {}
    wxpay = client()
    serials = [f"{certificate.serial_number:040X}" for certificate in wxpay._core._certificates]
    assert os.environ["WXPAY_PLATFORM_SERIAL_NO"] in serials, serials
    step(f"downloaded and decrypted the platform certificates {', '.join(serials)}")
else:
    keys = {"public_key": open(os.environ["WXPAY_PUBLIC_KEY_FILE"], encoding="utf-8").read(),
            "public_key_id": os.environ["WXPAY_PUBLIC_KEY_ID"]}
    wxpay = client(**keys)
    step(f"uses the public key {keys['public_key_id']} and downloads nothing")
Notifications.client = wxpay

placed = reply(200, wxpay.pay(description="一双筷子", out_trade_no=PAID, amount={"total": 1999, "currency": "CNY"},
                              payer={"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, attach='甲 + "乙"'))
assert placed["prepay_id"], placed
step(f"placed the JSAPI order {PAID}")

unpaid = reply(200, wxpay.query(out_trade_no=PAID))
assert unpaid["trade_state"] == "NOTPAY" and unpaid["amount"]["total"] == 1999, unpaid
assert "transaction_id" not in unpaid and "payer" not in unpaid, unpaid
step("the order query returned NOTPAY")

page = {"appId": APPID, "timeStamp": str(int(time.time())), "nonceStr": "page",
        "package": f"prepay_id={placed['prepay_id']}"}
shown = control("payer/cancel", {**page, "signType": "RSA", "paySign": wxpay.sign(list(page.values()))})
assert shown["payment_request"]["total"] == 1999 and shown["resp"]["errCode"] == -2, shown
step("signed the payment parameters; the payer's client accepted them")

control(f"orders/{PAID}/pay", {})
headers, body, event = receive("/payments")
resource = event["resource"]
assert event["event_type"] == "TRANSACTION.SUCCESS" and event["resource_type"] == "encrypt-resource", event
assert event["summary"] and resource["trade_state"] == "SUCCESS" and resource["out_trade_no"] == PAID, event
assert resource["attach"] == '甲 + "乙"' and resource["amount"]["total"] == 1999, resource
assert MODE == "certificates" or headers["Wechatpay-Serial"] == keys["public_key_id"], headers
step("the order was paid; received the notification")

paid = reply(200, wxpay.query(out_trade_no=PAID))
assert paid["trade_state"] == "SUCCESS" and paid["transaction_id"] == resource["transaction_id"], (paid, resource)
assert paid["payer"]["openid"] == "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" and paid["trade_type"] == "JSAPI", paid
assert reply(200, wxpay.query(transaction_id=paid["transaction_id"])) == paid
step("the order query returned SUCCESS, by either number")

modified = body.replace(b'"summary"', b'"summery"')
assert modified != body and wxpay.callback(headers, modified) is None
step("rejected the notification after one letter was changed")

placed = reply(200, wxpay.pay(description="第二", out_trade_no=CLOSED, amount={"total": 1},
                              pay_type=WeChatPayType.NATIVE))
assert placed["code_url"].startswith("weixin://"), placed
assert reply(204, wxpay.close(out_trade_no=CLOSED)) is None
assert reply(200, wxpay.query(out_trade_no=CLOSED))["trade_state"] == "CLOSED"
step(f"placed the Native order {CLOSED} and closed it")

refund = reply(200, wxpay.refund(out_refund_no=REFUND, out_trade_no=PAID, reason="少了一根", notify_url=f"{here}/refunds",
                                 amount={"refund": 999, "total": 1999, "currency": "CNY"}))
assert refund["status"] in ("PROCESSING", "SUCCESS") and refund["amount"]["refund"] == 999, refund
assert refund["transaction_id"] == paid["transaction_id"], refund
step(f"requested the refund {REFUND}")

_, _, event = receive("/refunds")
resource = event["resource"]
assert event["event_type"] == "REFUND.SUCCESS" and resource["refund_status"] == "SUCCESS", event
assert resource["out_refund_no"] == REFUND and resource["amount"]["refund"] == 999, resource
assert resource["refund_id"] == refund["refund_id"] and resource["user_received_account"], resource
step("the refund succeeded; received the notification")

refund = reply(200, wxpay.query_refund(out_refund_no=REFUND))
assert refund["status"] == "SUCCESS" and refund["refund_id"] == resource["refund_id"], refund
assert reply(200, wxpay.query(out_trade_no=PAID))["trade_state"] == "REFUND"
step("the refund query returned SUCCESS")

unknown_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
# With certificates, the client would download them first. It takes the key of a certificate as a public key, too.
known = keys or {"public_key": open(os.environ["WXPAY_PLATFORM_PUBLIC_KEY_FILE"], encoding="utf-8").read(),
                 "public_key_id": os.environ["WXPAY_PLATFORM_SERIAL_NO"]}
refused = reply(401, client(key=unknown_key, **known).query(out_trade_no=PAID))
assert refused["code"] == "SIGN_ERROR", refused
step("a request signed with an unknown key was refused")

assert MODE == "certificates" or not wxpay._core._certificates
assert Notifications.received.empty(), Notifications.received.get()
