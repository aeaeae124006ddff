#!/usr/bin/env python3
"""Generates the APIv3 test vectors in this folder with OpenSSL, without code of the workspace.

The keys are those of the test kit. OAEP is randomized, so its ciphertexts are generated only if they are missing, and
checked otherwise.
"""

import base64
import gzip
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
KEYS = HERE / "../../crates/wxpay-testkit/keys"
MCHID, APPID, SUB_MCHID = "1900000001", "wx0123456789abcdef", "1900000109"
MERCHANT_SERIAL = "0A51C3E08D2B467F91A4D05E73B8C26F1D340001"
API_V3_KEY = "4p1v3Key000000000000000000005ec4"
NONCE = "593BEC0C930BF1AFEB40B4A08C8FB242"
OAEP = [word for option in ("rsa_padding_mode:oaep", "rsa_oaep_md:sha1", "rsa_mgf1_md:sha1")
        for word in ("-pkeyopt", option)]


def openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True).stdout


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def b64(data):
    return base64.b64encode(data).decode()


def key(name):
    return KEYS / f"{name}.pem"


def sign(name, message):
    return b64(openssl("dgst", "-sha256", "-sign", key(name), data=message))


def lines(*texts):
    return b"".join((text if isinstance(text, bytes) else str(text).encode()) + b"\n" for text in texts)


def gcm(key_text, nonce, associated, plain):
    """Encrypts with AES-256-GCM (NIST SP 800-38D), using OpenSSL's block cipher.

    The `openssl enc` command has no GCM mode.
    """
    key_hex = key_text.encode().hex()

    def block(data):
        return openssl("enc", "-aes-256-ecb", "-K", key_hex, "-nopad", data=data)

    def number(data):
        return int.from_bytes(data, "big")

    def times(one, other):
        product = 0
        for bit in range(127, -1, -1):
            if one >> bit & 1:
                product ^= other
            other = other >> 1 ^ (0xE1 << 120 if other & 1 else 0)
        return product

    counter = nonce.encode() + (2).to_bytes(4, "big")
    text = openssl("enc", "-aes-256-ctr", "-K", key_hex, "-iv", counter.hex(), data=plain)
    hashed, subkey = 0, number(block(bytes(16)))
    associated = associated.encode()
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(text)).to_bytes(8, "big")
    padded = b"".join(part + bytes(-len(part) % 16) for part in (associated, text)) + lengths
    for at in range(0, len(padded), 16):
        hashed = times(hashed ^ number(padded[at:at + 16]), subkey)
    tag = hashed ^ number(block(nonce.encode() + (1).to_bytes(4, "big")))
    return b64(text + tag.to_bytes(16, "big"))


def write(case, context, **stages):
    folder = HERE / "v3" / case
    folder.mkdir(parents=True, exist_ok=True)
    stages["context__json"] = json.dumps(context, ensure_ascii=False, indent=1) + "\n"
    for name, text in stages.items():
        path = folder / name.replace("__", ".").replace("_", "-")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def authorization(method, target, timestamp, signed):
    """Returns the message, the signature and the header."""
    message = lines(method, target, timestamp, NONCE, signed)
    signature = sign("merchant", message)
    header = (f'WECHATPAY2-SHA256-RSA2048 mchid="{MCHID}",nonce_str="{NONCE}",signature="{signature}",'
              f'timestamp="{timestamp}",serial_no="{MERCHANT_SERIAL}"')
    return {"message__txt": message, "signature__txt": signature, "authorization__txt": header}


def request(case, method, target, timestamp, body=b""):
    write(f"request/{case}", {"method": method, "target": target, "timestamp": timestamp, "nonce_str": NONCE},
          body__json=body, **authorization(method, target, timestamp, body))


def upload(case, filename, media_type, file, timestamp):
    digest = openssl("dgst", "-sha256", "-r", data=file).decode().split()[0]
    meta = compact({"filename": filename, "sha256": digest})
    body = (f'--{digest}\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n{meta}'
            f'\r\n--{digest}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
            f"Content-Type: {media_type}\r\n\r\n").encode() + file + f"\r\n--{digest}--\r\n".encode()
    method, target = "POST", "/v3/merchant/media/upload"
    write(f"upload/{case}",
          {"method": method, "target": target, "timestamp": timestamp, "nonce_str": NONCE, "filename": filename},
          file__bin=file, meta__json=meta, body__bin=body,
          **authorization(method, target, timestamp, meta.encode()))


