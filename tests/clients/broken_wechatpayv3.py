#!/usr/bin/env python3
"""`wechatpayv3` (PyPI), broken from outside as developers break such clients: `wxpay explain` must name each breakage.

usage: broken_wechatpayv3.py      with the simulator's environment

The package is unmodified: each breakage replaces some of its functions for one call, or configures it wrongly. Prints one
JSON object per breakage, with the message as sent and as answered. Exits with 0 if every breakage was shown.
"""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import queue
import sys
import tempfile
import threading
import time
import types
import urllib.error
import urllib.request
from importlib.metadata import version
from unittest.mock import patch
from urllib.parse import quote

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from wechatpayv3 import SignType, WeChatPay, WeChatPayType, core, utils
from wechatpayv3.core import Core

BASE = os.environ["WXPAY_BASE_URL"]
MCHID, APPID, SERIAL, APIV3_KEY = (
    os.environ[f"WXPAY_{name}"] for name in ("MCHID", "APPID", "SERIAL_NO", "API_V3_KEY"))
KEY = open(os.environ["WXPAY_PRIVATE_KEY_FILE"], encoding="utf-8").read()
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"

# The constructor sets this attribute, so only a property of the class can override it.
Core._gate_way = property(lambda _: BASE, lambda *_: None)


def client(**options):
    options = {"mchid": MCHID, "private_key": KEY, "cert_serial_no": SERIAL, "apiv3_key": APIV3_KEY} | options
    return WeChatPay(wechatpay_type=WeChatPayType.JSAPI, appid=APPID, notify_url=f"{here}/payments", timeout=(10, 10),
                     public_key=open(os.environ["WXPAY_PUBLIC_KEY_FILE"], encoding="utf-8").read(),
                     public_key_id=os.environ["WXPAY_PUBLIC_KEY_ID"], **options)


def number():
    return f"B{time.time_ns()}"


# The calls that are broken.

def order(wxpay, **options):
    return wxpay.pay(description="一双筷子 <A&B>", out_trade_no=number(), amount={"total": 1999, "currency": "CNY"},
                     payer={"openid": OPENID}, attach='甲/乙 + "丙"', **options)


def app_order(wxpay):
    return wxpay.pay(description="一双筷子", out_trade_no=number(), amount={"total": 1}, pay_type=WeChatPayType.APP)


def query(wxpay, out_trade_no=None):
    return wxpay.query(out_trade_no=out_trade_no or PLACED)


def bill(wxpay):
    return wxpay.trade_bill(bill_date="2026-01-02", bill_type="SUCCESS", tar_type="GZIP")


def parking(wxpay):
    return wxpay.parking_service_find(plate_number="粤B 88888", plate_color="BLUE", openid=OPENID)


def encoded(text):
    return requested(f"/v3/vehicle/parking/services/find?appid={APPID}&plate_number={text}&plate_color=BLUE")


def requested(path):
    return lambda wxpay: wxpay._core.request(path)


def upload(wxpay):
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "chopsticks.png")
        with open(image, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + bytes(64))
        return wxpay.image_upload(image)


# The replacements. Each returns a context manager.

def signed(change):
    """Changes the string that is signed."""
    real = utils.rsa_sign
    return patch.object(utils, "rsa_sign", lambda private_key, sign_str: real(private_key, change(sign_str)))


def signer(sign):
    """Replaces the signature function. `sign` receives the private key and the bytes, and returns a text."""
    return patch.object(utils, "rsa_sign", lambda private_key, sign_str: sign(private_key, sign_str.encode()))


def line(index, change):
    """Changes one line of the signed string: 0 method, 1 URL, 2 timestamp, 3 nonce."""
    def changed(text):
        lines = text.split("\n", 4)
        lines[index] = change(lines[index])
        return "\n".join(lines)
    return signed(changed)


def signed_body(change):
    """Changes the body that is signed. `change` receives the data of the call and returns a text."""
    real = core.build_authorization

    def build(*arguments, data=None):
        return real(*arguments, data=change(data))
    return patch.object(core, "build_authorization", build)


