//! Secrets of every kind are used, and looked for in everything that the server and the commands show or store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};
use support::{Running, ShopListener, environment, eventually, http, native, send, wxpay};

/// What was shown, and where.
#[derive(Default)]
struct Shown(Vec<(String, String)>);

impl Shown {
    fn add(&mut self, origin: impl Into<String>, text: impl Into<String>) {
        self.0.push((origin.into(), text.into()));
    }

    /// Sends a request and keeps its reply. Returns its status and body.
    fn send(&mut self, method: &str, url: &str, key: &str, body: Option<&Value>) -> (u16, Value) {
        let headers = format!("authorization: Bearer {key}\r\n");
        let (status, reply) = send(method, url, &headers, body).unwrap();
        self.add(format!("{method} {url}: {status}"), reply.clone());
        (status, serde_json::from_str(&reply).unwrap_or_default())
    }

    /// Runs a command and keeps its output.
    fn run(&mut self, command: &mut Command) {
        let output = command.output().unwrap();
        let origin = format!("{:?}", command.get_args().collect::<Vec<_>>());
        self.add(origin.clone(), String::from_utf8_lossy(&output.stdout));
        self.add(origin, String::from_utf8_lossy(&output.stderr));
    }

    fn must_not_contain(&self, secrets: &[(String, String)]) {
        assert!(self.0.len() > 30, "too little is shown: {}", self.0.len());
        for (name, secret) in secrets {
            assert!(secret.len() >= 16, "{name} is too short to look for");
            for (origin, text) in &self.0 {
                assert!(!text.contains(secret.as_str()), "{name} is in {origin}");
            }
        }
    }
}

/// Returns a line in the middle of a PEM text: no two keys share it.
fn middle_of(pem: &str) -> String {
    let lines: Vec<&str> = pem.lines().collect();
    lines[lines.len() / 2].to_owned()
}

