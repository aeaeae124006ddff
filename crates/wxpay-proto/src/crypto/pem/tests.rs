use super::{
    super::certificate::tests::{MERCHANT, MERCHANT_KEY},
    *,
};
use crate::wire::base64;

/// Returns a section without a key in it: the label alone names its kind.
fn pem_with_label(label: &str) -> String {
    format!("-----BEGIN {label}-----\nbm90IGEga2V5\n-----END {label}-----\n")
}

fn problem<T>(result: Result<T, InvalidPem>) -> String {
    let text = result.err().map_or_else(String::new, |error| error.to_string());
    text.split_once(" in PEM: ").map(|(_, problem)| problem.into()).unwrap_or_default()
}

/// An RSA public key of PKCS#1: `openssl rsa -in key.pem -RSAPublicKey_out`, of 512 bits to be short.
const RSA_PUBLIC_KEY: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MEgCQQDUrjpj5RxrSzFOJFcOQA8KNKCs6YAx3tfcXvfRSRjV+RipdfVc6W7Pspl9
xnHNRfoz5O5mk3Khf48nLKxQS9DtAgMBAAE=
-----END RSA PUBLIC KEY-----
";

#[test]
fn private_key_reads_pkcs8_and_pkcs1() {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
        assert_eq!(private_key(pem_with_label(label).as_bytes()).unwrap().expose(), b"not a key", "{label}");
    }
    assert_eq!(public_key(pem_with_label("PUBLIC KEY").as_bytes()).unwrap(), b"not a key");
    assert_eq!(certificate(pem_with_label("CERTIFICATE").as_bytes()).unwrap(), b"not a key");
}

#[test]
fn the_first_section_of_the_expected_kind_is_used() {
    let text =
        format!("\u{feff}Bag Attributes\n{}{MERCHANT}{MERCHANT_KEY}", pem_with_label("CERTIFICATE REQUEST"));
    assert_eq!(certificate(text.as_bytes()), certificate(MERCHANT.as_bytes()));
    assert_eq!(public_key(text.as_bytes()), public_key(MERCHANT_KEY.as_bytes()));
    assert_eq!(public_key(text.replace('\n', "\r\n").as_bytes()), public_key(MERCHANT_KEY.as_bytes()));
}

