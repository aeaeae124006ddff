#!/usr/bin/env python3
"""A merchant of APIv3 in plain Python, written from the protocol documents; it shares no code with the workspace.

RSA, AES-GCM and the parsing of keys are its own. It runs one payment from the first key to the refund, closes another
order, and sends requests that a gateway must accept or must refuse. Reads the simulator's environment; exits with 0 on
success.
"""

import base64
import hashlib
import http.server
import json
import os
import queue
import secrets
import threading
import time
import urllib.error
import urllib.request

BASE = os.environ["WXPAY_BASE_URL"]
MCHID, APPID, SERIAL, APIV3_KEY = (
    os.environ[f"WXPAY_{name}"] for name in ("MCHID", "APPID", "SERIAL_NO", "API_V3_KEY"))
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"


# --- keys and certificates, as DER -----------------------------------------------------------------------------


def der(data):
    """Parses the content of a DER sequence into a list of (tag, content)."""
    values, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at:at + size], "big"), at + size
        values.append((tag, data[at:at + length]))
        at += length
    return values


def pem(text):
    lines = text.strip().splitlines()
    assert lines[0].startswith("-----BEGIN ") and lines[-1].startswith("-----END "), lines[0]
    return der(base64.b64decode("".join(lines[1:-1]), validate=True))[0][1]


def private_key(text):
    inner = der(der(pem(text))[2][1])[0][1]
    _, n, _, d = (int.from_bytes(content, "big") for _, content in der(inner)[:4])
    return n, d


def public_key(spki):
    n, e = der(der(der(spki)[1][1][1:])[0][1])
    return int.from_bytes(n[1], "big"), int.from_bytes(e[1], "big")


def certificate(text):
    """Returns the serial number and the public key of a certificate."""
    fields = der(der(pem(text))[0][1])
    assert fields[0][0] == 0xA0, "the version of the certificate must be 3"
    return fields[1][1].lstrip(b"\0").hex().upper(), public_key(fields[6][1])


# --- RSASSA-PKCS1-v1_5 with SHA-256 ----------------------------------------------------------------------------


def encoded(message):
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(message).digest()
    return int.from_bytes(b"\0\1" + b"\xff" * (253 - len(digest)) + b"\0" + digest, "big")


def sign(key, message):
    n, d = key
    return base64.b64encode(pow(encoded(message), d, n).to_bytes(256, "big")).decode()


def is_valid(key, message, signature):
    n, e = key
    return pow(int.from_bytes(base64.b64decode(signature, validate=True), "big"), e, n) == encoded(message)


# --- AES-256-GCM -----------------------------------------------------------------------------------------------


def xtime(byte):
    return (byte << 1) ^ (0x11B if byte & 0x80 else 0)


def sbox():
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= xtime(p)
        for shift in (1, 2, 4):
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        rotated = q
        for shift in (1, 2, 3, 4):
            rotated ^= (q << shift | q >> 8 - shift) & 0xFF
        box[p] = rotated ^ 0x63
        if p == 1:
            return box


SBOX = sbox()


