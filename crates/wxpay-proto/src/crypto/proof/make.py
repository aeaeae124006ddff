#!/usr/bin/env python3
"""Generates material.rs with OpenSSL alone: throw-away keys, signatures and ciphertexts. Uses no code of the workspace.
Each run generates new keys. Requires the `openssl` command and its libcrypto."""

import base64
import ctypes
import ctypes.util
import hashlib
import json
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent
MESSAGE = 'POST\n/v3/pay/transactions/native\n1700000000\n5K8264ILTKCH16CQ\n{"description":"千足金箍棒","amount":{"total":1}}\n'
SECRET = "张三 13800138000"
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SIZE = 256


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def key(*words):
    file = tempfile.NamedTemporaryFile(suffix=".pem")
    file.write(openssl("genpkey", *words))
    file.flush()
    return file


def rsa(bits):
    return key("-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")


def pkcs8(file):
    return openssl("pkcs8", "-topk8", "-nocrypt", "-in", file.name, "-outform", "DER")


def pkcs1(file):
    return openssl("rsa", "-in", file.name, "-traditional", "-outform", "DER")


def spki(file):
    return openssl("pkey", "-in", file.name, "-pubout", "-outform", "DER")


def modulus(file):
    return int(openssl("rsa", "-in", file.name, "-noout", "-modulus").split(b"=")[1], 16)


def sign(file, message, *options, digest="sha256"):
    words = [word for option in options for word in ("-sigopt", option)]
    return openssl("dgst", f"-{digest}", "-sign", file.name, *words, data=message)


def raise_to_the_private_exponent(file, block):
    return openssl("pkeyutl", "-decrypt", "-inkey", file.name, "-pkeyopt", "rsa_padding_mode:none", data=block)


def seal(file, plain, *options):
    words = [word for option in options for word in ("-pkeyopt", option)]
    return openssl("pkeyutl", "-encrypt", "-inkey", file.name, *words, data=plain)


OAEP = ("rsa_padding_mode:oaep", "rsa_oaep_md:sha1", "rsa_mgf1_md:sha1")


def gcm(secret, nonce, associated_data, plain):
    """Returns ciphertext and tag, by libcrypto: the `openssl` command does not support GCM."""
    crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
    crypto.EVP_CIPHER_CTX_new.restype = crypto.EVP_aes_256_gcm.restype = ctypes.c_void_p
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    out, tag, length = ctypes.create_string_buffer(len(plain) + 16), ctypes.create_string_buffer(16), ctypes.c_int()
    steps = [
        crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None, secret, nonce),
        crypto.EVP_EncryptUpdate(context, None, ctypes.byref(length), associated_data, len(associated_data)),
        crypto.EVP_EncryptUpdate(context, out, ctypes.byref(length), plain, len(plain)),
        crypto.EVP_EncryptFinal_ex(context, tag, ctypes.byref(length)),
        crypto.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, tag),
    ]
    assert steps == [1] * len(steps), steps
    return out.raw[: len(plain)] + tag.raw


def larger_than_the_modulus(file, message):
    """Returns a message, and its signature with the modulus added, if the sum fits into the size of a signature."""
    for number in range(1000):
        candidate = f"{message}{number}".encode()
        sum = int.from_bytes(sign(file, candidate), "big") + modulus(file)
        if sum < 1 << (8 * SIZE):
            return candidate, sum.to_bytes(SIZE, "big")
    raise SystemExit("no signature plus the modulus fits: run again for another key")


