#!/usr/bin/env python3
"""The first steps with `wxpay sim`, by a merchant that uses `wechatpayv3` (PyPI), unmodified.

usage: first_steps.py WXPAY      with the path of the binary `wxpay`

Starts the simulator, receives notifications over https with a certificate of its own CA, pays and refunds, moves the
business clock, and downloads bills. Prints one line per step; exits with 0 only if every step succeeded.
"""

import datetime
import gzip
import http.server
import json
import queue
import shlex
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
DAY = 86_400


def step(text):
    print(f"first steps in Python: {text}", flush=True)


# --- an https server for notifications, with a certificate of an own CA ------------------------------------------


def certificate(name, key, issuer, issuer_key, *extensions):
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, issuer))
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(),
                                      now - datetime.timedelta(minutes=5), now + datetime.timedelta(days=1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make_certificates(folder):
    """Writes a CA certificate, and a certificate for `localhost` with its key; returns their paths."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca, chain = folder / "ca.pem", folder / "localhost.pem"
    ca.write_bytes(certificate("my own CA", ca_key, "my own CA", ca_key, x509.BasicConstraints(True, None)))
    own = certificate("localhost", key, "my own CA", ca_key, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    chain.write_bytes(own + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                              serialization.NoEncryption()))
    return ca, chain


class Notifications(http.server.BaseHTTPRequestHandler):
    """Answers 204 if the client verifies and decrypts a notification, otherwise 401."""

    received = queue.Queue()

    def do_POST(self):
        event = wxpay.callback(self.headers, self.rfile.read(int(self.headers["content-length"])))
        self.send_response(204 if event else 401)
        self.end_headers()
        Notifications.received.put((self.path, event))

    def log_message(self, *_):
        pass


def receive(path, event_type):
    actual, event = Notifications.received.get(timeout=20)
    assert event and (actual, event["event_type"]) == (path, event_type), (actual, event)
    return event["resource"]


# --- the simulator -----------------------------------------------------------------------------------------------


def control(method, path, fields=None):
    request = urllib.request.Request(f"{env['WXPAY_BASE_URL']}/_sim/v1/{path}", json.dumps(fields or {}).encode(),
                                     {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def reply(expected, result):
    code, body = result
    assert code == expected, result
    return json.loads(body)


def sell(number):
    """Places a Native order that expires in half an hour, lets the payer pay, and returns the notified transaction."""
    expiry = datetime.datetime.fromtimestamp(int(time.time()) + 1800, BEIJING).isoformat()
    placed = reply(200, wxpay.pay(description="筷子", out_trade_no=number, amount={"total": 1999}, time_expire=expiry))
    assert placed["code_url"].startswith("weixin://"), placed
    assert reply(200, wxpay.query(out_trade_no=number))["trade_state"] == "NOTPAY"
    control("POST", f"orders/{number}/pay")
    notified = receive("/payments", "TRANSACTION.SUCCESS")
    assert (notified["out_trade_no"], notified["trade_state"]) == (number, "SUCCESS"), notified
    assert reply(200, wxpay.query(out_trade_no=number))["transaction_id"] == notified["transaction_id"]
    return notified


def bill(day):
    """Downloads the trade bill of a day and returns its text."""
    requested = reply(200, wxpay.trade_bill(day))
    code, content = wxpay.download_bill(requested["download_url"])
    assert code == 200, content
    return gzip.decompress(content).decode()


def seconds_of(beijing_time):
    return int(datetime.datetime.fromisoformat(beijing_time).timestamp())


folder = tempfile.TemporaryDirectory()
here = Path(folder.name)
ca, chain = make_certificates(here)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(chain)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
server.socket = tls.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
notify_url = f"https://localhost:{server.server_port}"

sim = subprocess.Popen([sys.argv[1], "sim", "--env-file", here / "sim.env", "--notify-ca", ca, "--log", "off"],
                       stdout=subprocess.PIPE, text=True)
try:
    ready = json.loads(sim.stdout.readline())
    assert ready["ready"] is True, ready
    # Each line is `export NAME='value'`.
    env = dict(word.split("=", 1) for line in open(here / "sim.env") for word in shlex.split(line)[1:])
    step(f"started the simulator at {ready['url']}")

    # The constructor sets this attribute, so only a property of the class can point the client at another gateway.
    Core._gate_way = property(lambda _: env["WXPAY_BASE_URL"], lambda *_: None)
    wxpay = WeChatPay(wechatpay_type=WeChatPayType.NATIVE, mchid=env["WXPAY_MCHID"], appid=env["WXPAY_APPID"],
                      private_key=open(env["WXPAY_PRIVATE_KEY_FILE"]).read(), cert_serial_no=env["WXPAY_SERIAL_NO"],
                      apiv3_key=env["WXPAY_API_V3_KEY"], public_key=open(env["WXPAY_PUBLIC_KEY_FILE"]).read(),
                      public_key_id=env["WXPAY_PUBLIC_KEY_ID"], notify_url=f"{notify_url}/payments", timeout=(10, 10))

    first = sell("FIRST-1")
    step("the order was placed and paid; received the notification over https")

    requested = reply(200, wxpay.refund(out_refund_no="FIRST-1-R", out_trade_no="FIRST-1",
                                        amount={"refund": 999, "total": 1999, "currency": "CNY"},
                                        notify_url=f"{notify_url}/refunds"))
    assert requested["status"] == "PROCESSING", requested
    assert receive("/refunds", "REFUND.SUCCESS")["refund_status"] == "SUCCESS"
    assert reply(200, wxpay.query_refund(out_refund_no="FIRST-1-R"))["status"] == "SUCCESS"
    step("the refund succeeded; received the notification over https")

    before = control("GET", "clock")["now"]
    after = control("POST", "clock", {"advance_seconds": 90_000})["now"]
    assert 90_000 <= after - before < 90_060, (before, after)
    second = sell("FIRST-2")
    late = seconds_of(second["success_time"]) - seconds_of(first["success_time"])
    assert 90_000 <= late < 90_060, second["success_time"]
    step("after the clock was advanced by 25 hours, an order was placed and paid")

    # The bill of a day is ready at ten o'clock of the next day.
    day = first["success_time"][:10]
    ready_at = seconds_of(f"{day}T10:00:00+08:00") + DAY
    control("PUT", "clock", {"now": max(ready_at, after)})
    text = bill(day)
    assert "FIRST-1" in text and "FIRST-1-R" in text and "FIRST-2" not in text, text
    step(f"downloaded the bill of {day}, the business day of the first payment")

    yesterday = int(time.time()) - DAY
    control("PUT", "clock", {"now": yesterday})
    paid = sell("FIRST-3")
    assert abs(seconds_of(paid["success_time"]) - yesterday) < 60, paid["success_time"]
    control("PUT", "clock", {"now": int(time.time())})
    # Without this setting, yesterday's bill is not ready before ten o'clock.
    control("PATCH", "settings", {"bill_delay_seconds": 0})
    day = paid["success_time"][:10]
    text = bill(day)
    assert "FIRST-3" in text and "FIRST-1" not in text, text
    step(f"with the clock set back to yesterday, an order was paid; downloaded yesterday's bill, of {day}")
    assert Notifications.received.empty(), Notifications.received.get()
finally:
    sim.terminate()
    sim.wait()
