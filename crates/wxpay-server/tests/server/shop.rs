//! Test harness: the server, a simulated gateway, and an HTTP client.

use serde_json::{Value, json};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use wxpay_proto::{
    Fen,
    id::{NotifyUrl, OutTradeNo},
    v1::{AppSecret, Merchant, Order, PartnerKey, PaySignKey},
};
use wxpay_server::{Running, Server, config::Sources};
use wxpay_sim::{
    Clock, Credentials, Gateway, Settings,
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, Payer},
    ledger::OrderRecord,
};

pub(crate) struct Shop {
    pub(crate) server: Running,
    pub(crate) sim: wxpay_sim::serve::Server,
    credentials: Credentials,
    dir: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

/// A complete reply.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// Starts a gateway and a server with additional settings.
    pub(crate) async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let mut simulation = Settings::default();
        simulation.v1.token_daily_quota = None;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::new(simulation, 7);
        let credentials = gateway.credentials().clone();
        let sim = wxpay_sim::serve::Server::start(listener, gateway, Clock::running()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let server = start(&sim, &credentials, dir.path().join("ledger.db"), &settings).await;
        Self { server, sim, credentials, dir, settings }
    }

    /// Shuts the server down and starts another on the same ledger, at another address.
    pub(crate) async fn restart(mut self) -> Self {
        assert!(self.server.shutdown().await, "the shutdown timed out");
        self.server =
            start(&self.sim, &self.credentials, self.dir.path().join("ledger.db"), &self.settings).await;
        self
    }

    /// Shuts the server down; [`Closed::open`] starts another.
    pub(crate) async fn close(self) -> Closed {
        assert!(self.server.shutdown().await, "the shutdown timed out");
        Closed { sim: self.sim, credentials: self.credentials, dir: self.dir, settings: self.settings }
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        call(self.address(), "GET", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        let head = [("content-type", "application/json")];
        call(self.address(), "POST", path, &head, body.to_string().as_bytes()).await
    }

    /// Places an order with this number and price in fen.
    pub(crate) async fn order(&self, number: &str, total_fee: u64) -> Reply {
        self.post("/api/orders", &order(number, total_fee)).await
    }

    pub(crate) async fn view(&self, number: &str) -> Value {
        self.get(&format!("/api/orders/{number}")).await.json()
    }

    pub(crate) async fn events(&self) -> Vec<Value> {
        self.get("/api/events?after=0&limit=1000").await.json()["events"].as_array().unwrap().clone()
    }

    /// Returns the kinds of an order's events.
    pub(crate) async fn kinds(&self, number: &str) -> Vec<String> {
        let events = self.events().await;
        let own = events.iter().filter(|event| event["out_trade_no"] == number);
        own.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the order has that status and returns it.
    pub(crate) async fn wait_for_status(&self, number: &str, status: &str) -> Value {
        for _ in 0..400 {
            let view = self.view(number).await;
            if view["status"] == status {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{number} must get the status {status}: {}", self.view(number).await);
    }

    /// Makes the payer pay.
    pub(crate) fn pay(&self, number: &str) {
        pay(&self.sim, number, &Payer::default());
    }

    pub(crate) fn pay_as(&self, number: &str, payer: &Payer) {
        pay(&self.sim, number, payer);
    }

    pub(crate) fn inject(&self, fault: Fault, operation: Operation, times: u32) {
        self.sim
            .with(|sim, _| sim.gateway.inject(FaultRule::new(fault).for_operation(operation).at_most(times)));
    }

    pub(crate) fn record(&self, number: &str) -> Option<OrderRecord> {
        let number: OutTradeNo = number.parse().unwrap();
        self.sim.with(|sim, now| sim.gateway.order(&OrderRef::OutTradeNo(number), now.business))
    }

    /// Places an order with the merchant's keys but not through the server.
    pub(crate) async fn order_elsewhere(&self, number: &str, total_fee: u64) {
        let notify_url: NotifyUrl = self.server.notify_url().clone();
        let address = std::net::Ipv4Addr::new(203, 0, 113, 9);
        let order =
            Order::builder(number.parse().unwrap(), Fen::new(total_fee), "elsewhere", notify_url, address);
        let client = wxpay_hyper::Client::builder().build().unwrap();
        client.run(self.merchant().prepay(order.build().unwrap())).await.unwrap();
    }

    pub(crate) fn merchant(&self) -> Merchant {
        let key = |secret: &wxpay_proto::secret::Secret<String>| secret.expose().clone();
        Merchant::builder(
            self.credentials.appid().clone(),
            AppSecret::new(key(self.credentials.app_secret())).unwrap(),
            PaySignKey::new(key(self.credentials.pay_sign_key())).unwrap(),
            self.credentials.partner().clone(),
            PartnerKey::new(key(self.credentials.partner_key())).unwrap(),
        )
        .base_url(&self.sim.url())
        .unwrap()
        .build()
    }
}

/// A shop without a running server; see [`Shop::close`].
pub(crate) struct Closed {
    sim: wxpay_sim::serve::Server,
    credentials: Credentials,
    dir: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Closed {
    pub(crate) fn pay(&self, number: &str) {
        pay(&self.sim, number, &Payer::default());
    }

    pub(crate) async fn open(self) -> Shop {
        let Self { sim, credentials, dir, settings } = self;
        let server = start(&sim, &credentials, dir.path().join("ledger.db"), &settings).await;
        Shop { server, sim, credentials, dir, settings }
    }
}

fn pay(sim: &wxpay_sim::serve::Server, number: &str, payer: &Payer) {
    let order = OrderRef::OutTradeNo(number.parse().unwrap());
    sim.with(|sim, now| sim.gateway.pay(&order, payer, now.business).map(drop)).unwrap();
}

async fn start(
    sim: &wxpay_sim::serve::Server,
    credentials: &Credentials,
    database: PathBuf,
    settings: &[(&'static str, String)],
) -> Running {
    let mut all = vec![
        ("listen", "127.0.0.1:0".to_owned()),
        ("database", database.to_str().unwrap().to_owned()),
        ("gateway_base_url", sim.url()),
        ("appid", credentials.appid().to_string()),
        ("partner", credentials.partner().to_string()),
        ("app_secret", credentials.app_secret().expose().clone()),
        ("pay_sign_key", credentials.pay_sign_key().expose().clone()),
        ("partner_key", credentials.partner_key().expose().clone()),
        ("call_timeout", "2s".to_owned()),
    ];
    all.extend(settings.iter().cloned());
    let sources =
        all.into_iter().fold(Sources::default(), |sources, (name, value)| sources.setting(name, value));
    Server::start(sources.check().unwrap()).await.unwrap()
}

pub(crate) fn order(number: &str, total_fee: u64) -> Value {
    json!({
        "out_trade_no": number,
        "total_fee": total_fee,
        "body": "千足金箍棒",
        "spbill_create_ip": "203.0.113.7",
    })
}

/// Sends one request over its own connection.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    head: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let head = head.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // A server that rejects the request early may stop reading it.
    drop(stream.write_all(body).await);
    read(stream).await
}

/// Reads a reply until the connection closes.
pub(crate) async fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    drop(stream.read_to_end(&mut bytes).await);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no reply: {}", String::from_utf8_lossy(&bytes));
    });
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_ascii_lowercase(), body: bytes[end + 4..].to_vec() }
}
