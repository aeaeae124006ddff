//! The provider against the `openssl` command, with generated keys: each verifies the other's signatures and opens the
//! other's ciphertexts. The proof has fixed values from OpenSSL for machines without it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};
use tempfile::TempDir;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::crypto::{Certificate, CryptoProvider as _, PrivateKey, PublicKey, pem};

const MESSAGE: &[u8] = "GET\n/v3/certificates\n1700000000\n5K8264ILTKCH16CQ\n\n".as_bytes();
const SECRET: &[u8] = "张三 13800138000".as_bytes();

#[test]
fn aws_lc_and_openssl_verify_each_others_signatures() {
    let Some(workspace) = Workspace::create() else { return };
    for bits in [2048, 3072, 4096] {
        let (key, public) = workspace.keys(bits);
        fs::write(workspace.file("message"), MESSAGE).unwrap();
        fs::write(workspace.file("signature"), key.sign(MESSAGE).unwrap()).unwrap();
        workspace.run(&["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"]);
        let signature = workspace.run(&["dgst", "-sha256", "-sign", "key.pem", "message"]);
        assert_eq!(public.verify(MESSAGE, &signature), Ok(()), "{bits} bits");
    }
}

#[test]
fn aws_lc_and_openssl_decrypt_each_others_ciphertexts() {
    let Some(workspace) = Workspace::create() else { return };
    let oaep =
        ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1", "-pkeyopt", "rsa_mgf1_md:sha1"];
    for bits in [2048, 3072] {
        let (key, public) = workspace.keys(bits);
        fs::write(workspace.file("sealed"), public.seal(SECRET).unwrap()).unwrap();
        let decrypted = workspace
            .run(&[&["pkeyutl", "-decrypt", "-inkey", "key.pem", "-in", "sealed"], &oaep[..]].concat());
        assert_eq!(decrypted, SECRET, "{bits} bits");
        fs::write(workspace.file("plain"), SECRET).unwrap();
        let sealed = workspace.run(
            &[&["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plain"], &oaep[..]].concat(),
        );
        assert_eq!(key.open(&sealed).unwrap().expose(), SECRET, "{bits} bits");
    }
}

#[test]
fn pkcs1_and_pkcs8_keys_sign_alike_and_match_their_certificate() {
    let Some(workspace) = Workspace::create() else { return };
    let (key, _) = workspace.keys(2048);
    let pkcs1 = workspace.run(&["rsa", "-in", "key.pem", "-traditional"]);
    assert!(pkcs1.starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
    let from_pkcs1 = AwsLc.private_key(&pem::private_key(&pkcs1).unwrap()).unwrap();
    assert_eq!(from_pkcs1.sign(MESSAGE), key.sign(MESSAGE));

    let subject = "/C=CN/O=微信商户系统/CN=1900000001";
    let text =
        workspace.run(&["req", "-x509", "-key", "key.pem", "-days", "1826", "-utf8", "-subj", subject]);
    fs::write(workspace.file("certificate.pem"), &text).unwrap();
    let certificate = Certificate::parse_pem(&text).unwrap();
    let serial = workspace.run(&["x509", "-in", "certificate.pem", "-noout", "-serial"]);
    assert_eq!(format!("serial={}\n", certificate.serial()).as_bytes(), serial);
    assert_eq!(certificate.common_name(), Some("1900000001"));
    let public = AwsLc.public_key(certificate.spki()).unwrap();
    assert_eq!(public.verify(MESSAGE, &key.sign(MESSAGE).unwrap()), Ok(()));
}

/// A temporary directory in which OpenSSL runs.
struct Workspace(TempDir);

impl Workspace {
    /// Creates a workspace. Returns `None`, with a message, if there is no `openssl` command.
    #[allow(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
    fn create() -> Option<Self> {
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: the openssl command is required for this test");
            return None;
        }
        Some(Self(TempDir::new().unwrap()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl").current_dir(self.0.path()).args(args).output().unwrap();
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Generates a key pair, also written to `key.pem` and `public.pem`.
    fn keys(&self, bits: u32) -> (Arc<dyn PrivateKey>, Arc<dyn PublicKey>) {
        self.run(&[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            &format!("rsa_keygen_bits:{bits}"),
            "-out",
            "key.pem",
        ]);
        self.run(&["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
        let key = pem::private_key(&fs::read(self.file("key.pem")).unwrap()).unwrap();
        let public = pem::public_key(&fs::read(self.file("public.pem")).unwrap()).unwrap();
        (AwsLc.private_key(&key).unwrap(), AwsLc.public_key(&public).unwrap())
    }
}
