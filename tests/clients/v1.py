#!/usr/bin/env python3
"""A merchant of APIv1 in plain Python, written from the protocol documents; it shares no code with the workspace.

Runs one payment from order to delivery. Reads the simulator's environment; exits with 0 on success.
"""

import hashlib
import http.server
import json
import os
import threading
import time
import urllib.parse
import urllib.request

BASE = os.environ["WXPAY_BASE_URL"]
APPID, SECRET, PARTNER = (os.environ[name] for name in ("WXPAY_V1_APPID", "WXPAY_V1_APP_SECRET", "WXPAY_V1_PARTNER"))
PAY_SIGN_KEY, PARTNER_KEY = os.environ["WXPAY_V1_PAY_SIGN_KEY"], os.environ["WXPAY_V1_PARTNER_KEY"]
NUMBER = f"PY{time.time_ns()}"


def md5(fields, charset):
    joined = b"&".join(name.encode() + b"=" + value.encode(charset) for name, value in sorted(fields.items()) if value)
    return hashlib.md5(joined + b"&key=" + PARTNER_KEY.encode()).hexdigest().upper()


def sha1(fields):
    fields = {**fields, "appkey": PAY_SIGN_KEY}
    return hashlib.sha1("&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()).hexdigest()


def package(fields, charset):
    escaped = (f"{name}={urllib.parse.quote(value.encode(charset), safe='')}" for name, value in sorted(fields.items()))
    return "&".join([*escaped, f"sign={md5(fields, charset)}"])


def call(path, body=None):
    data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data=data), timeout=10) as reply:
        return json.load(reply)


class Notifications(http.server.BaseHTTPRequestHandler):
    received = []

    def do_POST(self):
        query = urllib.parse.urlsplit(self.path).query
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        charset = dict(pair.split("=", 1) for pair in query.split("&"))["input_charset"]
        event = dict(urllib.parse.parse_qsl(query, keep_blank_values=True, encoding=charset, strict_parsing=True))
        payer = {}
        for name in ("OpenId", "AppId", "IsSubscribe", "TimeStamp", "NonceStr", "AppSignature"):
            value = body.split(f"<{name}>")[1].split(f"</{name}>")[0]
            payer[name.lower()] = value.removeprefix("<![CDATA[").removesuffix("]]>")
        sign, signature = event.pop("sign"), payer.pop("appsignature")
        is_valid = sign == md5(event, charset) and signature == sha1(payer)
        Notifications.received.append((is_valid, event, payer))
        self.send_response(200 if is_valid else 400)
        self.end_headers()
        self.wfile.write(b"success" if is_valid else b"fail")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
threading.Thread(target=server.serve_forever, daemon=True).start()

token = call(f"/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}")
assert token["expires_in"] == 7200, token
token = token["access_token"]

order = {"attach": "甲 + 乙", "bank_type": "WX", "body": "一双筷子", "fee_type": "1", "input_charset": "GBK",
         "notify_url": f"http://127.0.0.1:{server.server_port}/notify", "out_trade_no": NUMBER, "partner": PARTNER,
         "spbill_create_ip": "203.0.113.7", "total_fee": "1999"}
now = str(int(time.time()))
body = {"appid": APPID, "noncestr": "python", "package": package(order, "GBK"), "timestamp": now, "traceid": "p-1"}
placed = call(f"/pay/genprepay?access_token={token}", {**body, "app_signature": sha1(body), "sign_method": "sha1"})
assert placed["errcode"] == 0, placed
refused = call(f"/pay/genprepay?access_token={token}", {**body, "app_signature": "0" * 40, "sign_method": "sha1"})
assert refused["errcode"] == 268500741 and "prepayid" not in refused, refused

params = {"appid": APPID, "noncestr": "app", "package": "Sign=WXPay", "partnerid": PARTNER,
          "prepayid": placed["prepayid"], "timestamp": now}
paid = call("/_sim/v1/payer/pay", {**params, "sign": sha1(params)})
assert paid["resp"]["errCode"] == 0, paid
for _ in range(100):
    if Notifications.received:
        break
    time.sleep(0.05)
is_valid, event, payer = Notifications.received[0]
assert is_valid and event["out_trade_no"] == NUMBER and event["attach"] == order["attach"], (event, payer)
assert int(event["total_fee"]) + int(event["discount"]) == 1999, event

fields = {"appid": APPID, "package": package({"out_trade_no": NUMBER, "partner": PARTNER}, "UTF-8"), "timestamp": now}
info = call(f"/pay/orderquery?access_token={token}", {**fields, "app_signature": sha1(fields), "sign_method": "sha1"})
assert info["order_info"]["trade_state"] == "0" and info["order_info"]["transaction_id"] == event["transaction_id"], info

fields = {"appid": APPID, "openid": payer["openid"], "transid": event["transaction_id"], "out_trade_no": NUMBER,
          "deliver_timestamp": now, "deliver_status": "1", "deliver_msg": "ok"}
done = call(f"/pay/delivernotify?access_token={token}", {**fields, "app_signature": sha1(fields), "sign_method": "sha1"})
assert done["errcode"] == 0, done
print(f"{NUMBER} was placed, paid, notified, queried and delivered")
