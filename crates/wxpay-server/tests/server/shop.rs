//! Test harness: a simulated gateway, a server, and what a shop does with them.

use crate::{
    http::{Reply, call},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::net::TcpListener;
use wxpay_server::{Running, Server, StartError, settings::Sources};
use wxpay_sim::{Clock, Gateway, Settings};

/// The merchant that the variables of the environment define.
pub(crate) const MERCHANT: &str = "default";
/// The payer of every order that names one.
pub(crate) const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";
/// The key that seals secrets in the ledger.
pub(crate) const SEALING_KEY: &str = "a7c1de4402f6b8935d0e7a1bc2439f58a7c1de4402f6b8935d0e7a1bc2439f58";

/// A shop with its server and the gateway.
pub(crate) struct Shop {
    pub(crate) server: Running,
    pub(crate) sim: wxpay_sim::serve::Server,
    pub(crate) token: String,
    pub(crate) dir: tempfile::TempDir,
    setup: Setup,
    environment: Vec<(String, String)>,
}

/// The settings of a shop, besides those that every one has.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    flags: Vec<String>,
    file: String,
    has_no_merchant: bool,
    database: Option<String>,
}

impl Setup {
    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.push(format!("{name}={value}"));
        self
    }

    /// Adds TOML. `{…}` are replaced by the variables of the environment.
    pub(crate) fn file(mut self, toml: &str) -> Self {
        self.file.push_str(toml);
        self
    }

    /// Sets the database, in place of a file.
    pub(crate) fn database(self, url: String) -> Self {
        Self { database: Some(url), ..self }
    }

    pub(crate) fn without_merchant(mut self) -> Self {
        self.has_no_merchant = true;
        self
    }

    pub(crate) async fn open(self) -> Shop {
        let mut simulation = Settings::default();
        simulation.v1.token_daily_quota = None;
        simulation.v3.rate_limits = false;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::new(simulation, 7);
        let sim = wxpay_sim::serve::Server::start(listener, gateway, Clock::running()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mchid = sim.with(|sim, _| sim.gateway.merchant().mchid().to_string());
        let environment = environment(&sim, &mchid, dir.path(), "").await;
        let server = start(&sim, dir.path().join("ledger.db"), &self, &environment).await.unwrap();
        let token = server.create_api_key("test").await.unwrap().expose().clone();
        Shop { server, sim, token, dir, setup: self, environment }
    }
}

/// Returns the environment of a merchant. Keys and certificates are in files.
async fn environment(
    sim: &wxpay_sim::serve::Server,
    mchid: &str,
    dir: &std::path::Path,
    prefix: &str,
) -> Vec<(String, String)> {
    let values = control(sim, "GET", &format!("/merchants/{mchid}/environment"), None).await;
    let values = values.as_object().unwrap().iter();
    values
        .map(|(name, value)| {
            let value = value.as_str().unwrap();
            if !name.ends_with("_FILE") {
                return (name.clone(), value.to_owned());
            }
            let path = dir.join(format!("{prefix}{name}.pem"));
            std::fs::write(&path, value).unwrap();
            (name.clone(), path.to_str().unwrap().to_owned())
        })
        .collect()
}

async fn start(
    sim: &wxpay_sim::serve::Server,
    database: PathBuf,
    setup: &Setup,
    environment: &[(String, String)],
) -> Result<Running, StartError> {
    Server::start(sources(sim, database, setup, environment).check().unwrap()).await
}

fn sources(
    sim: &wxpay_sim::serve::Server,
    database: PathBuf,
    setup: &Setup,
    environment: &[(String, String)],
) -> Sources {
    let file = environment
        .iter()
        .fold(setup.file.clone(), |file, (name, value)| file.replace(&format!("{{{name}}}"), value));
    let own = [("WXPAY_SEALING_KEY", SEALING_KEY.to_owned()), ("WXPAY_BASE_URL", sim.url())];
    let merchant = if setup.has_no_merchant { &[][..] } else { environment };
    let variables = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let sources = Sources::default()
        .dev()
        .file(&file)
        .environment(variables.chain(merchant.iter().cloned()))
        .flag("listen=127.0.0.1:0")
        .flag(&format!(
            "database={}",
            setup.database.as_deref().unwrap_or_else(|| database.to_str().unwrap())
        ))
        .flag("call_timeout=2s")
        .flag("call_attempts=1")
        .flag("webhook_insecure=true")
        .flag("webhook_allow=127.0.0.0/8");
    setup.flags.iter().fold(sources, |sources, flag| sources.flag(flag))
}

/// Sends a request to the simulator's control interface.
async fn control(sim: &wxpay_sim::serve::Server, method: &str, path: &str, body: Option<&Value>) -> Value {
    let body = body.map(Value::to_string).unwrap_or_default();
    let headers = [("content-type", "application/json")];
    let path = format!("/_sim/v1{path}");
    let reply = call(sim.address(), method, &path, &headers, body.as_bytes()).await;
    assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text());
    if reply.body.is_empty() { Value::Null } else { reply.json() }
}

