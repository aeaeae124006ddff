#!/usr/bin/env python3
"""Generates the APIv1 test vectors in this folder with OpenSSL, without code of the workspace."""

import json
import pathlib
import subprocess
import urllib.parse

HERE = pathlib.Path(__file__).parent
APPID, PARTNER = "wx0123456789abcdef", "1900000001"
PAY_SIGN_KEY = ("0123456789abcdef" * 8)[:128]
PARTNER_KEY = "fedcba9876543210" * 2


def openssl(digest, data):
    run = subprocess.run(["openssl", digest, "-r"], input=data, capture_output=True, check=True)
    return run.stdout.decode().split()[0]


def package(fields, charset):
    """Returns the string to sign, the signature and the package."""
    raw = sorted((name, value.encode(charset)) for name, value in fields.items() if value)
    string = b"&".join(name.encode() + b"=" + value for name, value in raw)
    string += b"&key=" + PARTNER_KEY.encode()
    sign = openssl("md5", string).upper()
    escaped = [f"{name}={urllib.parse.quote(value, safe='-._~')}" for name, value in raw]
    return string, sign, "&".join(escaped + [f"sign={sign}"])


def sha1(fields):
    """Returns the string to sign and the signature."""
    string = "&".join(f"{name}={value}" for name, value in sorted({**fields, "appkey": PAY_SIGN_KEY}.items())).encode()
    return string, openssl("sha1", string)


def write(case, context, **stages):
    folder = HERE / "v1" / case
    folder.mkdir(parents=True, exist_ok=True)
    context = {"appid": APPID, "partner": PARTNER, "pay_sign_key": PAY_SIGN_KEY, "partner_key": PARTNER_KEY, **context}
    stages["context.json"] = json.dumps(context, ensure_ascii=False, indent=1) + "\n"
    for name, text in stages.items():
        (folder / name.replace("__", ".")).write_bytes(text if isinstance(text, bytes) else text.encode())


def genprepay(case, charset, order, noncestr, timestamp, traceid):
    fields = {"bank_type": "WX", "fee_type": "1", "input_charset": charset, "partner": PARTNER, **order}
    package_string, sign, text = package(fields, charset)
    call = {"appid": APPID, "noncestr": noncestr, "package": text, "timestamp": str(timestamp), "traceid": traceid}
    call_string, signature = sha1(call)
    body = {"appid": APPID, "traceid": traceid, "noncestr": noncestr, "package": text, "timestamp": timestamp,
            "app_signature": signature, "sign_method": "sha1"}
    write(f"genprepay/{case}",
          {"charset": charset, "order": order, "noncestr": noncestr, "timestamp": timestamp, "traceid": traceid},
          **{"package-string-to-sign.bin": package_string, "package-sign.txt": sign, "package.txt": text,
             "string-to-sign.txt": call_string, "app-signature.txt": signature,
             "body.json": json.dumps(body, ensure_ascii=False, separators=(",", ":"))})


def app_params(case, prepayid, noncestr, timestamp):
    string, sign = sha1({"appid": APPID, "noncestr": noncestr, "package": "Sign=WXPay", "partnerid": PARTNER,
                         "prepayid": prepayid, "timestamp": str(timestamp)})
    params = {"appid": APPID, "noncestr": noncestr, "package": "Sign=WXPay", "partnerid": PARTNER,
              "prepayid": prepayid, "sign": sign, "timestamp": str(timestamp)}
    write(f"app_params/{case}", {"prepayid": prepayid, "noncestr": noncestr, "timestamp": timestamp},
          **{"string-to-sign.txt": string, "sign.txt": sign,
             "params.json": json.dumps(params, separators=(",", ":"))})


def orderquery(case, number, timestamp):
    package_string, sign, text = package({"out_trade_no": number, "partner": PARTNER}, "UTF-8")
    string, signature = sha1({"appid": APPID, "package": text, "timestamp": str(timestamp)})
    body = {"appid": APPID, "package": text, "timestamp": str(timestamp), "app_signature": signature,
            "sign_method": "sha1"}
    write(f"orderquery/{case}", {"out_trade_no": number, "timestamp": timestamp},
          **{"package-string-to-sign.bin": package_string, "package.txt": text, "string-to-sign.txt": string,
             "app-signature.txt": signature, "body.json": json.dumps(body, separators=(",", ":"))})