def authorization(change):
    """Changes the finished header."""
    real = core.build_authorization
    return patch.object(core, "build_authorization", lambda *arguments, data=None: change(real(*arguments, data=data)))


def wire(change):
    """Changes the request after the client has handed it to its HTTP library."""
    real = requests.Session.send

    def send(self, request, **options):
        change(request)
        return real(self, request, **options)
    return patch.object(requests.Session, "send", send)


def sent_body(change):
    """Changes the bytes that are sent. `change` receives the data of the call."""
    def changed(request):
        request.body = change(json.loads(request.body))
        request.prepare_content_length(request.body)
    return wire(changed)


def sent_url(change):
    def changed(request):
        request.url = change(request.url)
    return wire(changed)


def clock(seconds):
    """Replaces the module `time` of the package."""
    return patch.object(utils, "time", types.SimpleNamespace(time=seconds))


def named(name, value):
    return patch.object(utils, name, value)


def compact(data):
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def same_body(serialise):
    """Signs and sends the same text, which the package alone would not write."""
    both = contextlib.ExitStack()
    both.enter_context(signed_body(serialise))
    both.enter_context(sent_body(lambda data: serialise(data).encode()))
    return both


def raw_signature(private_key, block):
    """The bare RSA operation, with which some programs "encrypt by the private key"."""
    numbers = private_key.private_numbers()
    length = (private_key.key_size + 7) // 8
    padded = b"\0\1" + b"\xff" * (length - 3 - len(block)) + b"\0" + block
    power = pow(int.from_bytes(padded, "big"), numbers.d, numbers.public_numbers.n)
    return base64.b64encode(power.to_bytes(length, "big")).decode()


def sha256(message):
    return hashlib.sha256(message).digest()


def rsa_signature(private_key, message):
    return private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def sign_multipart(request):
    """Signs what the HTTP library is about to send: the file and the boundaries too."""
    request.headers["Authorization"] = utils.build_authorization(
        request.path_url, request.method, MCHID, SERIAL, serialization.load_pem_private_key(KEY.encode(), None),
        data=request.body.decode("latin-1"))


def latin_1(private_key, message):
    """Signs each character as one byte, to undo the decoding of `sign_multipart`."""
    return base64.b64encode(rsa_signature(private_key, message.decode().encode("latin-1"))).decode()


def other_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def colons(serial):
    return ":".join(serial[at:at + 2] for at in range(0, len(serial), 2))


