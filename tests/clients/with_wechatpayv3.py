#!/usr/bin/env python3
"""A merchant that uses `wechatpayv3` (PyPI), unmodified: orders, queries, a close, a refund, and the notices of both.

usage: with_wechatpayv3.py certificates | public-key      with the simulator's environment

One line for each step; exits 0 only if every step went as it must."""

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
MCHID, APPID, SERIAL, APIV3_KEY = (os.environ[f"WXPAY_{name}"] for name in ("MCHID", "APPID", "SERIAL_NO", "API_V3_KEY"))
KEY = open(os.environ["WXPAY_PRIVATE_KEY_FILE"], encoding="utf-8").read()
PAID, CLOSED, REFUND = (f"{letter}{time.time_ns()}" for letter in "PCR")

# The constructor sets the attribute before it downloads certificates: the class has the last word.
Core._gate_way = property(lambda _: BASE, lambda *_: None)


class Notices(http.server.BaseHTTPRequestHandler):
    """Answers 204 to what the client verifies and opens, 401 to anything else."""

    heard = queue.Queue()
    client = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            told = Notices.client.callback(self.headers, body)
        except Exception as error:
            told = None
            print(f"the client refused a notice: {error!r}", file=sys.stderr)
        self.send_response(204 if told else 401)
        self.end_headers()
        Notices.heard.put((self.path, dict(self.headers), body, told))

    def log_message(self, *_):
        pass


def step(text):
    print(f"wechatpayv3 {version('wechatpayv3')}, {MODE}: {text}", flush=True)


def reply(expected, answer):
    code, body = answer
    assert code == expected, answer
    return json.loads(body) if body else None


def hear(path):
    heard_at, headers, body, told = Notices.heard.get(timeout=20)
    assert heard_at == path and told, (heard_at, body)
    return headers, body, told


def control(path, fields):
    request = urllib.request.Request(f"{BASE}/_sim/v1/{path}", data=json.dumps(fields).encode(),
                                     headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def client(key=KEY, **options):
    return WeChatPay(wechatpay_type=WeChatPayType.JSAPI, mchid=MCHID, private_key=key, cert_serial_no=SERIAL,
                     appid=APPID, apiv3_key=APIV3_KEY, notify_url=f"{here}/payments", timeout=(10, 10), **options)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notices)
threading.Thread(target=server.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{server.server_port}"

if MODE == "certificates":
    keys = {}
    wxpay = client()
    serials = [f"{certificate.serial_number:040X}" for certificate in wxpay._core._certificates]
    assert os.environ["WXPAY_PLATFORM_SERIAL_NO"] in serials, serials
    step(f"downloaded and opened the platform certificates {', '.join(serials)}")
else:
    keys = {"public_key": open(os.environ["WXPAY_PUBLIC_KEY_FILE"], encoding="utf-8").read(),
            "public_key_id": os.environ["WXPAY_PUBLIC_KEY_ID"]}
    wxpay = client(**keys)
    step(f"holds the public key {keys['public_key_id']} and downloads nothing")
Notices.client = wxpay

placed = reply(200, wxpay.pay(description="一双筷子", out_trade_no=PAID, amount={"total": 1999, "currency": "CNY"},
                              payer={"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, attach='甲 + "乙"'))
assert placed["prepay_id"], placed
step(f"placed the JSAPI order {PAID}")

unpaid = reply(200, wxpay.query(out_trade_no=PAID))
assert unpaid["trade_state"] == "NOTPAY" and unpaid["amount"]["total"] == 1999, unpaid
assert "transaction_id" not in unpaid and "payer" not in unpaid, unpaid
step("found it unpaid")

page = {"appId": APPID, "timeStamp": str(int(time.time())), "nonceStr": "page",
        "package": f"prepay_id={placed['prepay_id']}"}
seen = control("payer/cancel", {**page, "signType": "RSA", "paySign": wxpay.sign(list(page.values()))})
assert seen["payment_request"]["total"] == 1999 and seen["resp"]["errCode"] == -2, seen
step("signed the page's parameters, which the phone took")

control(f"orders/{PAID}/pay", {})
headers, body, told = hear("/payments")
notice = told["resource"]
assert told["event_type"] == "TRANSACTION.SUCCESS" and told["resource_type"] == "encrypt-resource", told
assert told["summary"] and notice["trade_state"] == "SUCCESS" and notice["out_trade_no"] == PAID, told
assert notice["attach"] == '甲 + "乙"' and notice["amount"]["total"] == 1999, notice
assert MODE == "certificates" or headers["Wechatpay-Serial"] == keys["public_key_id"], headers
step("was paid, and heard of it")

paid = reply(200, wxpay.query(out_trade_no=PAID))
assert paid["trade_state"] == "SUCCESS" and paid["transaction_id"] == notice["transaction_id"], (paid, notice)
assert paid["payer"]["openid"] == "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" and paid["trade_type"] == "JSAPI", paid
assert reply(200, wxpay.query(transaction_id=paid["transaction_id"])) == paid
step("found it paid, by either number")

broken = body.replace(b'"summary"', b'"summery"')
assert broken != body and wxpay.callback(headers, broken) is None
step("refused the notice after a letter of it was changed")

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
step(f"asked for the refund {REFUND}")

_, _, told = hear("/refunds")
notice = told["resource"]
assert told["event_type"] == "REFUND.SUCCESS" and notice["refund_status"] == "SUCCESS", told
assert notice["out_refund_no"] == REFUND and notice["amount"]["refund"] == 999, notice
assert notice["refund_id"] == refund["refund_id"] and notice["user_received_account"], notice
step("heard that it was refunded")

refund = reply(200, wxpay.query_refund(out_refund_no=REFUND))
assert refund["status"] == "SUCCESS" and refund["refund_id"] == notice["refund_id"], refund
assert reply(200, wxpay.query(out_trade_no=PAID))["trade_state"] == "REFUND"
step("found it refunded")

stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
public = {"public_key": open(os.environ["WXPAY_PUBLIC_KEY_FILE"], encoding="utf-8").read(),
          "public_key_id": os.environ["WXPAY_PUBLIC_KEY_ID"]}
refused = reply(401, client(key=stranger, **public).query(out_trade_no=PAID))
assert refused["code"] == "SIGN_ERROR", refused
step("was refused when it signed with a stranger's key")

assert MODE == "certificates" or not wxpay._core._certificates
assert Notices.heard.empty(), Notices.heard.get()
