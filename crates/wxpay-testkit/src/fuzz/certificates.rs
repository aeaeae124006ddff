//! Keys and certificates: PEM, X.509 and `SubjectPublicKeyInfo`, compared with a plain reader of DER.

use super::packages::upper_hex;
use jiff::Timestamp;
use std::str;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    UnixTime,
    crypto::{Certificate, CryptoProvider as _, pem},
    secret::Secret,
    wire::base64,
};

/// Checks PEM. The input is read as a text. Then it is the content of a section, among others, which must be found.
pub fn pem(data: &[u8]) {
    let found = [pem::certificate(data).ok(), pem::public_key(data).ok(), private_key(data)];
    let squeezed = without_line_breaks(data);
    for der in found.into_iter().flatten() {
        let is_in_text =
            |der: &[u8]| contains(data, der) || contains(&squeezed, base64::encode(der).as_bytes());
        // A key of PKCS#1 is put into the frame of a `SubjectPublicKeyInfo`.
        assert!(is_in_text(&der) || rsa_key(&der).is_some_and(is_in_text), "bytes that are not in the text");
    }
    for error in [pem::certificate(data).err(), pem::public_key(data).err(), pem::private_key(data).err()] {
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.is_ascii() && error.len() < 400, "{error}");
    }
    let (first, der) = data.split_first().unwrap_or((&0, data));
    let line_end = if first & 1 == 0 { "\n" } else { "\r\n" };
    let section = |label: &str, der: &[u8]| {
        let encoded = base64::encode(der);
        let lines = encoded.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap());
        let begin = format!("-----BEGIN {label}-----");
        let end = format!("-----END {label}-----");
        let lines: Vec<&str> = [begin.as_str()].into_iter().chain(lines).chain([end.as_str(), ""]).collect();
        lines.join(line_end)
    };
    if der.is_empty() {
        return;
    }
    let labels = ["CERTIFICATE", "PUBLIC KEY", "PRIVATE KEY"];
    let order =
        [usize::from(first / 2 % 3), usize::from(first / 2 % 3 + 1) % 3, usize::from(first / 2 % 3 + 2) % 3];
    let text: String = order.map(|index| section(labels[index], der)).concat();
    assert_eq!(pem::certificate(text.as_bytes()).as_deref(), Ok(der));
    assert_eq!(pem::public_key(text.as_bytes()).as_deref(), Ok(der));
    assert_eq!(private_key(text.as_bytes()).as_deref(), Some(der));
    // A text without the section that is asked for must not be taken for one that has it.
    let others: String =
        order.into_iter().filter(|index| *index != 0).map(|index| section(labels[index], der)).collect();
    assert!(pem::certificate(others.as_bytes()).is_err());
}

/// Returns the text without white space and without line breaks that are written out.
fn without_line_breaks(text: &[u8]) -> Vec<u8> {
    let mut compact = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next_if(|next| [b'n', b'r'].contains(next)).is_some() {
            continue;
        }
        if !byte.is_ascii_whitespace() {
            compact.push(byte);
        }
    }
    compact
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

fn private_key(text: &[u8]) -> Option<Vec<u8>> {
    pem::private_key(text).ok().map(|der| der.expose().clone())
}

/// Checks certificates: a certificate that is accepted has the serial number, the validity and the key that a plain
/// reader of DER finds in it, and nothing follows it.
pub fn x509(data: &[u8]) {
    let Ok(certificate) = Certificate::parse(data) else { return };
    let fields = certificate_fields(data).expect("a certificate that was accepted must be DER");
    let serial = fields.serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(fields.serial);
    assert_eq!(certificate.serial(), upper_hex(serial));
    assert_eq!(certificate.spki(), fields.spki);
    for (parsed, text) in
        [(certificate.not_before(), fields.not_before), (certificate.not_after(), fields.not_after)]
    {
        // Times before 1970 count as 1970.
        let expected =
            UnixTime::from_secs(u64::try_from(time(text).unwrap().as_second()).unwrap_or_default());
        assert_eq!(parsed, expected);
    }
    assert!(!certificate.is_valid_at(certificate.not_after().after(std::time::Duration::from_secs(1))));
    let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(data));
    assert_eq!(Certificate::parse_pem(text.as_bytes()).as_ref(), Ok(&certificate));
    if let Ok(serial) = certificate.serial().parse::<wxpay_proto::id::SerialNo>() {
        assert_eq!(serial.as_str(), certificate.serial());
    }
    assert!(Certificate::parse(&[data, b"\0"].concat()).is_err());
}