/// Returns the forms in which a PEM text survives environment variables and configuration files.
fn forms(pem: &str) -> [(&'static str, String); 7] {
    let one_line: String = pem.lines().collect();
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
    [
        ("line breaks lost", one_line),
        ("line breaks written out", pem.replace('\n', "\\n")),
        ("Windows line breaks written out", pem.replace('\n', "\\r\\n")),
        ("line breaks replaced by blanks", pem.replace('\n', " ")),
        ("quoted", format!("\"{}\"", pem.replace('\n', "\\n"))),
        ("bare base64", lines.concat()),
        ("bare base64 in lines", format!(" {}\n", lines.join("\n"))),
    ]
}

#[test]
fn pem_without_line_breaks_and_bare_base64_are_read() {
    for (form, text) in forms(MERCHANT) {
        assert_eq!(certificate(text.as_bytes()), certificate(MERCHANT.as_bytes()), "{form}");
    }
    for (form, text) in forms(MERCHANT_KEY) {
        assert_eq!(public_key(text.as_bytes()), public_key(MERCHANT_KEY.as_bytes()), "{form}");
    }
}

#[test]
fn der_is_read_as_what_it_is() {
    let (one, key) =
        (certificate(MERCHANT.as_bytes()).unwrap(), public_key(MERCHANT_KEY.as_bytes()).unwrap());
    assert_eq!(certificate(&one).as_ref(), Ok(&one));
    assert_eq!(public_key(&key).as_ref(), Ok(&key));
    assert_eq!(problem(certificate(&key)), "found a public key");
    assert_eq!(problem(public_key(&one)), "found a certificate");
    assert_eq!(problem(private_key(&one)), "found a certificate");
    // The outlines of both private key formats: version and algorithm, version and modulus.
    for der in
        [&[0x30, 7, 2, 1, 0, 0x30, 0, 4, 0][..], &[0x30, 6, 2, 1, 0, 2, 1, 7], &[0x30, 5, 2, 1, 0, 0x30, 0]]
    {
        assert_eq!(private_key(der).unwrap().expose(), der);
        assert_eq!(private_key(base64::encode(der).as_bytes()).unwrap().expose(), der);
        assert_eq!(problem(public_key(der)), "found a private key");
    }
}

#[test]
fn public_key_of_pkcs1_is_converted() {
    // `openssl rsa -RSAPublicKey_in -in key.pem -pubout`
    let expected = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANSuOmPlHGtLMU4kVw5ADwo0oKzpgDHe\
        19xe99FJGNX5GKl19Vzpbs+ymX3Gcc1F+jPk7maTcqF/jycsrFBL0O0CAwEAAQ==";
    assert_eq!(base64::encode(&public_key(RSA_PUBLIC_KEY.as_bytes()).unwrap()), expected);
    for (form, text) in forms(RSA_PUBLIC_KEY) {
        assert_eq!(base64::encode(&public_key(text.as_bytes()).unwrap()), expected, "{form}");
    }
    // Lengths of one, two and three bytes.
    for length in [1, 100, 130, 300, 70_000] {
        let spki = kind::spki_of(&vec![7; length]);
        assert_eq!(Kind::of_der(&spki), Some(Kind::PublicKey), "{length}");
    }
}

#[test]
fn pem_error_names_the_problem_but_not_the_text() {
    let key = pem_with_label("PRIVATE KEY");
    let unknown = "no `-----BEGIN` line, and neither DER nor its base64; if it is PKCS#12, convert with \
        `openssl pkcs12 -in FILE -nodes`";
    let encrypted = "the private key is encrypted; decrypt it with `openssl pkey -in FILE`";
    let cases: [(String, &str); 13] = [
        (String::new(), unknown),
        ("bm90IGEga2V5".into(), unknown),
        (MERCHANT.into(), "found a certificate"),
        (MERCHANT_KEY.into(), "found a public key"),
        (RSA_PUBLIC_KEY.into(), "found a public key"),
        (pem_with_label("EC PRIVATE KEY"), "found an elliptic curve key; an RSA key is required"),
        (pem_with_label("X509 CRL"), "found another kind of section"),
        (pem_with_label("ENCRYPTED PRIVATE KEY"), encrypted),
        (pem_with_label("RSA PRIVATE KEY").replace("bm90", "Proc-Type: 4,ENCRYPTED\n\nbm90"), encrypted),
        (key.replace("-----END", ""), "no `-----END` line; is the text truncated?"),
        (format!("{}{key}", key.replace("-----END", "")), "no `-----END` line; is the text truncated?"),
        ("-----BEGIN PRIVATE KEY".into(), "malformed `-----BEGIN` line"),
        (key.replace("bm90", "bm9*"), "invalid Base64"),
    ];
    for (text, expected) in cases {
        assert_eq!(problem(private_key(text.as_bytes())), expected, "{text}");
    }
    let error = certificate(key.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "expected a certificate in PEM: found a private key");
}

#[test]
fn pkcs12_and_encrypted_der_name_the_command_that_converts_them() {
    // The outline of PKCS#12: version 3, then the content.
    let pkcs12 = [0x30, 5, 2, 1, 3, 0x30, 0];
    for file in [pkcs12.to_vec(), base64::encode(&pkcs12).into_bytes()] {
        let command = "found PKCS#12; convert with `openssl pkcs12 -in FILE -nocerts -nodes`";
        assert_eq!(problem(private_key(&file)), command);
        let command = "found PKCS#12; convert with `openssl pkcs12 -in FILE -clcerts -nokeys`";
        assert_eq!(problem(certificate(&file)), command);
    }
    let encrypted = [0x30, 4, 0x30, 0, 4, 0];
    assert!(problem(private_key(&encrypted)).contains("openssl pkey -in FILE"));
}

proptest::proptest! {
    /// Nothing panics, and no error shows the file.
    #[test]
    fn any_file_is_read_or_rejected_without_showing_it(
        bytes: Vec<u8>,
        text in "(-----BEGIN |PRIVATE KEY|-----|-----END |[a-zA-Z0-9+/=\\\\\n ]){0,12}planted",
    ) {
        for file in [&bytes[..], text.as_bytes()] {
            let results = [private_key(file).map(drop), public_key(file).map(drop), certificate(file).map(drop)];
            let shown = format!("{results:?}{}", problem(private_key(file)));
            proptest::prop_assert!(!shown.contains("planted"), "{}", shown);
        }
    }
}
