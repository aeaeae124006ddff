#!/usr/bin/env python3
"""Writes a corpus of signed messages with known causes, for the tests of wxpay-explain.

usage: tests/explain/corpus.py [--seed N] [--each N] [--pairs N] [--valid N]

Shares no code with the workspace: the messages are built and signed with Python and the package `cryptography`. The
first line of the output has the keys; each other line one message with the ids of its causes, none if it is valid. A pair
is `hidden` if one of its causes leaves nothing from which the other could be proved.
"""

import argparse
import base64
import datetime
import json
import random
import string
import sys
import time
import urllib.parse

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.x509.oid import NameOID
except ImportError as error:
    print(f"the package cryptography is required: {error}", file=sys.stderr)
    sys.exit(77)

ALNUM = string.ascii_letters + string.digits
MCHID, OTHER_MCHID, APPID = "1900007291", "1900009191", "wxd678efh567hg6787"
API_V3_KEY = "".join(random.Random(1).choice(ALNUM) for _ in range(32))
HOST = "api.mch.weixin.qq.com"


class Signer:
    def __init__(self, serial, name=None):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.serial = serial
        self.name = name

    def certificate(self):
        subject = x509.Name([
            x509.NameAttribute(NameOID.COMMON_NAME, self.name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "微信商户系统"),
        ])
        start = datetime.datetime(2024, 1, 1)
        built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(self.key.public_key())
        built = built.serial_number(int(self.serial, 16)).not_valid_before(start)
        built = built.not_valid_after(start + datetime.timedelta(days=1825)).sign(self.key, hashes.SHA256())
        return built.public_bytes(serialization.Encoding.PEM).decode()

    def private(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    def public(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


MERCHANT = Signer("0157F09EFDC096DE15EBE81A47057A7232F1B8E1", MCHID)
OTHER = Signer("3775B6A45ACD588826D15E583A95F5DD51F3C9A1", OTHER_MCHID)
PLATFORM = Signer("5157F09EFDC096DE15EBE81A47057A72AABBCCDD", "Tenpay.com sign")
PUBLIC_KEY = Signer("PUB_KEY_ID_0116000072912025010100292000001000")
STRANGER = Signer("6100000000000000000000000000000000000001")


def text(rng, low, high, alphabet=ALNUM):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


CHINESE = "腾讯充值中心会员购买深圳分店豪华套餐红烧牛肉面可乐大杯优惠券支付订单测试商品图书馆"
GOODS = ["Image形象店-深圳腾大-QQ公仔", "iPhone 15 Pro 256GB", "咖啡（大杯）/热", "Tom & Jerry <DVD>", "苹果=2斤", "豆浆'甜'"]


def chinese(rng, low, high):
    return "".join(rng.choice(CHINESE) for _ in range(rng.randint(low, high)))


def date(rng):
    day = datetime.datetime(2025, 1, 1) + datetime.timedelta(seconds=rng.randrange(86400 * 365))
    return day.strftime("%Y-%m-%dT%H:%M:%S+08:00")


def order(rng):
    """Returns the content of an order, its members in the order of the documents."""
    content = {"appid": APPID, "mchid": MCHID, "description": rng.choice(GOODS) + chinese(rng, 0, 6),
               "out_trade_no": text(rng, 6, 32)}
    if rng.random() < 0.5:
        content["time_expire"] = date(rng)
    if rng.random() < 0.5:
        content["attach"] = rng.choice(["", "自定义数据说明", "id=1;from=<web>", "a/b\\c \"d\"", "🎁礼物", text(rng, 1, 60)])
    content["notify_url"] = "https://www.example.com/wxpay/notify/" + text(rng, 3, 8)
    if rng.random() < 0.3:
        content["goods_tag"] = "WXG"
    if rng.random() < 0.3:
        content["support_fapiao"] = rng.random() < 0.5
    content["amount"] = {"total": rng.randint(1, 10 ** 6), "currency": "CNY"}
    if rng.random() < 0.6:
        content["payer"] = {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
    if rng.random() < 0.3:
        goods = [{"merchant_goods_id": text(rng, 5, 12), "goods_name": rng.choice(GOODS), "quantity": rng.randint(1, 9),
                  "unit_price": rng.randint(1, 99999)} for _ in range(rng.choice([1, 2, 3, 20]))]
        content["detail"] = {"cost_price": rng.randint(1, 99999), "invoice_id": text(rng, 3, 9), "goods_detail": goods}
    if rng.random() < 0.3:
        content["scene_info"] = {"payer_client_ip": "14.23.150.211", "device_id": "013467007045764"}
    return content


def refund(rng):
    total = rng.randint(100, 10 ** 6)
    return {"transaction_id": text(rng, 28, 28, string.digits), "out_refund_no": text(rng, 6, 32),
            "reason": "商品已售完" + chinese(rng, 0, 8), "notify_url": "https://weixin.qq.com/" + text(rng, 2, 6),
            "amount": {"refund": rng.randint(1, total), "total": total, "currency": "CNY"}}


def transfer(rng):
    return {"appid": APPID, "out_bill_no": text(rng, 6, 32), "transfer_scene_id": "1000", "openid": "o-MYE42l80oelYMDE34nYD456Xoy",
            "transfer_amount": rng.randint(10, 99999), "transfer_remark": "新会员开通有礼" + chinese(rng, 0, 4),
            "transfer_scene_report_infos": [{"info_type": "活动名称", "info_content": chinese(rng, 2, 8)}]}


def compact(content):
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def quoted(value):
    return urllib.parse.quote(value, safe="")


class Case:
    """A message in its two versions: as it is signed and as it is sent."""

    def __init__(self, rng, kind, now):
        self.rng, self.kind, self.now = rng, kind, now
        self.timestamp = self.signed_timestamp = str(now + rng.randint(-20, 20))
        self.nonce = self.signed_nonce = text(rng, 32, 32, rng.choice([ALNUM, "0123456789ABCDEF", "0123456789abcdef"]))
        self.line_end, self.tail, self.crlf_in_body = "\n", "whole", False
        self.hash, self.padding = hashes.SHA256(), padding.PKCS1v15()
        self.encode = lambda raw: base64.b64encode(raw).decode()
        self.header = lambda values: authorization(values)
        self.headers = {}
        self.content = None
        self.upload = None
        self.mchid = MCHID
        getattr(self, "make_" + kind)()
        self.serial = self.signer.serial

    def make_request(self):
        rng, self.signer = self.rng, MERCHANT
        self.method = self.signed_method = "GET"
        self.host = self.query = ""
        number = text(rng, 6, 32, ALNUM + "_-*")
        self.body = b""
        choice = rng.randrange(11)
        if choice < 4:
            self.method, self.content = "POST", order(rng)
            self.path = "/v3/pay/transactions/" + rng.choice(["jsapi", "app", "h5", "native"])
        elif choice == 4:
            self.method, self.path, self.content = "POST", "/v3/refund/domestic/refunds", refund(rng)
        elif choice == 5:
            self.method, self.path, self.content = "POST", "/v3/fund-app/mch-transfer/transfer-bills", transfer(rng)
        elif choice == 6:
            self.path, self.query = f"/v3/pay/transactions/out-trade-no/{number}", f"mchid={MCHID}"
        elif choice == 7:
            self.path = "/v3/bill/tradebill"
            self.query = f"bill_date=2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}&bill_type=ALL&tar_type=GZIP"
        elif choice == 8:
            self.path = "/v3/marketing/favor/stocks"
            self.query = (f"offset={rng.randint(0, 9)}&limit=10&stock_creator_mchid={MCHID}&create_start_time={quoted(date(rng))}"
                          f"&status={rng.choice(['running', quoted('进行中')])}")
        elif choice == 9:
            self.path = rng.choice(["/v3/certificates", f"/v3/refund/domestic/refunds/{text(rng, 6, 32)}"])
        else:
            self.method = "POST"
            self.path = f"/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{text(rng, 6, 32)}/cancel"
        self.signed_method = self.method
        if self.content is not None:
            self.body = compact(self.content)
        self.finish_url()

    def finish_url(self):
        self.signed_path, self.signed_query, self.signed_body = self.path, self.query, self.body
        self.signed_host = ""
        if self.rng.random() < 0.3:
            self.host = "https://" + HOST

    def make_upload(self):
        rng = self.rng
        self.kind, self.signer = "request", MERCHANT
        self.method = self.signed_method = "POST"
        self.host, self.path, self.query = "", "/v3/merchant/media/upload", ""
        meta = compact({"filename": text(rng, 3, 9) + ".png", "sha256": text(rng, 64, 64, "0123456789abcdef")})
        boundary = text(rng, 16, 40)
        file = text(rng, 50, 800).encode()
        self.upload = (f'--{boundary}\r\nContent-Disposition: form-data; name="meta";\r\nContent-Type: application/json\r\n\r\n'.encode()
                       + meta + f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png";\r\n'
                       f'Content-Type: image/png\r\n\r\n'.encode() + file + f"\r\n--{boundary}--\r\n".encode())
        self.headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        self.body = meta
        self.finish_url()

    def make_from_platform(self):
        self.signer = self.rng.choice([PLATFORM, PUBLIC_KEY])
        self.method, self.path, self.query, self.host = "", "", "", ""
        self.signed_path = self.signed_query = self.signed_host = self.signed_method = ""
        self.body = self.signed_body = b"" if self.content is None else compact(self.content)

    def make_reply(self):
        rng = self.rng
        if rng.random() < 0.85:
            total = rng.randint(1, 10 ** 6)
            self.content = rng.choice([
                {"prepay_id": "wx" + text(rng, 34, 34, string.digits)},
                {"code_url": "weixin://wxpay/bizpayurl?pr=" + text(rng, 9, 9)},
                {"amount": {"currency": "CNY", "payer_currency": "CNY", "payer_total": total, "total": total}, "appid": APPID,
                 "attach": "", "bank_type": "OTHERS", "mchid": MCHID, "out_trade_no": text(rng, 6, 32), "payer": {"openid": "o1"},
                 "promotion_detail": [], "success_time": date(rng), "trade_state": "SUCCESS", "trade_state_desc": "支付成功",
                 "trade_type": "JSAPI", "transaction_id": text(rng, 28, 28, string.digits)},
                {"code": "ORDER_NOT_EXIST", "message": "订单不存在"},
            ])
        self.make_from_platform()

    def make_notification(self, key=API_V3_KEY):
        rng = self.rng
        plain = compact({"mchid": MCHID, "appid": APPID, "out_trade_no": text(rng, 6, 32), "trade_state": "SUCCESS",
                         "trade_state_desc": "支付成功", "amount": {"total": 1}})
        nonce = text(rng, 12, 12)
        sealed = AESGCM(key.encode()).encrypt(nonce.encode(), plain, b"transaction")
        self.content = {"id": "EV-" + text(rng, 30, 30, string.digits), "create_time": date(rng), "resource_type": "encrypt-resource",
                        "event_type": "TRANSACTION.SUCCESS", "summary": "支付成功",
                        "resource": {"original_type": "transaction", "algorithm": "AEAD_AES_256_GCM",
                                     "ciphertext": base64.b64encode(sealed).decode(), "associated_data": "transaction", "nonce": nonce}}
        self.make_from_platform()

    def make_client_params(self):
        self.signer = MERCHANT
        self.is_app = self.rng.random() < 0.5
        self.appid = self.signed_appid = APPID
        self.prepay_id = "wx" + text(self.rng, 34, 34, string.digits)
        self.signed_package = self.prepay_id if self.is_app else "prepay_id=" + self.prepay_id
        self.timestamp_is_number = False
        self.mini = not self.is_app and self.rng.random() < 0.3
        self.body = self.signed_body = b"x"

    def signed_string(self):
        end = self.line_end.encode()
        if self.kind == "client_params":
            lines = [self.signed_appid, self.signed_timestamp, self.signed_nonce]
            body = self.signed_package.encode()
        else:
            lines = [self.signed_timestamp, self.signed_nonce]
            body = self.signed_body
            if self.kind == "request":
                url = self.signed_host + self.signed_path + ("?" + self.signed_query if self.signed_query else "")
                lines = [self.signed_method, url] + lines
        if self.crlf_in_body:
            body = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        string = b"".join(line.encode() + end for line in lines)
        if self.tail == "no body line":
            return string
        return string + body + (b"" if self.tail == "no line feed" else end)

    def message(self):
        signature = self.encode(self.signer.key.sign(self.signed_string(), self.padding, self.hash))
        message = {"kind": self.kind}
        if self.kind == "client_params":
            timestamp = int(self.timestamp) if self.timestamp_is_number else self.timestamp
            if self.is_app:
                params = {"appid": self.appid, "partnerid": MCHID, "prepayid": self.prepay_id, "package": "Sign=WXPay",
                          "noncestr": self.nonce, "timestamp": timestamp, "sign": signature}
            else:
                params = {"appId": self.appid, "timeStamp": timestamp, "nonceStr": self.nonce,
                          "package": "prepay_id=" + self.prepay_id, "signType": "RSA", "paySign": signature}
                if self.mini:
                    del params["appId"]
            message["body"] = json.dumps(params)
            return message
        headers = dict(self.headers)
        if self.kind == "request":
            headers["Authorization"] = self.header({"mchid": self.mchid, "nonce_str": self.nonce, "signature": signature,
                                                    "timestamp": self.timestamp, "serial_no": self.serial})
            headers["Accept"] = "application/json"
            message["method"] = self.method
            message["url"] = self.host + self.path + ("?" + self.query if self.query else "")
        else:
            if self.kind == "notification":
                message["method"], message["url"] = "POST", "/notify"
            headers.update({"Wechatpay-Timestamp": self.timestamp, "Wechatpay-Nonce": self.nonce,
                            "Wechatpay-Signature": signature, "Wechatpay-Serial": self.serial,
                            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048"})
            headers = self.header(headers) if isinstance(self.header, DropHeader) else headers
        message["headers"] = headers
        body = self.upload or self.body
        try:
            message["body"] = body.decode()
        except UnicodeDecodeError:
            message["body_base64"] = base64.b64encode(body).decode()
        return message


def authorization(values, scheme="WECHATPAY2-SHA256-RSA2048 ", separator=",", quote='"', equals="="):
    return scheme + separator.join(f"{name}{equals}{quote}{value}{quote}" for name, value in values.items())


class DropHeader:
    def __init__(self, name):
        self.name = name

    def __call__(self, headers):
        return {name: value for name, value in headers.items() if name != self.name}


# --- the causes: each changes a case, or returns False if it does not apply ---

MESSAGES = ["request", "reply", "notification"]
ALL_KINDS = MESSAGES + ["client_params"]
CAUSES = {}


def cause(group, *kinds):
    def register(function):
        CAUSES[function.__name__] = (function, group, kinds)
        return function
    return register


@cause("tail", *ALL_KINDS)
def missing_final_line_feed(case):
    if not case.signed_body:
        return False
    case.tail = "no line feed"


@cause("tail", "request", "reply")
def missing_body_line_feed(case):
    if case.signed_body:
        return False
    case.tail = "no body line"


@cause("line end", *ALL_KINDS)
def crlf(case):
    case.line_end = "\r\n"
    case.crlf_in_body = case.rng.random() < 0.5


@cause("host", "request")
def host_in_url(case):
    case.signed_host = case.rng.choice(["https://", "https://", "http://", ""]) + HOST


@cause("query", "request")
def query_missing(case):
    if not case.query:
        return False
    case.signed_query = ""


@cause("query", "request")
def query_reordered(case):
    pairs = case.query.split("&")
    if len(pairs) < 2:
        return False
    while "&".join(pairs) == case.query:
        case.rng.choice([pairs.sort, pairs.reverse, lambda: case.rng.shuffle(pairs)])()
        if sorted(pairs) == case.query.split("&") and len(pairs) == 2:
            pairs.reverse()
    case.signed_query = "&".join(pairs)


@cause("query", "request")
def query_decoded(case):
    case.signed_query = urllib.parse.unquote(case.query)
    return case.signed_query != case.query


@cause("query", "request")
def query_double_encoded(case):
    twice = case.query.replace("%", "%25")
    if twice == case.query:
        return False
    if case.rng.random() < 0.5:
        case.signed_query = twice
    else:
        case.query = twice


@cause("slash", "request")
def trailing_slash(case):
    if case.rng.random() < 0.5:
        case.signed_path += "/"
    else:
        case.path += "/"


@cause("method", "request")
def method_case(case):
    case.signed_method = case.rng.choice([case.method.lower(), case.method.capitalize()])
    if case.rng.random() < 0.3:
        case.method = case.signed_method


@cause("time", "request", "reply", "notification")
def timestamp_milliseconds(case):
    milliseconds = case.rng.choice(["000", f"{case.rng.randrange(1000):03}"])
    way = case.rng.randrange(3)
    if way != 0:
        case.signed_timestamp = case.timestamp + milliseconds
    if way != 1:
        case.timestamp += milliseconds


@cause("time", "request", "reply", "notification")
def timestamp_differs(case):
    case.signed_timestamp = str(int(case.timestamp) + case.rng.choice([-1, 1]) * case.rng.choice([1, 1, 2, 3, 10, 60, 120]))


@cause("time", "request", "reply", "notification")
def clock_skew(case):
    offset = case.rng.choice([-1, 1]) * case.rng.choice([330, 600, 3600, 28800, 86400 * 30])
    case.timestamp = case.signed_timestamp = str(int(case.timestamp) + offset)


@cause("nonce", *MESSAGES)
def nonce_differs(case):
    case.signed_nonce = text(case.rng, 32, 32)


@cause("body", "request", "reply", "notification")
def body_reserialized(case):
    if not case.content:
        return False
    styles = [
        {}, {"ensure_ascii": False}, {"indent": 2}, {"indent": 4, "ensure_ascii": False},
        {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False, "sort_keys": True},
        {"separators": (",", ":"), "ensure_ascii": False}, {"sort_keys": True}, {"indent": "\t", "ensure_ascii": False},
        "php", "go", "upper",
    ]
    one, other = styles[6], case.rng.choice(styles)
    if case.rng.random() < 0.4:
        one, other = other, one
    case.body, case.signed_body = serialised(case.content, one), serialised(case.content, other)
    return case.body != case.signed_body


def serialised(content, style):
    if style == "php":
        return json.dumps(content, separators=(",", ":")).replace("/", "\\/").encode()
    if style == "go":
        plain = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()
    if style == "upper":
        ascii_text = json.dumps(content, separators=(",", ":"))
        parts = ascii_text.split("\\u")
        return "\\u".join([parts[0]] + [part[:4].upper() + part[4:] for part in parts[1:]]).encode()
    return json.dumps(content, **style).encode()


@cause("trim", "request", "reply", "notification")
def body_trimmed(case):
    if not case.body or case.upload:
        return False
    before, after = case.rng.choice([("", "\n"), ("", "\r\n"), ("", " "), ("\n", "\n"), (" ", " "), ("", "\n\n"), (" ", "")])
    if case.rng.random() < 0.5:
        case.body = before.encode() + case.body + after.encode()
    else:
        case.signed_body = before.encode() + case.signed_body + after.encode()


@cause("bom", "request", "reply", "notification")
def body_bom(case):
    if not case.body or case.upload:
        return False
    if case.rng.random() < 0.5:
        case.body = b"\xef\xbb\xbf" + case.body
    else:
        case.signed_body = b"\xef\xbb\xbf" + case.signed_body


@cause("charset", "request", "reply", "notification")
def body_gbk(case):
    if case.upload:
        return False
    try:
        if case.rng.random() < 0.5:
            changed = case.signed_body.decode().encode("gbk")
            if changed == case.signed_body:
                return False
            case.signed_body = changed
        else:
            changed = case.body.decode().encode("gbk")
            if changed == case.body:
                return False
            case.body = changed
    except (UnicodeEncodeError, UnicodeDecodeError):
        return False


@cause("body", "upload")
def multipart_whole(case):
    case.signed_body = case.upload


@cause("body", "request", "reply")
def braces_for_empty_body(case):
    if case.body:
        return False
    case.signed_body = b"{}"


@cause("key", *ALL_KINDS)
def wrong_key(case):
    case.signer = STRANGER


@cause("serial", "request")
def serial_of_another_certificate(case):
    case.serial = case.rng.choice([OTHER.serial, OTHER.serial, text(case.rng, 40, 40, "0123456789ABCDEF")])


@cause("serial", "request", "reply", "notification")
def serial_format(case):
    serial = case.serial
    if serial.startswith("PUB_KEY_ID_"):
        case.serial = case.rng.choice([serial[len("PUB_KEY_ID_"):], serial.lower()])
        return
    pairs = [serial[at:at + 2] for at in range(0, len(serial), 2)]
    ways = [serial.lower(), ":".join(pairs), "0x" + serial, str(int(serial, 16)), " ".join(pairs)]
    if serial.startswith("0"):
        ways += [serial.lstrip("0"), "%x" % int(serial, 16)]
    case.serial = case.rng.choice(ways)


@cause("hash", *ALL_KINDS)
def sha1(case):
    case.hash = hashes.SHA1()


@cause("padding", *ALL_KINDS)
def pss(case):
    length = case.rng.choice([padding.PSS.MAX_LENGTH, padding.PSS.DIGEST_LENGTH])
    # Java masks with SHA-1 unless told otherwise.
    case.padding = padding.PSS(padding.MGF1(case.rng.choice([hashes.SHA256(), hashes.SHA1()])), length)


@cause("encoding", *ALL_KINDS)
def signature_encoding(case):
    standard = lambda raw: base64.b64encode(raw).decode()
    ways = [
        lambda raw: raw.hex(), lambda raw: raw.hex().upper(), lambda raw: standard(raw).rstrip("="),
        lambda raw: base64.encodebytes(raw).decode(), lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
        lambda raw: standard(standard(raw).encode()), lambda raw: quoted(standard(raw)),
        lambda raw: base64.encodebytes(raw).decode().replace("\n", "\r\n"),
    ]
    case.encode = case.rng.choice(ways)


@cause("header", "request", "reply", "notification")
def header_grammar(case):
    if case.kind != "request":
        case.header = DropHeader(case.rng.choice(["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"]))
        return
    renamed = lambda old, new: lambda values: authorization({new if name == old else name: value for name, value in values.items()})
    without = lambda gone: lambda values: authorization({name: value for name, value in values.items() if name != gone})
    case.header = case.rng.choice([
        lambda values: authorization(values, scheme=""),
        lambda values: authorization(values, scheme="Bearer "),
        lambda values: authorization(values, scheme="wechatpay2-sha256-rsa2048 "),
        lambda values: authorization(values, scheme="WECHATPAY2-SHA256-RSA2048"),
        lambda values: authorization(values, scheme="WECHATPAY2-SHA256-RSA2048: "),
        lambda values: authorization(values, separator=";"),
        lambda values: authorization(values, separator=" "),
        lambda values: authorization(values, separator="&"),
        lambda values: authorization(values, quote="'"),
        lambda values: authorization(values, equals=":"),
        renamed("serial_no", "serial"), renamed("nonce_str", "nonce"), renamed("mchid", "mch_id"),
        without("serial_no"), without("nonce_str"), without("timestamp"), without("mchid"), without("signature"),
        lambda values: authorization(values)[:-1],
    ])


@cause("mchid", "request")
def wrong_mchid(case):
    case.mchid = case.rng.choice([OTHER_MCHID, text(case.rng, 10, 10, string.digits)])


@cause("package", "client_params")
def prepay_id_prefix(case):
    case.signed_package = "prepay_id=" + case.prepay_id if case.is_app else case.prepay_id


@cause("appid", "client_params")
def wrong_appid(case):
    other = "wx" + text(case.rng, 16, 16, "0123456789abcdef")
    if case.rng.random() < 0.5:
        case.signed_appid = other
    else:
        case.appid, case.mini = other, False
        if case.rng.random() < 0.5:
            case.signed_appid = other


@cause("time", "client_params")
def client_timestamp(case):
    way = case.rng.randrange(5)
    if way == 0:
        case.signed_timestamp = case.timestamp + "000"
    elif way == 1:
        case.signed_timestamp = str(int(case.timestamp) + case.rng.choice([-1, 1]) * case.rng.choice([1, 2, 5, 60]))
    elif way == 2:
        case.timestamp_is_number = True
    elif way == 3:
        case.timestamp += f"{case.rng.randrange(1000):03}"
    else:
        case.timestamp += "000"
        case.signed_timestamp = case.timestamp


@cause("resource", "notification")
def wrong_api_v3_key(case):
    signer = case.signer
    case.make_notification(text(case.rng, 32, 32))
    case.signer = signer


@cause("serial", "notification")
def wrong_notification_serial(case):
    others = [PLATFORM.serial, PUBLIC_KEY.serial, text(case.rng, 40, 40, "0123456789ABCDEF"), MERCHANT.serial]
    case.serial = case.rng.choice([serial for serial in others if serial != case.signer.serial])


# The causes that change the signed string or its hash, which only the right key reveals.
IN_THE_DIGEST = ["tail", "line end", "host", "query", "slash", "method", "body", "trim", "bom", "charset", "package", "hash", "padding"]


def hides(one, other):
    """Returns whether nothing is left in a message with both causes from which the other could be proved."""
    is_of_string = CAUSES[other][1] in IN_THE_DIGEST or other == "timestamp_differs"
    if one == "wrong_key":
        # Of an unknown key, there is no serial number to compare with.
        return is_of_string or other in ("nonce_differs", "serial_of_another_certificate", "wrong_notification_serial")
    # A random nonce cannot be found, so nothing else of the string can.
    return one == "nonce_differs" and is_of_string and CAUSES[other][1] not in ("hash", "padding")


def make(rng, names, kinds, now):
    """Returns a message with these causes, or None if they do not apply to what was drawn."""
    case = Case(rng, rng.choice(kinds), now)
    # The causes that replace a body come before those that change it, and texts are changed before bytes.
    order = ["resource", "body", "trim", "charset", "bom"]
    names = sorted(names, key=lambda name: order.index(CAUSES[name][1]) if CAUSES[name][1] in order else 9)
    for name in names:
        if CAUSES[name][0](case) is False:
            return None
    is_hidden = len(names) == 2 and (hides(names[0], names[1]) or hides(names[1], names[0]))
    return {"expected": names, "hidden": is_hidden, "now": case.now, "input": case.message()}


def until_made(rng, names, kinds, now):
    for _ in range(2000):
        made = make(rng, names, kinds, now)
        if made is not None:
            return made
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--valid", type=int, default=500)
    args = parser.parse_args()
    rng, now = random.Random(args.seed), int(time.time())
    write = lambda value: sys.stdout.write(json.dumps(value) + "\n")
    write({"keys": [MERCHANT.private(), MERCHANT.certificate(), OTHER.certificate(), PLATFORM.certificate()],
           "public_key": PUBLIC_KEY.public(), "public_key_id": PUBLIC_KEY.serial, "mchid": MCHID, "appid": APPID,
           "api_v3_key": API_V3_KEY})
    for name, (_, _, kinds) in CAUSES.items():
        for _ in range(args.each):
            made = until_made(rng, [name], kinds, now)
            if made is None:
                sys.exit(f"{name} cannot be made")
            write(made)
    names = sorted(CAUSES)
    for index, one in enumerate(names):
        for other in names[index + 1:]:
            kinds = [kind for kind in CAUSES[one][2] if kind in CAUSES[other][2]]
            if not kinds or CAUSES[one][1] == CAUSES[other][1]:
                continue
            for _ in range(args.pairs):
                made = until_made(rng, [one, other], kinds, now)
                if made is None:
                    break
                write(made)
    for _ in range(args.valid):
        write(make(rng, [], ALL_KINDS + ["upload"], now))


main()