#[allow(clippy::too_many_lines, reason = "one run, in its order")]
#[test]
fn no_secret_reaches_a_log_an_error_a_metric_a_page_or_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(path("sim.env")).stderr(Stdio::null()));
    let variables = environment(&path("sim.env"));
    let value = |name: &str| variables.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let write = |name: &str, text: &str| {
        fs::write(path(name), text).unwrap();
        path(name)
    };
    let (sealing_key, bootstrap) =
        ("5ea1".repeat(16), "wxk_PlantedBootstrapKey0123456789abcdefghijklmA".to_owned());
    write("sealing.key", &sealing_key);
    write("api.key", &bootstrap);
    let command = |arguments: &[&str]| {
        let mut command = wxpay();
        command
            .env_clear()
            .envs(variables.iter().cloned())
            .env("WXPAY_LOG", "trace")
            .env("WXPAY_DATABASE", path("ledger.db"))
            .env("WXPAY_SEALING_KEY_FILE", path("sealing.key"))
            .env("WXPAY_BOOTSTRAP_API_KEY_FILE", path("api.key"))
            .env("WXPAY_WEBHOOK_ALLOW", "127.0.0.0/8")
            .env("WXPAY_WEBHOOK_INSECURE", "true")
            .args(arguments);
        command
    };
    let once = |arguments: &[&str]| {
        let output = command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (
            String::from_utf8(output.stdout).unwrap().trim().to_owned(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let mut shown = Shown::default();
    let log = fs::File::create(path("log")).unwrap();
    let mut server = Running::start(command(&["serve", "--json", "--listen", "127.0.0.1:0"]).stderr(log));
    let url = server.url().to_owned();

    // Shown once on standard output, and never again.
    let (token, stderr) = once(&["api-key", "create", "shop"]);
    shown.add("api-key create", stderr);
    let shop = ShopListener::start();
    let (webhook_secret, stderr) = once(&["webhook", "add", shop.url()]);
    shown.add("webhook add", stderr);
    let nobody = "http://127.0.0.1:9/PlantedWebhookPath0123456789";
    shown.add("webhook add", once(&["webhook", "add", nobody]).1);

    // Another merchant, whose keys are stored.
    let stored_key = "StoredApiV3Key000000000000000000".to_owned();
    let key_file = write("stored.key", &stored_key).display().to_string();
    let (certificate, private_key) = (value("WXPAY_CERTIFICATE_FILE"), value("WXPAY_PRIVATE_KEY_FILE"));
    let merchant = |mchid: &str, private_key: &str| {
        let mut add = command(&["merchant", "add", "shop2", "--mchid", mchid, "--app", "wx0123456789abcdef"]);
        add.args(["--certificate-file", &certificate, "--private-key-file", private_key]);
        add.args(["--api-v3-key-file", &key_file, "--platform-certificates"]);
        add
    };
    shown.run(&mut merchant("1900000009", &private_key));
    shown.run(&mut merchant("1900000009", &key_file));
    shown.run(&mut merchant("x", &private_key));
    shown.run(&mut command(&["merchant", "keys", "shop2", "--private-key-file", &key_file]));
    shown.run(&mut command(&["merchant", "list"]));
    shown.run(&mut command(&["merchant", "show", "shop2", "--json"]));
    shown.run(&mut command(&["webhook", "list", "--json"]));
    shown.run(&mut command(&["api-key", "list", "--json"]));
    shown.run(&mut command(&["audit", "log", "--json"]));
    shown.run(&mut command(&["check-config", "--json"]));
    shown.run(command(&["check-config"]).env("WXPAY_API_V3_KEY", format!("{stored_key}x")));
    shown.run(command(&["check-config"]).env("WXPAY_SEALING_KEY", format!("{sealing_key}x")));
    shown.run(&mut command(&["serve", "--set", &format!("sealing_key={sealing_key}")]));
    shown.run(&mut command(&["doctor", "--json", "--database", &path("ledger.db").display().to_string()]));

    // Payments of both API versions, with query, refund and delivery.
    let api = format!("{url}/api/orders?merchant=default");
    let of = |path: &str| format!("{url}/api/orders/{path}?merchant=default");
    let mut v3 = native("ORDER-1");
    v3["merchant"] = json!("default");
    let v1 = json!({
        "merchant": "default", "channel": "app", "app": value("WXPAY_V1_APPID"), "out_trade_no": "ORDERB1",
        "description": "a staff", "amount": { "total": 100 }, "scene_info": { "payer_client_ip": "203.0.113.7" },
    });
    for (order, number) in [(&v3, "ORDER-1"), (&v1, "ORDERB1")] {
        let (status, placed) = shown.send("POST", &format!("{url}/api/orders"), &token, Some(order));
        assert_eq!(status, 201, "{placed}");
        http("POST", &format!("{}/_sim/v1/orders/{number}/pay", sim.url()), Some(&json!({}))).unwrap();
        eventually("the order is paid", || {
            let headers = format!("authorization: Bearer {token}\r\n");
            send("GET", &of(number), &headers, None).unwrap().1.contains(r#""status":"paid""#)
        });
        shown.send("POST", &of(&format!("{number}/query")), &token, Some(&json!({})));
    }
    let refund = json!({ "out_refund_no": "R1", "amount": { "refund": 1 } });
    let (status, refunded) = shown.send("POST", &of("ORDER-1/refunds"), &token, Some(&refund));
    assert_eq!(status, 201, "{refunded}");
    shown.send("POST", &of("ORDERB1/delivered"), &token, Some(&json!({ "status": "ok" })));
    shown.send("GET", &api, &token, None);
    eventually("webhooks arrive", || shop.received().len() >= 4);

    // Secrets in the wrong places.
    let planted = "wxk_PlantedUnknownToken0123456789abcdefghijk";
    for (method, target, body) in [
        ("GET", format!("{url}/api/orders"), None),
        ("GET", format!("{url}/api/orders/{token}"), None),
        ("GET", format!("{url}/api/{token}?{token}=1"), None),
        ("POST", format!("{url}/api/orders"), Some(json!({ (token.clone()): token, "channel": stored_key }))),
        ("POST", format!("{url}/api/orders/{token}/query"), Some(json!({ "x": webhook_secret }))),
        ("POST", format!("{url}/notify/default/payment"), Some(json!({ "resource": stored_key }))),
        ("POST", format!("{url}/notify/{token}/{webhook_secret}"), Some(json!({}))),
        ("POST", format!("{url}/notify/default/v1?sign={token}"), Some(json!({}))),
    ] {
        for key in [token.as_str(), planted] {
            shown.send(method, &target, key, body.as_ref());
        }
    }
    for page in ["metrics", "docs", "livez", "readyz", "api/openapi.json", "api/events?merchant=default"] {
        shown.send("GET", &format!("{url}/{page}"), &token, None);
    }
    for page in ["api/merchants", "api/api-keys", "api/webhook-endpoints", "api/audit"] {
        let (status, _) = shown.send("GET", &format!("{url}/{page}"), &bootstrap, None);
        assert_eq!(status, 200, "{page}");
    }
    for webhook in shop.received() {
        shown.add("a webhook", format!("{}{}", webhook.headers, webhook.body));
    }
    assert!(server.terminate());
    let log = fs::read_to_string(path("log")).unwrap();
    assert!(log.contains("v3.pay") && log.contains("v1.genprepay"), "the log has the calls");
    assert!(
        !log.contains("access_token=") && !log.contains("PlantedWebhookPath"),
        "a URL with a secret is in the log"
    );
    shown.add("the log", log);
    for name in ["ledger.db", "ledger.db-wal"] {
        if let Ok(bytes) = fs::read(path(name)) {
            shown.add(name, String::from_utf8_lossy(&bytes));
        }
    }

    let named = ["WXPAY_API_V3_KEY", "WXPAY_V1_APP_SECRET", "WXPAY_V1_PAY_SIGN_KEY", "WXPAY_V1_PARTNER_KEY"];
    let mut secrets: Vec<(String, String)> =
        named.iter().map(|name| ((*name).to_owned(), value(name))).collect();
    secrets.extend([
        ("the private key".to_owned(), middle_of(&fs::read_to_string(&private_key).unwrap())),
        ("the stored APIv3 key".to_owned(), stored_key),
        ("the sealing key".to_owned(), sealing_key),
        ("the bootstrap key".to_owned(), bootstrap),
        ("the token of the API key".to_owned(), token),
        ("an unknown token".to_owned(), planted.to_owned()),
        ("the webhook's secret".to_owned(), webhook_secret),
    ]);
    shown.must_not_contain(&secrets);
}