def jsapi(case, prepay_id, timestamp):
    package = f"prepay_id={prepay_id}"
    message = lines(APPID, timestamp, NONCE, package)
    signature = sign("merchant", message)
    params = {"appId": APPID, "timeStamp": str(timestamp), "nonceStr": NONCE, "package": package, "signType": "RSA",
              "paySign": signature}
    write(f"jsapi/{case}", {"prepay_id": prepay_id, "timestamp": timestamp, "nonce_str": NONCE},
          message__txt=message, signature__txt=signature, params__json=compact(params))


def app(case, partnerid, prepay_id, timestamp):
    message = lines(APPID, timestamp, NONCE, prepay_id)
    signature = sign("merchant", message)
    params = {"appid": APPID, "partnerid": partnerid, "prepayid": prepay_id, "package": "Sign=WXPay",
              "noncestr": NONCE, "timestamp": str(timestamp), "sign": signature}
    write(f"app/{case}",
          {"partnerid": partnerid, "prepay_id": prepay_id, "timestamp": timestamp, "nonce_str": NONCE},
          message__txt=message, signature__txt=signature, params__json=compact(params))


SIGNERS = {"platform_one": "5E0F61B7A49D2C8830E6C14BF72D95A01B6C0001",
           "platform_two": "D27A4406E9B3158CF05D68127EC39AB4470E0002",
           "public_key_mode": "PUB_KEY_ID_0119000000012026010100000000000001"}


def incoming(signer, timestamp, body):
    """Returns context and stages of a message that WeChat Pay signed."""
    message = lines(timestamp, NONCE, body)
    return ({"serial": SIGNERS[signer], "timestamp": timestamp, "nonce": NONCE},
            {"body__json": body, "message__txt": message, "signature__txt": sign(signer, message)})


def reply(case, signer, status, timestamp, body):
    context, stages = incoming(signer, timestamp, body.encode())
    write(f"reply/{case}", {"status": status, **context}, **stages)


def encrypted(plain, nonce, associated, original_type=None, with_data=True):
    resource = {"original_type": original_type, "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": gcm(API_V3_KEY, nonce, associated, plain), "associated_data": associated, "nonce": nonce}
    absent = [name for name in resource if resource[name] is None or name == "associated_data" and not with_data]
    return {name: value for name, value in resource.items() if name not in absent}


def notification(case, signer, timestamp, event_type, original_type, associated, content, with_data=True):
    plain = compact(content).encode()
    resource = encrypted(plain, "fdasflkja484", associated, original_type, with_data)
    body = {"id": f"EV-{case}", "create_time": "2026-11-24T10:34:56+08:00", "resource_type": "encrypt-resource",
            "event_type": event_type, "summary": "支付成功", "resource": resource}
    context, stages = incoming(signer, timestamp, compact(body).encode())
    write(f"notification/{case}", {"event_type": event_type, "original_type": original_type, **context},
          plaintext__json=plain, ciphertext__txt=resource["ciphertext"], **stages)


def certificates(case, signer, timestamp, names):
    entries = []
    for at, name in enumerate(names):
        pem = (KEYS / f"{name}_certificate.pem").read_bytes()
        certificate = encrypted(pem, f"{at:012}", "certificate")
        entries.append({"serial_no": SIGNERS[name], "effective_time": "2026-11-24T10:34:56+08:00",
                        "expire_time": "2126-10-31T10:34:56+08:00", "encrypt_certificate": certificate})
    context, stages = incoming(signer, timestamp, compact({"data": entries}).encode())
    write(f"certificates/{case}", {"serials": [SIGNERS[name] for name in names], **context},
          ciphertext__txt="\n".join(entry["encrypt_certificate"]["ciphertext"] for entry in entries), **stages)


def bill(case, rows):
    text = "\ufeff交易时间,公众账号ID,应结订单金额\r\n"
    text += "".join(f"`2026-11-24 10:34:{row % 60:02},`{APPID},`{row}.99\r\n" for row in range(rows))
    text += f"总交易单数,应结订单总金额\r\n`{rows},`0.00\r\n"
    digest = openssl("dgst", "-sha1", "-r", data=text.encode()).decode().split()[0]
    write(f"bill/{case}", {}, digest__txt=digest, bill__csv=text, zipped__bin=gzip.compress(text.encode(), mtime=0))


