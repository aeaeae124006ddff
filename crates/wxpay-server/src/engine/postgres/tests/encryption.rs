//! TLS.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn the_server_is_verified_unless_the_url_says_otherwise() {
    let Some(server) = server() else { return };
    let (trusted, other) = (authority("trusted"), authority("other"));
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &trusted).unwrap();
    server.use_tls(&leaf.pem(), &key.serialize_pem());
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (trusted, other) = (file("trusted.pem", trusted.pem()), file("other.pem", other.pem()));
    let name = server.create().rsplit('/').next().unwrap().to_owned();
    let url =
        |host: &str, parameters: &str| format!("postgres://wxpay@{host}:{}/{name}?{parameters}", server.port);
    let database = &name;
    let is_encrypted = |url: String| async move {
        let ledger = open(&url).await;
        ledger.probe().await.unwrap();
        let query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'wxpay' AND client_addr IS NOT NULL AND datname = current_database()";
        let encrypted = server.execute(database, query);
        ledger.close().await;
        encrypted == "t"
    };
    assert!(is_encrypted(url("localhost", &format!("sslmode=verify-full&sslrootcert={trusted}"))).await);
    assert!(is_encrypted(url("127.0.0.1", "sslmode=require")).await);
    assert!(!is_encrypted(url("localhost", "")).await);
    assert!(!is_encrypted(url("localhost", "sslmode=disable")).await);
    for (host, parameters) in [
        ("localhost", "sslmode=verify-full".to_owned()),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other}")),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={trusted}")),
    ] {
        let text = refusal(&url(host, &parameters)).await;
        assert!(text.contains("certificate"), "{host} {parameters}: {text}");
    }
    let text = refusal(&url("localhost", "sslmode=verify-full&sslrootcert=/missing")).await;
    assert!(text.contains("/missing cannot be read"), "{text}");
    let empty = file("empty.pem", String::new());
    let text = refusal(&url("localhost", &format!("sslmode=verify-full&sslrootcert={empty}"))).await;
    assert!(text.contains("there is no certificate in PEM"), "{text}");
    // The authorities of the setting `ca_file` are trusted besides the public ones.
    let mut with_ca = settings(&url("localhost", "sslmode=verify-full"));
    with_ca.ca = Some(std::fs::read(&trusted).unwrap());
    Postgres::connect(&with_ca).await.unwrap().close().await;
}