def delivernotify(case, openid, transid, number, timestamp, failure):
    fields = {"appid": APPID, "openid": openid, "transid": transid, "out_trade_no": number,
              "deliver_timestamp": str(timestamp), "deliver_status": "0" if failure else "1",
              "deliver_msg": failure or "ok"}
    string, signature = sha1(fields)
    body = {**fields, "app_signature": signature, "sign_method": "sha1"}
    write(f"delivernotify/{case}",
          {"openid": openid, "transid": transid, "out_trade_no": number, "timestamp": timestamp, "failure": failure},
          **{"string-to-sign.txt": string, "app-signature.txt": signature,
             "body.json": json.dumps(body, ensure_ascii=False, separators=(",", ":"))})


def notification(case, charset, fields, openid, timestamp, noncestr):
    string, sign, _ = package(fields, charset)
    pairs = sorted({**fields, "sign": sign}.items())
    query = "&".join(f"{name}={urllib.parse.quote(value.encode(charset), safe='-._~')}" for name, value in pairs)
    body_string, signature = sha1({"appid": APPID, "issubscribe": "0", "noncestr": noncestr, "openid": openid,
                                   "timestamp": str(timestamp)})
    body = (f"<xml><OpenId><![CDATA[{openid}]]></OpenId>\n<AppId><![CDATA[{APPID}]]></AppId>\n"
            f"<IsSubscribe>0</IsSubscribe>\n<TimeStamp>{timestamp}</TimeStamp>\n"
            f"<NonceStr><![CDATA[{noncestr}]]></NonceStr>\n<AppSignature><![CDATA[{signature}]]></AppSignature>\n"
            "<SignMethod><![CDATA[sha1]]></SignMethod>\n</xml>")
    write(f"notification/{case}", {"fields": fields, "openid": openid, "timestamp": timestamp},
          **{"query-string-to-sign.bin": string, "query.txt": query, "body-string-to-sign.txt": body_string,
             "body.xml": body})


ORDER = {"body": "一双筷子", "notify_url": "https://shop.example/notify", "out_trade_no": "20260101A1",
         "spbill_create_ip": "203.0.113.7", "total_fee": "1999"}
NONCE = "00112233445566778899aabbccddeeff"
genprepay("utf8", "UTF-8", ORDER, NONCE, 1767225600, "payer-1")
genprepay("gbk", "GBK", {**ORDER, "attach": "甲 + 乙=丙"}, NONCE, 1767225600, "payer-1")
genprepay("every-field", "UTF-8",
          {**ORDER, "attach": "a+b/c?d#e%41~", "goods_tag": "tag-1", "time_start": "20260101080000",
           "time_expire": "20260101100000", "transport_fee": "99", "product_fee": "1900"},
          NONCE, 1767225600, "用户一")
app_params("plain", "1101000000260101ffffeeeeddddcccc", NONCE, 1767225601)
orderquery("plain", "20260101A1", 1767225700)
OPENID, TRANSID = "oAAAABBBBCCCCDDDDEEEEFFFFGGGG", "1900000001202601010000000042"
delivernotify("succeeded", OPENID, TRANSID, "20260101A1", 1767225800, None)
delivernotify("failed", OPENID, TRANSID, "20260101A1", 1767225800, "缺货")
PAID = {"bank_billno": "260101000000001", "bank_type": "CMB_FP", "discount": "0", "fee_type": "1",
        "input_charset": "UTF-8", "notify_id": "N" * 48 + "_-" * 24, "out_trade_no": "20260101A1", "partner": PARTNER,
        "product_fee": "1999", "sign_type": "MD5", "time_end": "20260101080100", "total_fee": "1999",
        "trade_mode": "1", "trade_state": "0", "transaction_id": TRANSID, "transport_fee": "0"}
notification("utf8", "UTF-8", {**PAID, "attach": "甲 % 乙=丙+"}, OPENID, 1767225661, "abcdefghijklmnop")
notification("gbk", "GBK", {**PAID, "input_charset": "GBK", "attach": "甲 % 乙=丙+"}, OPENID, 1767225661,
             "abcdefghijklmnop")
notification("discount-from-balance", "UTF-8",
             {name: value for name, value in {**PAID, "total_fee": "1949", "discount": "50", "bank_type": "0"}.items()
              if name != "bank_billno"} | {"attach": ""}, OPENID, 1767225661, "abcdefghijklmnop")