def sealed(case, plain):
    """Writes a field encrypted for the merchant.

    OAEP is randomized, so an existing ciphertext is kept if it decrypts.
    """
    path = HERE / "v3" / "sealed" / case / "sealed.txt"
    if path.exists():
        text = path.read_text()
    else:
        text = b64(openssl("pkeyutl", "-encrypt", "-certin", "-inkey", KEYS / "merchant_certificate.pem", *OAEP,
                           data=plain.encode()))
    decrypted = openssl("pkeyutl", "-decrypt", "-inkey", key("merchant"), *OAEP, data=base64.b64decode(text))
    assert decrypted == plain.encode(), case
    write(f"sealed/{case}", {}, plain__txt=plain, sealed__txt=text)


AT = 1795600000
ORDER = {"appid": APPID, "mchid": MCHID, "description": "一双筷子", "out_trade_no": "20261125A1",
         "notify_url": "https://shop.example/notify", "amount": {"total": 1999, "currency": "CNY"},
         "payer": {"openid": "oAAAABBBBCCCCDDDDEEEEFFFFGGGG"}}
request("get", "GET", "/v3/certificates", AT)
request("get-with-query", "GET", f"/v3/pay/transactions/out-trade-no/A%2A1?mchid={MCHID}&x=%E7%94%B2%20%2B", AT)
request("post", "POST", "/v3/pay/transactions/jsapi", AT, compact(ORDER).encode())
request("post-with-whitespace", "POST", "/v3/pay/transactions/native", AT,
        json.dumps(ORDER, ensure_ascii=True, indent=2).encode() + b"\n")
request("post-without-body", "POST", "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/plfk2020042013/cancel", AT)
request("patch", "PATCH", "/v3/marketing/busifavor/stocks/1/budget", AT, b'{"a":1}')
upload("image", "licence.png", "image/png", bytes(range(256)), AT)
upload("chinese-filename", "营业执照.jpg", "image/jpeg", b"\r\n--not a boundary\r\n\r\n", AT)
jsapi("plain", "wx201410272009395522657a690389285100", AT)
app("plain", MCHID, "wx201410272009395522657a690389285100", AT)
app("for-a-sub-merchant", SUB_MCHID, "WX1217752501201407033233368018", AT)

CODE_URL = '{"code_url":"weixin://wxpay/bizpayurl?pr=JyC91EIz1"}'
reply("by-certificate", "platform_one", 200, AT, CODE_URL)
reply("by-public-key", "public_key_mode", 200, AT, CODE_URL)
reply("no-content", "public_key_mode", 204, AT, "")
reply("whitespace-and-line-feeds", "platform_one", 200, AT, '{ "code_url" :\n"甲"\n}\n\n')
reply("refused", "public_key_mode", 403, AT, '{"code":"OUT_TRADE_NO_USED","message":"商户订单号重复"}')

TRANSACTION = {"mchid": MCHID, "appid": APPID, "out_trade_no": "20261125A1",
               "transaction_id": "4200000001202611250000000042", "trade_type": "JSAPI", "trade_state": "SUCCESS",
               "trade_state_desc": "支付成功", "bank_type": "CMC", "attach": "甲 & 乙",
               "success_time": "2026-11-25T10:34:56+08:00", "payer": {"openid": "oAAAABBBBCCCCDDDDEEEEFFFFGGGG"},
               "amount": {"total": 1999, "payer_total": 1949, "currency": "CNY", "payer_currency": "CNY"}}
ECHO = {"mchid": MCHID, "echo_message": "你好", "echo_time": "2026-11-25T10:34:56+08:00"}
notification("transaction-by-certificate", "platform_one", AT, "TRANSACTION.SUCCESS", "transaction", "transaction",
             TRANSACTION)
notification("transaction-by-public-key", "public_key_mode", AT, "TRANSACTION.SUCCESS", "transaction", "transaction",
             TRANSACTION)
notification("no-associated-data", "public_key_mode", AT, "SECURITY_ECHO.SUCCESS", "security", "", ECHO,
             with_data=False)
notification("empty-associated-data", "public_key_mode", AT, "SECURITY_ECHO.SUCCESS", "security", "", ECHO)
certificates("one", "platform_one", AT, ["platform_one"])
certificates("rotation", "platform_two", AT, ["platform_one", "platform_two"])
certificates("signed-with-public-key", "public_key_mode", AT, ["platform_one"])
bill("trade", 100)
bill("empty", 0)
sealed("name", "张三")
sealed("longest", "x" * 214)