def refused_requests():
    """Yields breakage, expected cause, certainty, call, replacements, and the options of the client."""
    def case(name, cause, call, *replacements, certainty="exact", **options):
        return name, cause, certainty, call, replacements, options

    def likely(*arguments, **options):
        return case(*arguments, certainty="likely", **options)

    # Without any breakage: the calls themselves are right.
    yield case("unbroken order", None, order)
    yield case("unbroken query", None, query)
    yield case("unbroken upload", None, upload)
    yield case("unbroken body without blanks, in UTF-8", None, order, same_body(compact))

    # Lines.
    yield case("lines joined by \\n, none at the end", "missing_final_line_feed", order, signed(lambda text: text[:-1]))
    yield case("no line for the absent body", "missing_body_line_feed", query, signed(lambda text: text[:-1]))
    yield case("a line feed too many", "extra_line_feed", query, signed(lambda text: text + "\n"))
    yield case("CR LF, as by println on Windows", "crlf", order, signed(lambda text: text.replace("\n", "\r\n")))
    yield case("r'\\n', a raw string", "literal_backslash_n", order, signed(lambda text: text.replace("\n", "\\n")))
    yield case("joined by &, as in APIv2", "line_separator", query, signed(lambda text: text.replace("\n", "&")))
    yield case("nonce before timestamp", "line_order", order,
               signed(lambda text: "{0}\n{1}\n{3}\n{2}\n{4}".format(*text.split("\n", 4))))
    yield case("the string of a reply signed", "line_order", order, signed(lambda text: text.split("\n", 2)[2]))
    yield case("no line for the method", "line_order", query, signed(lambda text: text.split("\n", 1)[1]))

    # Method and URL.
    yield case("the complete URL signed", "host_in_url", query, line(1, lambda path: BASE + path))
    yield case("the production URL signed behind a proxy", "host_in_url", query,
               line(1, lambda path: "https://api.mch.weixin.qq.com" + path))
    yield case("the path below /v3 signed", "path_prefix", order, line(1, lambda path: path[3:]))
    yield case("a base URL with a slash at its end signed", "path_prefix", query, line(1, lambda path: "/" + path))
    yield case("an order number with |: unmodified package", "path_encoding", lambda wxpay: query(wxpay, "A|1"))
    yield case("a slash at the end signed", "trailing_slash", order, line(1, lambda path: path + "/"))
    yield case("a slash at the end sent", "trailing_slash", order, sent_url(lambda url: url + "/"))
    yield case("only the path signed", "query_missing", query, line(1, lambda path: path.split("?")[0]))
    yield case("parameters signed sorted", "query_reordered", bill,
               line(1, lambda path: path.split("?")[0] + "?" + "&".join(sorted(path.split("?")[1].split("&"))[::-1])))
    yield case("a number plate: unmodified package", "query_decoded", parking)
    yield case("the value encoded, then by the HTTP library again", "query_double_encoded", encoded(quote("粤B88888")),
               sent_url(lambda url: url.replace("%", "%25")))
    yield case("escapes in lower case signed", "query_reencoded", encoded(quote("粤B88888")),
               line(1, lambda path: path.replace(quote("粤"), quote("粤").lower())))
    yield case("a blank signed as +", "query_reencoded", encoded("B%2088888"), line(1, lambda path: path.replace("%20", "+")))
    yield case("method in lower case", "method_case", query, line(0, str.lower))
    yield case("POST signed, whatever is sent", "method_differs", query, line(0, lambda _: "POST"))

    # Timestamp and nonce.
    yield case("time.time() * 1000", "timestamp_milliseconds", query, clock(lambda: time.time() * 1000))
    yield case("milliseconds signed, seconds sent", "timestamp_milliseconds", order,
               line(2, lambda seconds: f"{seconds}999"))
    yield case("the time read again for the header", "timestamp_differs", order, line(2, lambda text: str(int(text) - 1)))
    yield case("the clock 10 minutes behind", "clock_skew", order, clock(lambda: time.time() - 600))
    yield case("local time taken for UTC", "clock_skew", query, clock(lambda: time.time() + 8 * 3600))
    yield likely("another nonce for the header", "nonce_differs", order, line(3, lambda _: os.urandom(16).hex()))
    yield case("the nonce in lower case for the header", "nonce_differs", query, line(3, str.lower))

    # Body.
    yield case("serialised without blanks to sign", "body_reserialized", order, signed_body(compact))
    yield case("ensure_ascii=False to send", "body_reserialized", order,
               sent_body(lambda data: json.dumps(data, ensure_ascii=False).encode()))
    yield case("sort_keys=True to sign", "body_reserialized", order, signed_body(lambda data: json.dumps(data, sort_keys=True)))
    yield case("indent=4 to sign", "body_reserialized", order, signed_body(lambda data: json.dumps(data, indent=4)))
    yield case("str(data) signed", "body_reserialized", order, signed_body(str))
    yield case("json= with a body that is text already", "body_reserialized", order,
               sent_body(lambda data: json.dumps(json.dumps(data)).encode()))
    yield case("a line feed after the body", "body_trimmed", order,
               sent_body(lambda data: json.dumps(data).encode() + b"\n"))
    yield case("a byte order mark before the body", "body_bom", order,
               sent_body(lambda data: json.dumps(data).encode("utf-8-sig")))
    yield case("signed in GBK", "body_gbk", order, same_body(compact),
               signer(lambda key, text: base64.b64encode(rsa_signature(key, text.decode().encode("gbk"))).decode()))
    yield case("sent in GBK", "body_gbk", order, signed_body(compact), sent_body(lambda data: compact(data).encode("gbk")))
    yield case("signed in ASCII with errors='replace'", "body_charset", order, same_body(compact), signer(
        lambda key, text: base64.b64encode(rsa_signature(key, text.decode().encode("ascii", "replace"))).decode()))
    yield case("SHA-256 of the body signed", "body_hashed", order,
               signed_body(lambda data: sha256(json.dumps(data).encode()).hex()))
    yield case("no body signed, as for GET", "body_not_signed", order, signed_body(lambda _: None))
    yield case("the whole upload signed", "multipart_whole", upload, signer(latin_1), wire(sign_multipart))
    yield case("{} signed for no body", "braces_for_empty_body", query, signed_body(lambda _: "{}"))
    yield case("None signed for no body", "braces_for_empty_body", query, signed_body(str))

    # Key, serial number and merchant.
    yield likely("the private key of another merchant", "wrong_key", order, private_key=other_key())
    yield case("the serial number of the platform certificate", "serial_of_another_certificate", query,
               cert_serial_no=os.environ["WXPAY_PLATFORM_SERIAL_NO"])
    yield case("the serial number with colons", "serial_format", order, cert_serial_no=colons(SERIAL))
    yield case("the line of openssl: serial=..", "serial_format", order, cert_serial_no=f"serial={SERIAL}")
    yield case("str(certificate.serial_number): decimal", "serial_format", query, cert_serial_no=str(int(SERIAL, 16)))
    yield case("the mchid of the sub-merchant", "wrong_mchid", order, mchid="1900000109")

    # Form of the signature.
    yield case("SHA-1", "sha1", order, named("SHA256", hashes.SHA1))
    yield case("SHA-512", "other_digest", query, named("SHA256", hashes.SHA512))
    yield case("the hash encrypted with the private key", "missing_digest_info", order,
               signer(lambda key, text: raw_signature(key, sha256(text))))
    yield case("hashed before it is signed", "hashed_twice", order,
               signer(lambda key, text: base64.b64encode(rsa_signature(key, sha256(text))).decode()))
    yield case("PSS", "pss", query, named("PKCS1v15", lambda: padding.PSS(padding.MGF1(hashes.SHA256()), 32)))
    yield case("URL-safe Base64 without padding, as in JWT", "signature_encoding", order,
               signer(lambda key, text: base64.urlsafe_b64encode(rsa_signature(key, text)).decode().rstrip("=")))
    yield case("hexadecimal digits", "signature_encoding", query, signer(lambda key, text: rsa_signature(key, text).hex()))
    yield case("str(b64encode(..)): b'..'", "signature_encoding", order,
               signer(lambda key, text: str(base64.b64encode(rsa_signature(key, text)))))
    yield case("MD5 of APIv2", "apiv2_signature", order,
               signer(lambda _, text: hashlib.md5(text + b"&key=" + APIV3_KEY.encode()).hexdigest().upper()))
    yield case("HMAC-SHA256 with the APIv3 key, in Base64", "apiv2_signature", query, signer(
        lambda _, text: base64.b64encode(hmac.digest(APIV3_KEY.encode(), text, "sha256")).decode()))

    # Authorization.
    yield case("no Authorization", "header_grammar", query, wire(lambda request: request.headers.pop("Authorization")))
    yield case("no scheme", "header_grammar", query, authorization(lambda header: header.split(" ", 1)[1]))
    yield case("Bearer", "header_grammar", order, authorization(lambda header: "Bearer " + header.split(" ", 1)[1]))
    yield case("nonce for nonce_str", "header_grammar", order, authorization(lambda header: header.replace("nonce_str", "nonce")))
    yield case("semicolons", "header_grammar", query, authorization(lambda header: header.replace('",', '";')))
    yield case("single quotes", "header_grammar", query, authorization(lambda header: header.replace('"', "'")))