impl Shop {
    /// Opens the server of a partner with the sub-merchant 1900000109.
    pub(crate) async fn of_partner() -> Self {
        let partner = r#"
        [merchants.partner]
        mchid = "{WXPAY_MCHID}"
        private_key_file = "{WXPAY_PRIVATE_KEY_FILE}"
        certificate_file = "{WXPAY_CERTIFICATE_FILE}"
        api_v3_key = "{WXPAY_API_V3_KEY}"
        platform_certificates = true
        partner = true
        apps = [{ appid = "{WXPAY_APPID}" }]
        sub_merchants = [{ sub_mchid = "1900000109" }]
    "#;
        let shop = Setup::default().without_merchant().file(partner).open().await;
        let mchid = shop.variable("WXPAY_MCHID").to_owned();
        shop.control("PUT", &format!("/merchants/{mchid}/sub_merchants/1900000109"), json!({})).await;
        shop
    }

    pub(crate) async fn open() -> Self {
        Setup::default().open().await
    }

    /// Shuts the server down and starts another on the same ledger, at another address.
    pub(crate) async fn restart(mut self) -> Self {
        let Self { server, sim, .. } = self;
        assert!(server.shutdown().await, "the shutdown timed out");
        self.server =
            start(&sim, self.dir.path().join("ledger.db"), &self.setup, &self.environment).await.unwrap();
        self.sim = sim;
        self
    }

    /// Starts a second server on a file.
    pub(crate) async fn start_another(&self, database: PathBuf) -> Result<Running, StartError> {
        start(&self.sim, database, &self.setup, &self.environment).await
    }

    /// Returns the settings with a change, for a reload.
    pub(crate) fn reload(&self, change: impl Fn(Sources) -> Sources) {
        let database = self.dir.path().join("ledger.db");
        let sources = change(sources(&self.sim, database, &self.setup, &self.environment));
        self.server.reload(sources.check().unwrap()).unwrap();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Returns a variable of the merchant's environment.
    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.environment.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1
    }