/// Checks public keys: a key that is accepted is a `SubjectPublicKeyInfo` of RSA with 2048 to 8192 bits.
pub fn spki(data: &[u8]) {
    // A private key that is accepted signs, and whatever is refused is refused without a panic.
    if let Ok(key) = AwsLc.private_key(&Secret::new(data.to_vec())) {
        assert!(key.sign(b"text").is_ok_and(|signature| (256..=1024).contains(&signature.len())));
        assert!(key.open(data).is_err());
    }
    let Ok(key) = AwsLc.public_key(data) else { return };
    let modulus = rsa_modulus(data).expect("a key that was accepted must be a SubjectPublicKeyInfo of RSA");
    let bits = modulus.len() * 8 - usize::try_from(modulus[0].leading_zeros()).unwrap();
    assert!((2048..=8192).contains(&bits), "{bits} bits");
    assert_eq!(key.seal(b"text").unwrap().len(), modulus.len());
    assert!(key.seal(&vec![0; modulus.len()]).is_err(), "a text as long as the key cannot be sealed");
    assert!(key.verify(b"text", &vec![0; modulus.len()]).is_err());
    assert!(key.verify(b"text", data).is_err());
}

struct CertificateFields<'a> {
    serial: &'a [u8],
    not_before: (u8, &'a [u8]),
    not_after: (u8, &'a [u8]),
    spki: &'a [u8],
}

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OBJECT_IDENTIFIER: u8 = 6;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Reads the next value of DER: its tag, its content, and its whole encoding.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8], &'a [u8])> {
    let whole = *rest;
    let (&[tag, short], mut after) = whole.split_first_chunk()?;
    let mut length = usize::from(short);
    if short >= 0x80 {
        let digits;
        (digits, after) = after.split_at_checked(usize::from(short & 0x7f)).filter(|_| short <= 0x84)?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
    }
    let (content, end) = after.split_at_checked(length)?;
    *rest = end;
    Some((tag, content, &whole[..whole.len() - end.len()]))
}

fn expect<'a>(rest: &mut &'a [u8], expected: u8) -> Option<&'a [u8]> {
    next(rest).filter(|(tag, ..)| *tag == expected).map(|(_, content, _)| content)
}

fn certificate_fields(mut der: &[u8]) -> Option<CertificateFields<'_>> {
    let mut certificate = expect(&mut der, SEQUENCE).filter(|_| der.is_empty())?;
    let mut tbs = expect(&mut certificate, SEQUENCE)?;
    if tbs.first() == Some(&VERSION) {
        expect(&mut tbs, VERSION)?;
    }
    let serial = expect(&mut tbs, INTEGER)?;
    let [_algorithm, _issuer] = [expect(&mut tbs, SEQUENCE)?, expect(&mut tbs, SEQUENCE)?];
    let mut validity = expect(&mut tbs, SEQUENCE)?;
    let [not_before, not_after] =
        [next(&mut validity)?, next(&mut validity)?].map(|(tag, content, _)| (tag, content));
    let _subject = expect(&mut tbs, SEQUENCE)?;
    let (_, _, spki) = next(&mut tbs)?;
    Some(CertificateFields { serial, not_before, not_after, spki })
}

/// Reads a time of a certificate: two digits of the year mean 1950 to 2049.
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from, to| text.get(from..to);
    let (date, clock) =
        ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
    format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, clock.0, clock.1, clock.2).parse().ok()
}

/// Returns the modulus of an RSA key, without the zero byte of its sign.
fn rsa_modulus(spki: &[u8]) -> Option<&[u8]> {
    let mut key = rsa_key(spki)?;
    let mut members = expect(&mut key, SEQUENCE)?;
    let modulus = expect(&mut members, INTEGER)?;
    Some(modulus.strip_prefix(&[0]).unwrap_or(modulus)).filter(|modulus| !modulus.is_empty())
}

/// Returns the key of PKCS#1 in a `SubjectPublicKeyInfo` of RSA.
fn rsa_key(mut der: &[u8]) -> Option<&[u8]> {
    const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let mut spki = expect(&mut der, SEQUENCE).filter(|_| der.is_empty())?;
    let mut algorithm = expect(&mut spki, SEQUENCE)?;
    let key = expect(&mut spki, BIT_STRING)?.strip_prefix(&[0])?;
    Some(key).filter(|_| expect(&mut algorithm, OBJECT_IDENTIFIER) == Some(RSA_ENCRYPTION))
}