def round_keys(key):
    words, constant = [list(key[at:at + 4]) for at in range(0, 32, 4)], 1
    for at in range(8, 60):
        word = words[-1]
        if at % 8 == 0:
            word = [SBOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = xtime(constant)
        elif at % 8 == 4:
            word = [SBOX[byte] for byte in word]
        words.append([one ^ other for one, other in zip(words[-8], word)])
    return [sum(words[at:at + 4], []) for at in range(0, 60, 4)]


def block(keys, data):
    state = [one ^ other for one, other in zip(data, keys[0])]
    for at, key in enumerate(keys[1:], 1):
        state = [SBOX[state[(place + 4 * (place % 4)) % 16]] for place in range(16)]
        if at < 14:
            mixed = []
            for column in range(0, 16, 4):
                a = state[column:column + 4]
                total = a[0] ^ a[1] ^ a[2] ^ a[3]
                mixed += [a[row] ^ total ^ xtime(a[row] ^ a[(row + 1) % 4]) for row in range(4)]
            state = mixed
        state = [one ^ other for one, other in zip(state, key)]
    return bytes(state)


def times(x, y):
    product = 0
    for bit in range(127, -1, -1):
        product ^= y if x >> bit & 1 else 0
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return product


def decrypt(sealed):
    """Decrypts a resource or a certificate and returns the plaintext."""
    assert sealed["algorithm"] == "AEAD_AES_256_GCM", sealed["algorithm"]
    nonce, aad = sealed["nonce"].encode(), sealed.get("associated_data", "").encode()
    data = base64.b64decode(sealed["ciphertext"], validate=True)
    data, tag = data[:-16], data[-16:]
    assert len(nonce) == 12 and len(tag) == 16, sealed
    keys = round_keys(APIV3_KEY.encode())
    h, hashed = int.from_bytes(block(keys, bytes(16)), "big"), 0
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(data)).to_bytes(8, "big")
    for part in (aad, data, lengths):
        for at in range(0, len(part), 16):
            hashed = times(hashed ^ int.from_bytes(part[at:at + 16].ljust(16, b"\0"), "big"), h)
    mask = int.from_bytes(block(keys, nonce + (1).to_bytes(4, "big")), "big")
    assert (hashed ^ mask).to_bytes(16, "big") == tag, "the GCM tag is invalid"
    plain = b""
    for at in range(0, len(data), 16):
        stream = block(keys, nonce + (at // 16 + 2).to_bytes(4, "big"))
        plain += bytes(one ^ other for one, other in zip(data[at:at + 16], stream))
    return plain.decode()


# --- messages --------------------------------------------------------------------------------------------------

KEY = private_key(open(os.environ["WXPAY_PRIVATE_KEY_FILE"], encoding="ascii").read())
PLATFORM_KEYS = {}


def verify(headers, body):
    timestamp, nonce, serial, signature, kind = (
        headers[f"Wechatpay-{name}"] for name in ("Timestamp", "Nonce", "Serial", "Signature", "Signature-Type"))
    assert kind == "WECHATPAY2-SHA256-RSA2048", kind
    assert abs(int(timestamp) - time.time()) < 300, timestamp
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    assert is_valid(PLATFORM_KEYS[serial], message, signature), "the signature is invalid"
    return serial


def send(method, target, body=b"", key=KEY, order=(0, 1, 2, 3, 4), **headers):
    """Signs and sends a request; returns status, headers and body. `order` permutes the values of the header."""
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signature = sign(key, f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n")
    values = [f'mchid="{MCHID}"', f'nonce_str="{nonce}"', f'signature="{signature}"', f'timestamp="{timestamp}"',
              f'serial_no="{SERIAL}"']
    headers = {"Authorization": "WECHATPAY2-SHA256-RSA2048 " + ",".join(values[place] for place in order),
               "Accept": "application/json", "User-Agent": "a merchant in plain Python",
               **({"Content-Type": "application/json"} if body else {}),
               **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = urllib.request.Request(BASE + target, data=body or None, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as reply:
        return reply.code, reply.headers, reply.read()


def call(expected, method, target, fields=None, **options):
    """Signs and sends a request, verifies the reply, whatever its status, and returns its JSON."""
    body = b"" if fields is None else json.dumps(fields).encode()
    status, headers, body = send(method, target, body, **options)
    signer = verify(headers, body)
    assert status == expected, (status, body.decode())
    wanted = options.get("Wechatpay_Serial", "")
    assert not wanted.startswith("PUB_KEY_ID_") or signer == wanted, signer
    return json.loads(body) if body else None


def pay_in_client(parameters):
    """Pays with these parameters in the payer's client; returns the status."""
    request = urllib.request.Request(f"{BASE}/_sim/v1/payer/pay", json.dumps(parameters).encode(),
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status
    except urllib.error.HTTPError as reply:
        return reply.code


class Notifications(http.server.BaseHTTPRequestHandler):
    received = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            verify(self.headers, body)
            event = json.loads(body)
            event["resource"] = {**event["resource"], "plain": json.loads(decrypt(event["resource"]))}
        except Exception as error:
            event = error
        self.send_response(500 if isinstance(event, Exception) else 200)
        self.end_headers()
        Notifications.received.put((self.path, event))

    def log_message(self, *_):
        pass


def receive(path, event_type, original_type):
    actual, event = Notifications.received.get(timeout=20)
    assert actual == path and not isinstance(event, Exception), (actual, event)
    assert (event["event_type"], event["resource_type"]) == (event_type, "encrypt-resource"), event
    assert event["resource"]["original_type"] == event["resource"]["associated_data"] == original_type, event
    assert event["id"] and event["create_time"] and event["summary"], event
    return event["resource"]["plain"]


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
threading.Thread(target=server.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{server.server_port}"

# --- the first keys: decrypt, verify the same reply with them, then trust them ---------------------------------

# In a key mode, the environment has only the keys of that mode.
PUB_KEY_ID, PLATFORM_SERIAL = (os.environ.get(f"WXPAY_{name}") for name in ("PUBLIC_KEY_ID", "PLATFORM_SERIAL_NO"))
if PUB_KEY_ID:
    PLATFORM_KEYS[PUB_KEY_ID] = public_key(pem(open(os.environ["WXPAY_PUBLIC_KEY_FILE"], encoding="ascii").read()))
status, headers, body = send("GET", "/v3/certificates")
if PLATFORM_SERIAL:
    assert status == 200, body
    for entry in json.loads(body)["data"]:
        serial, key = certificate(decrypt(entry["encrypt_certificate"]))
        assert serial == entry["serial_no"] and len(serial) == 40, (serial, entry["serial_no"])
        assert entry["encrypt_certificate"]["associated_data"] == "certificate"
        PLATFORM_KEYS[serial] = key
    assert PLATFORM_SERIAL in PLATFORM_KEYS, list(PLATFORM_KEYS)
else:
    assert status == 404 and json.loads(body)["code"] == "RESOURCE_NOT_EXISTS", (status, body)
verify(headers, body)
print(f"trusts the keys {', '.join(PLATFORM_KEYS)}")

# --- an order, paid and refunded -------------------------------------------------------------------------------

# An order number may contain characters that some clients percent-encode: the path is signed as it is sent.
number = f"PY-{time.time_ns()}_v3"
escaped = number.replace("-", "%2D").replace("_", "%5F")
order = {"appid": APPID, "mchid": MCHID, "description": "一双筷子", "out_trade_no": number, "attach": '甲 + "乙"',
         "notify_url": f"{here}/payments", "amount": {"total": 1999, "currency": "CNY"}, "payer": {"openid": OPENID}}
placed = call(200, "POST", "/v3/pay/transactions/jsapi", order)
again = call(200, "POST", "/v3/pay/transactions/jsapi", order, order=(4, 3, 2, 1, 0))
assert placed["prepay_id"] and again["prepay_id"], (placed, again)

unpaid = {"amount": {"payer_currency": "CNY", "total": 1999}, "appid": APPID, "mchid": MCHID, "out_trade_no": number,
          "promotion_detail": [], "scene_info": {"device_id": ""}, "trade_state": "NOTPAY",
          "trade_state_desc": "订单未支付"}
for target in (number, escaped):
    target = f"/v3/pay/transactions/out-trade-no/{target}?mchid={MCHID}"
    assert call(200, "GET", target) == unpaid, call(200, "GET", target)
    # The reply is signed with the key that Wechatpay-Serial names; the merchant's own serial there is ignored.
    assert call(200, "GET", target, Wechatpay_Serial=PUB_KEY_ID or PLATFORM_SERIAL) == unpaid
    assert call(200, "GET", target, Wechatpay_Serial=SERIAL, Accept="*/*", order=(2, 0, 4, 1, 3)) == unpaid

page = {"appId": APPID, "timeStamp": str(int(time.time())), "nonceStr": "page",
        "package": f"prepay_id={placed['prepay_id']}"}
lines = "".join(f"{value}\n" for value in page.values()).encode()
assert pay_in_client({**page, "signType": "RSA", "paySign": sign((KEY[0], KEY[1] - 2), lines)}) >= 400
assert pay_in_client({**page, "signType": "RSA", "paySign": sign(KEY, lines)}) == 200
event = receive("/payments", "TRANSACTION.SUCCESS", "transaction")
paid = call(200, "GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={MCHID}")
assert paid == call(200, "GET", f"/v3/pay/transactions/id/{paid['transaction_id']}?mchid={MCHID}")
for view in (event, paid):
    assert view["trade_state"] == "SUCCESS" and view["trade_type"] == "JSAPI", view
    assert view["attach"] == order["attach"], view
    assert (view["appid"], view["mchid"], view["out_trade_no"]) == (APPID, MCHID, number), view
    assert view["payer"]["openid"] == OPENID and view["bank_type"] and view["trade_state_desc"], view
    assert view["amount"] == {"total": 1999, "payer_total": 1999, "currency": "CNY", "payer_currency": "CNY"}, view
    assert view["success_time"][10] == "T" and view["success_time"].endswith("+08:00"), view
assert event["transaction_id"] == paid["transaction_id"]

refund = {"transaction_id": paid["transaction_id"], "out_refund_no": f"R-{number}", "reason": "少了一根",
          "notify_url": f"{here}/refunds", "amount": {"refund": 999, "total": 1999, "currency": "CNY"}}
requested = call(200, "POST", "/v3/refund/domestic/refunds", refund)
event = receive("/refunds", "REFUND.SUCCESS", "refund")
found = call(200, "GET", f"/v3/refund/domestic/refunds/{refund['out_refund_no']}")
amount = {"total": 1999, "refund": 999, "payer_total": 1999, "payer_refund": 999}
for view in (requested, found):
    assert view["refund_id"] == event["refund_id"] and view["out_trade_no"] == number, view
    assert view["channel"] and view["user_received_account"] and view["funds_account"] and view["create_time"], view
    expected = {**amount, "settlement_total": 1999, "settlement_refund": 999, "discount_refund": 0, "currency": "CNY"}
    assert {name: view["amount"][name] for name in expected} == expected, view
assert requested["status"] in ("PROCESSING", "SUCCESS") and found["status"] == "SUCCESS", (requested, found)
assert event["amount"] == amount and event["refund_status"] == "SUCCESS" and event["user_received_account"], event
assert call(200, "GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={MCHID}")["trade_state"] == "REFUND"

# --- an order closed -------------------------------------------------------------------------------------------

second = {**order, "out_trade_no": f"{number}C"}
del second["payer"]
assert call(200, "POST", "/v3/pay/transactions/native", second)["code_url"].startswith("weixin://")
assert call(204, "POST", f"/v3/pay/transactions/out-trade-no/{number}C/close", {"mchid": MCHID}) is None
assert call(200, "GET", f"/v3/pay/transactions/out-trade-no/{number}C?mchid={MCHID}")["trade_state"] == "CLOSED"

# --- signed refusals -------------------------------------------------------------------------------------------

missing = call(404, "GET", f"/v3/pay/transactions/out-trade-no/{number}N?mchid={MCHID}")
assert missing["code"].replace("_", "") == "ORDERNOTEXIST" and missing["message"], missing
_, headers, _ = send("GET", f"/v3/pay/transactions/out-trade-no/{number}N?mchid={MCHID}")
assert headers["Request-ID"].rpartition("-")[2] == "268512771", headers["Request-ID"]
closed = call(400, "POST", "/v3/pay/transactions/native", second)
assert closed["code"] == "ORDER_CLOSED", closed
wrong_key = (KEY[0], KEY[1] - 2)
status, headers, body = send("GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={MCHID}", key=wrong_key)
refused = json.loads(body)
assert status == 401 and refused["code"] == "SIGN_ERROR" and "sign_information" in json.dumps(refused["detail"]), body
verify(headers, body)

assert Notifications.received.empty(), Notifications.received.get()
print(f"{number} was placed, queried (NOTPAY), paid, notified, queried (SUCCESS) and refunded")
print(f"{number}C was placed and closed")