# Payment parameters. The payer's client of the simulator refuses them.

def parameters():
    """Yields breakage, expected cause, certainty, and the parameters of a page or an app."""
    wxpay = client()
    prepay_id = json.loads(order(wxpay)[1])["prepay_id"]
    app_id = json.loads(app_order(wxpay)[1])["prepay_id"]
    now, nonce = str(int(time.time())), os.urandom(16).hex().upper()

    def page(package=f"prepay_id={prepay_id}", signed=None, sign_type="RSA", sent_time=now, sent_nonce=nonce, appid=APPID,
             sign=wxpay.sign):
        return {"appId": APPID, "timeStamp": sent_time, "nonceStr": sent_nonce, "package": package, "signType": sign_type,
                "paySign": sign([appid, now, nonce, package if signed is None else signed])}

    def app(signed=app_id, prepayid=app_id):
        return {"appid": APPID, "partnerid": MCHID, "prepayid": prepayid, "package": "Sign=WXPay", "noncestr": nonce,
                "timestamp": now, "sign": wxpay.sign([APPID, now, nonce, signed])}

    def apiv2(lines):
        names = ["appId", "timeStamp", "nonceStr", "package"]
        return wxpay.sign(dict(zip(names, lines)), SignType.HMAC_SHA256)

    def pairs(lines):
        names = ["appId", "timeStamp", "nonceStr", "package"]
        members = sorted((dict(zip(names, lines)) | {"signType": "RSA"}).items())
        return utils.rsa_sign(wxpay._core._private_key, "&".join(f"{name}={value}" for name, value in members))

    yield "unbroken page", None, "exact", page()
    yield "unbroken app", None, "exact", app()
    yield "page: the bare prepay_id signed", "prepay_id_prefix", "exact", page(signed=prepay_id)
    yield "page: the bare prepay_id signed and sent", "prepay_id_prefix", "exact", page(package=prepay_id)
    yield "page: prepay_id=prepay_id=.. signed", "prepay_id_prefix", "exact", page(signed=f"prepay_id=prepay_id={prepay_id}")
    yield ("page: prepay_id=prepay_id=.. signed and sent", "prepay_id_prefix", "exact",
           page(package=f"prepay_id=prepay_id={prepay_id}"))
    yield "app: prepay_id=.. signed", "prepay_id_prefix", "exact", app(signed=f"prepay_id={app_id}")
    yield "app: prepay_id=.. signed and sent", "prepay_id_prefix", "exact", app(*[f"prepay_id={app_id}"] * 2)
    yield "app: Sign=WXPay signed", "package_differs", "exact", app(signed="Sign=WXPay")
    yield "page: no appid signed", "wrong_appid", "exact", page(appid="")
    yield "page: the appid of another app signed", "wrong_appid", "likely", page(appid="wx8888888888888888")
    yield "page: a timestamp in milliseconds", "client_timestamp", "exact", page(sent_time=now + "000")
    yield "page: the time read again", "client_timestamp", "exact", page(sent_time=str(int(now) + 1))
    yield "page: the timestamp as a number", "client_timestamp", "exact", page(sent_time=int(now))
    yield "page: signType MD5", "client_sign_type", "exact", page(sign_type="MD5")
    yield "page: HMAC-SHA256 of APIv2", "apiv2_signature", "exact", page(sign=apiv2)
    yield "page: the string of APIv2, signed by RSA", "line_separator", "exact", page(sign=pairs)
    yield "page: the private key of another merchant", "wrong_key", "likely", page(sign=client(private_key=other_key()).sign)
    yield "page: the nonce in lower case", "nonce_differs", "exact", page(sent_nonce=nonce.lower())