    /// Returns the content of a file that a variable names.
    pub(crate) fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.variable(name)).unwrap()
    }

    /// Creates a merchant at the gateway, and returns its environment; keys and certificates as texts.
    pub(crate) async fn new_merchant(&self, mchid: &str) -> BTreeMap<String, String> {
        self.control("POST", "/merchants", json!({ "mchid": mchid })).await;
        let values = self.control("GET", &format!("/merchants/{mchid}/environment"), Value::Null).await;
        serde_json::from_value(values).unwrap()
    }

    pub(crate) async fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let authorization = format!("Bearer {token}");
        let mut all = vec![("authorization", &*authorization)];
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/json"));
        }
        all.extend_from_slice(headers);
        call(self.address(), method, path, &all, body).await
    }

    pub(crate) async fn request(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(&self.token, method, path, &[], body.as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.request("POST", path, body).await
    }

    /// Places a Native order.
    pub(crate) async fn place(&self, number: &str, total: u64) -> Reply {
        self.post("/api/orders", &native(number, total)).await
    }

    pub(crate) async fn order(&self, number: &str) -> Value {
        self.get(&format!("/api/orders/{number}")).await.expect(200)
    }

    pub(crate) async fn refund(&self, number: &str, refund_number: &str, amount: u64) -> Reply {
        let body = json!({ "out_refund_no": refund_number, "amount": { "refund": amount } });
        self.post(&format!("/api/orders/{number}/refunds"), &body).await
    }

    /// Waits until the order satisfies a condition, and returns it.
    pub(crate) async fn wait(&self, number: &str, is_enough: impl Fn(&Value) -> bool) -> Value {
        self.wait_get(&format!("/api/orders/{number}"), is_enough).await
    }

    pub(crate) async fn wait_for_status(&self, number: &str, status: &str) -> Value {
        self.wait(number, |order| order["status"] == status).await
    }

    /// Waits until a resource satisfies a condition, and returns it.
    pub(crate) async fn wait_get(&self, path: &str, is_enough: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..600 {
            let reply = self.get(path).await;
            if reply.status == 200 {
                last = reply.json();
                if is_enough(&last) {
                    return last;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{path} does not become as expected: {last:#}");
    }

    /// Waits for the only open case, and returns it.
    pub(crate) async fn wait_for_case(&self) -> Value {
        let list = self
            .wait_get("/api/cases?status=open", |list| !list["data"].as_array().unwrap().is_empty())
            .await;
        assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
        list["data"][0].clone()
    }

    /// Returns the types of all events of a number, in order.
    pub(crate) async fn event_types(&self, number: &str) -> Vec<String> {
        let events = self.get("/api/events?limit=200").await.expect(200);
        let events = events["data"].as_array().unwrap().iter();
        let own = events.filter(|event| event["data"]["object"]["out_trade_no"] == number);
        own.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until these are the types of all events of a number.
    pub(crate) async fn wait_for_events(&self, number: &str, expected: &[&str]) {
        let mut types = Vec::new();
        for _ in 0..600 {
            types = self.event_types(number).await;
            if types == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(types, expected);
    }

    /// Sends a request to the simulator's control interface.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        control(&self.sim, method, path, (!body.is_null()).then_some(&body)).await
    }

    /// Makes the payer pay.
    pub(crate) async fn pay(&self, number: &str) -> Value {
        self.control("POST", &format!("/orders/{number}/pay"), json!({})).await
    }

    /// Injects a fault, once.
    pub(crate) async fn inject(&self, kind: &str, operation: &str) {
        self.control("POST", "/faults", json!({ "kind": kind, "operation": operation, "count": 1 })).await;
    }

    /// Makes the gateway refuse connections for a second. One request, which is not the server's, is lost for it.
    /// A server that has called the gateway before may still have an open connection.
    pub(crate) async fn gateway_down(&self) {
        let fault =
            json!({ "kind": "connection_refused", "path": "/v3/certificates", "millis": 1000, "count": 1 });
        self.control("POST", "/faults", fault).await;
        let mut stream = tokio::net::TcpStream::connect(self.sim.address()).await.unwrap();
        let request = b"GET /v3/certificates HTTP/1.1\r\nhost: gateway\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(self.sim.address()).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the gateway is not down");
    }

    /// Waits until the gateway accepts connections again.
    pub(crate) async fn gateway_up(&self) {
        while tokio::net::TcpStream::connect(self.sim.address()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the number of requests of an operation that the gateway received.
    pub(crate) async fn requests(&self, operation: &str) -> usize {
        let list = self.control("GET", &format!("/requests?operation={operation}"), Value::Null).await;
        list.as_array().unwrap().len()
    }

    /// Advances the gateway's business clock.
    pub(crate) async fn advance(&self, seconds: u64) {
        self.control("POST", "/clock", json!({ "advance_seconds": seconds })).await;
    }

    /// Starts a receiver and an endpoint for it. Returns the receiver, the endpoint's id and its secret.
    pub(crate) async fn endpoint(&self, more: Value) -> (Receiver, String, String) {
        let receiver = Receiver::start().await;
        let mut body = json!({ "url": receiver.url() });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let endpoint = self.post("/api/webhook-endpoints", &body).await.expect(201);
        let text = |name: &str| endpoint[name].as_str().unwrap().to_owned();
        (receiver, text("endpoint"), text("secret"))
    }

    /// Creates an API key, and returns its token and its id.
    pub(crate) async fn api_key(&self, body: Value) -> (String, String) {
        let mut key = json!({ "name": "test" });
        key.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let key = self.post("/api/api-keys", &key).await.expect(201);
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        (text("token"), text("key_id"))
    }

    /// Returns the value of a series of the metrics.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let metrics = call(self.address(), "GET", "/metrics", &[], b"").await.text();
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no series {series}:\n{metrics}")).parse().unwrap()
    }
}

/// Returns a code payment. The last two digits of the code are the payer's behaviour, as the simulator defines it.
pub(crate) fn code(number: &str, total: u64, behaviour: &str) -> Value {
    let scene = json!({ "store_info": { "id": "0001" } });
    let auth_code = json!(format!("1345678901234567{behaviour}"));
    with(&order("code", number, total), &[("/scene_info", scene), ("/auth_code", auth_code)])
}

/// Returns a Native order.
pub(crate) fn native(number: &str, total: u64) -> Value {
    order("native", number, total)
}

/// Returns an order with a payer.
pub(crate) fn jsapi(number: &str, total: u64) -> Value {
    let mut order = order("jsapi", number, total);
    order["payer"] = json!({ "openid": OPENID });
    order
}

/// Returns an order with the fields that every channel requires.
pub(crate) fn order(channel: &str, number: &str, total: u64) -> Value {
    let mut order = json!({
        "channel": channel,
        "out_trade_no": number,
        "description": "千足金箍棒",
        "amount": { "total": total },
    });
    if channel == "app" || channel == "h5" {
        order["scene_info"] = json!({ "payer_client_ip": "203.0.113.7" });
    }
    order
}

/// Returns an object with changes, by JSON pointer.
pub(crate) fn with(value: &Value, changes: &[(&str, Value)]) -> Value {
    let mut value = value.clone();
    for (name, new) in changes {
        let (parent, member) = name.rsplit_once('/').unwrap();
        value.pointer_mut(parent).unwrap()[member] = new.clone();
    }
    value
}