def main():
    ours, other, small, big, huge = rsa(2048), rsa(2048), rsa(1024), rsa(8192), rsa(8200)
    curve = key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    message = MESSAGE.encode()
    digest = hashlib.sha256(message).digest()
    info = DIGEST_INFO + digest
    pad = lambda block, byte=b"\xff": b"\0\1" + byte * (SIZE - 3 - len(block)) + b"\0" + block
    forge = lambda block: raise_to_the_private_exponent(ours, block)
    early = b"\0\1" + b"\xff" * 8 + b"\0" + info
    late, late_signature = larger_than_the_modulus(ours, MESSAGE)
    certificate = openssl("req", "-x509", "-key", ours.name, "-days", "1826", "-subj", "/CN=1900000001", "-outform", "DER")
    api_key, nonce = b"APIv3 keys have thirty-two bytes", b"593bec0c930b"
    long = bytes(number * 7 % 256 for number in range(1000))

    values = {
        "PKCS8": ("A private key of 2048 bits, in PKCS#8.", pkcs8(ours)),
        "PKCS1": ("The private key of `PKCS8`, in PKCS#1.", pkcs1(ours)),
        "SPKI": ("The public key of `PKCS8`.", spki(ours)),
        "CERTIFICATE": ("A certificate of the public key of `PKCS8`.", certificate),
        "OTHER_PKCS8": ("A second private key of 2048 bits, in PKCS#8.", pkcs8(other)),
        "SMALL_PKCS8": ("A private key of 1024 bits, in PKCS#8.", pkcs8(small)),
        "SMALL_SPKI": ("The public key of `SMALL_PKCS8`.", spki(small)),
        "BIG_SPKI": ("A public key of 8192 bits.", spki(big)),
        "HUGE_SPKI": ("A public key of 8200 bits.", spki(huge)),
        "CURVE_PKCS8": ("A private key on the curve P-256, in PKCS#8.", pkcs8(curve)),
        "CURVE_SPKI": ("The public key of `CURVE_PKCS8`.", spki(curve)),
        "SIGNATURE": ("The signature of `MESSAGE` by `PKCS8`.", sign(ours, message)),
        "SIGNATURE_OF_NOTHING": ("The signature of the empty message by `PKCS8`.", sign(ours, b"")),
        "SIGNATURE_OF_MUCH": ("The signature of `thousand_bytes()` by `PKCS8`.", sign(ours, long)),
        "OTHER_SIGNATURE": ("The signature of `MESSAGE` by `OTHER_PKCS8`.", sign(other, message)),
        "BIG_SIGNATURE": ("The signature of `MESSAGE` by the key of 8192 bits.", sign(big, message)),
        "SHA1": ("A signature of `MESSAGE` with SHA-1.", sign(ours, message, digest="sha1")),
        "PSS": ("A signature of `MESSAGE` with RSASSA-PSS.", sign(ours, message, "rsa_padding_mode:pss", "rsa_pss_saltlen:32")),
        "BARE": ("A signature of the bare digest, without the `DigestInfo`.", forge(pad(digest))),
        "EARLY": ("A signature with short padding, and bytes after the digest.", forge(early + bytes(SIZE - len(early)))),
        "UNPADDED": ("A signature padded with bytes other than 0xff.", forge(pad(info, b"\xfe"))),
        "LATE_MESSAGE": ("The message of `LATE`.", late),
        "LATE": ("The signature of `LATE_MESSAGE` by `PKCS8`, with the modulus added.", late_signature),
        "SEALED": ("`SECRET`, sealed for `SPKI`.", seal(ours, SECRET.encode(), *OAEP)),
        "SEALED_NOTHING": ("The empty text, sealed for `SPKI`.", seal(ours, b"", *OAEP)),
        "SEALED_MUCH": ("The first 214 bytes of `thousand_bytes()`, sealed for `SPKI`.", seal(ours, long[:214], *OAEP)),
        "SEALED_TO_OTHER": ("`SECRET`, sealed for the key of `OTHER_PKCS8`.", seal(other, SECRET.encode(), *OAEP)),
        "SEALED_SHA256": ("`SECRET`, sealed with OAEP over SHA-256.", seal(ours, SECRET.encode(), "rsa_padding_mode:oaep", "rsa_oaep_md:sha256")),
        "SEALED_LABEL": ("`SECRET`, sealed with an OAEP label.", seal(ours, SECRET.encode(), *OAEP, "rsa_oaep_label:77")),
        "SEALED_PKCS1": ("`SECRET`, encrypted with RSAES-PKCS1-v1_5.", seal(ours, SECRET.encode(), "rsa_padding_mode:pkcs1")),
        "BOX": ("The AES-GCM ciphertext of `MESSAGE`, with the associated data `certificate`.", gcm(api_key, nonce, b"certificate", message)),
        "BOX_OF_NOTHING": ("The AES-GCM ciphertext of the empty text, without associated data.", gcm(api_key, nonce, b"", b"")),
        "BOX_OF_MUCH": ("The AES-GCM ciphertext of `thousand_bytes()`, without associated data.", gcm(api_key, nonce, b"", long)),
    }
    texts = {
        "MESSAGE": ("The message of the signatures.", f"&str = {json.dumps(MESSAGE, ensure_ascii=False)}"),
        "SECRET": ("The plaintext of the RSA ciphertexts.", f'&str = "{SECRET}"'),
        "API_KEY": ("The AES-256-GCM key of the ciphertexts.", f'&[u8; 32] = b"{api_key.decode()}"'),
        "NONCE": ("The nonce of the AES-GCM ciphertexts.", f'&[u8; 12] = b"{nonce.decode()}"'),
    }

    lines = ["//! Throw-away keys, with signatures and ciphertexts that OpenSSL made with them: Base64, keys in DER. Made by `make.py`.", ""]
    for name, (words, value) in texts.items():
        lines += [f"/// {words}", f"pub(super) const {name}: {value};"]
    for name, (words, value) in values.items():
        text = base64.b64encode(value).decode()
        rows = [text[at : at + 100] for at in range(0, len(text), 100)]
        lines += [f"/// {words}", f'pub(super) const {name}: &str = "\\', *(f"    {row}\\" for row in rows[:-1]), f'    {rows[-1]}";']
    lines += ["/// The AES-GCM ciphertexts of `SECRET`, with the associated data `certificate`, by nonces of 8, 16 and 72 bytes."]
    lines += ["pub(super) const AEAD_CIPHERTEXTS_BY_NONCE: [(&str, &str); 3] = ["]
    for other in [b"593bec0c", b"593bec0c930bf1af", b"593bec0c930bf1afeb40b4a08c8fb242" * 2 + b"593bec0c"]:
        text = base64.b64encode(gcm(api_key, other, b"certificate", SECRET.encode())).decode()
        lines += [f'    ("{other.decode()}", "{text}"),']
    lines += ["];"]
    (HERE / "material.rs").write_text("\n".join(lines) + "\n")


main()