# Notifications and replies. The client refuses them.

class Notifications(http.server.BaseHTTPRequestHandler):
    """Answers 204, and keeps each notification."""

    received = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
        Notifications.received.put(({name.lower(): value for name, value in self.headers.items()}, body))

    def log_message(self, *_):
        pass


def received():
    """Yields breakage, cause, certainty, the client, headers and body as they reach it, and its environment."""
    status, answer = control("faults", {"kind": "notification_probe"})
    assert status == 201, answer
    control(f"orders/{PLACED}/pay", {})
    probe, (headers, body) = (Notifications.received.get(timeout=20) for _ in range(2))
    wxpay, other = client(), "0123456789abcdefghijklmnopqrstuv"
    yield "unbroken notification", None, "exact", wxpay, headers, body, {}
    yield ("notification: another APIv3 key", "wrong_api_v3_key", "exact", client(apiv3_key=other), headers, body,
           {"WXPAY_API_V3_KEY": other})
    yield ("notification: json.dumps(request.json)", "body_reserialized", "exact", wxpay, headers,
           json.dumps(json.loads(body)).encode(), {})
    yield "notification: body.strip() + newline", "body_trimmed", "exact", wxpay, headers, body.strip() + b"\n", {}
    without = {name: value for name, value in headers.items() if name != "wechatpay-nonce"}
    yield "notification: a proxy drops Wechatpay-Nonce", "header_grammar", "exact", wxpay, without, body, {}
    sm2 = headers | {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"}
    yield "notification: declared as SM2", "signature_type", "exact", wxpay, sm2, body, {}
    mixed = headers | {"wechatpay-serial": os.environ["WXPAY_PLATFORM_SERIAL_NO"]}
    yield ("notification: the serial number of an earlier one", "wrong_notification_serial", "exact",
           wxpay, mixed, body, {})
    yield "notification: a probe of WeChat Pay", "signature_probe", "exact", wxpay, *probe, {}


# Evidence.

def control(path, fields):
    request = urllib.request.Request(f"{BASE}/_sim/v1/{path}", data=json.dumps(fields).encode(),
                                     headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def report(breakage, expected, certainty, **evidence):
    client_of = f"wechatpayv3 {version('wechatpayv3')}"
    print(json.dumps({"client": client_of, "breakage": breakage, "expected": expected, "certainty": certainty} | evidence))


def show_request(breakage, expected, certainty, call, replacements, options):
    exchanges = []
    real = requests.adapters.HTTPAdapter.send

    def send(self, request, **others):
        response = real(self, request, **others)
        exchanges.append((request, response))
        return response

    with patch.object(requests.adapters.HTTPAdapter, "send", send), contextlib.ExitStack() as replaced:
        for replacement in replacements:
            replaced.enter_context(replacement)
        call(client(**options))
    [(request, response)] = exchanges
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    message = {"kind": "request", "method": request.method, "url": request.url, "headers": dict(request.headers),
               "body_base64": base64.b64encode(body).decode()}
    report(breakage, expected, certainty, message=message, status=response.status_code,
           request_id=response.headers["Request-ID"])


def show_parameters(breakage, expected, certainty, sent):
    status, answer = control("payer/show", sent)
    causes = [(cause["id"], "exact" if cause["is_proved"] else "likely") for cause in answer.get("causes", [])]
    report(breakage, expected, certainty, message={"kind": "client_params", "body": sent}, status=status, causes=causes)


def show_received(breakage, expected, certainty, wxpay, headers, body, environment):
    try:
        result = wxpay.callback(headers, body)
    except Exception as error:
        result = print(f"{breakage}: {error!r}", file=sys.stderr)
    message = {"kind": "notification", "headers": headers, "body_base64": base64.b64encode(body).decode()}
    report(breakage, expected, certainty, message=message, status=200 if result else 401, environment=environment)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
threading.Thread(target=server.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{server.server_port}"

PLACED = number()
code, text = client().pay(description="一双筷子", out_trade_no=PLACED, amount={"total": 1}, payer={"openid": OPENID})
assert code == 200, text
for case in refused_requests():
    show_request(*case)
for case in parameters():
    show_parameters(*case)
for case in received():
    show_received(*case)
