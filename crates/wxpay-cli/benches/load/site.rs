//! A simulated gateway in this process, and the servers under load as processes.

use crate::{
    client::{Client, request},
    measure,
    support::{Running, wxpay},
};
use serde_json::json;
use std::{
    fs::File,
    net::{SocketAddr, TcpListener as StdListener},
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use wxpay_proto::id::OutTradeNo;
use wxpay_sim::{
    Clock, Gateway, Settings,
    gateway::{OrderRef, Payer},
    serve::Server,
};

/// The number of gateways.
static GATEWAYS: AtomicU64 = AtomicU64::new(0);

/// A gateway, a ledger, and the settings of the servers between them.
pub(crate) struct Site {
    pub(crate) sim: Server,
    variables: Vec<(String, String)>,
    folder: TempDir,
    database: String,
}

/// A running server.
pub(crate) struct Shop {
    process: Running,
    pub(crate) address: SocketAddr,
    authorization: String,
}

impl Site {
    /// Starts the gateway. It remembers at most this many orders. The ledger is a file.
    pub(crate) async fn new(max_orders: usize) -> Self {
        Self::with_database(max_orders, None).await
    }

    /// Starts the gateway. It remembers at most this many orders. The ledger is in the database of this URL.
    pub(crate) async fn with_database(max_orders: usize, url: Option<String>) -> Self {
        let mut settings = Settings::default();
        settings.max_orders = max_orders;
        settings.v3.rate_limits = false;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Another gateway gives its payments other ids, also if its orders join those of an earlier one in a ledger.
        let seed = GATEWAYS.fetch_add(1, Ordering::Relaxed);
        let sim = Server::start(listener, Gateway::new(settings, seed), Clock::running()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sealing.key"), "ab".repeat(32)).unwrap();
        let variables = variables(&sim, &folder);
        let database = url.unwrap_or_else(|| folder.path().join("ledger.db").to_str().unwrap().to_owned());
        Self { sim, variables, folder, database }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = wxpay();
        command
            .env_clear()
            .envs(self.variables.iter().filter(|(name, _)| !name.contains("_V1_")).cloned())
            .env("WXPAY_BASE_URL", self.sim.url())
            .env("WXPAY_DATABASE", &self.database)
            .env("WXPAY_SEALING_KEY_FILE", self.path("sealing.key"));
        command
    }

    /// Starts a server with these variables, and writes its log to a file. The notifications of its orders come to itself.
    pub(crate) fn serve(&self, variables: &[(&str, &str)]) -> Shop {
        let created = self.command().args(["api-key", "create", "load"]).output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        let token = String::from_utf8(created.stdout).unwrap();
        let address = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = self.command();
        command.env("WXPAY_LISTEN", &address).env("WXPAY_PUBLIC_BASE_URL", format!("http://{address}"));
        command.envs(variables.iter().copied()).args(["serve", "--json", "--set", "rate_limit=0"]);
        let log = File::create(self.path("log")).unwrap();
        let process = Running::start(command.stderr(Stdio::from(log)));
        let address = process.url().strip_prefix("http://").unwrap().parse().unwrap();
        Shop { process, address, authorization: format!("authorization: Bearer {}\r\n", token.trim()) }
    }

    /// Makes the payer pay the order.
    pub(crate) fn pay(&self, number: &str) {
        let order: OutTradeNo = number.parse().unwrap();
        let pay =
            |gateway: &mut Gateway, now| gateway.pay(&OrderRef::OutTradeNo(order), &Payer::default(), now);
        self.sim.with(|simulation, now| pay(&mut simulation.gateway, now.business)).unwrap();
    }
}

/// Returns the environment of the gateway's merchant. Keys are in files.
fn variables(sim: &Server, folder: &TempDir) -> Vec<(String, String)> {
    let values = sim.with(|simulation, now| {
        let target = format!("/_sim/v1/merchants/{}/environment", simulation.gateway.merchant().mchid());
        simulation.control("GET", &target, b"", now.wall).body
    });
    let values = values.as_object().unwrap().iter();
    values
        .map(|(name, value)| {
            let value = value.as_str().unwrap();
            if !name.ends_with("_FILE") {
                return (name.clone(), value.to_owned());
            }
            let path = folder.path().join(format!("{name}.pem"));
            std::fs::write(&path, value).unwrap();
            (name.clone(), path.to_str().unwrap().to_owned())
        })
        .collect()
}

impl Shop {
    pub(crate) fn cpu(&self) -> f64 {
        measure::cpu(self.process.pid())
    }

    pub(crate) fn memory(&self, name: &str) -> f64 {
        measure::memory(self.process.pid(), name)
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Returns the bytes of a request with the API key.
    pub(crate) fn request(&self, method: &str, target: &str, body: &str) -> Vec<u8> {
        request(method, target, &self.authorization, body)
    }

    /// Returns the request that places an order in this channel.
    pub(crate) fn order(&self, channel: &str, number: &str) -> Vec<u8> {
        let mut order = json!({
            "channel": channel, "out_trade_no": number, "description": "一杯茶，两块饼干", "attach": "shop 17",
            "amount": { "total": 1999 },
        });
        if channel == "jsapi" {
            order["payer"] = json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" });
        }
        self.request("POST", "/api/orders", &order.to_string())
    }

    /// Returns the sum of the series of a metric that have all these labels.
    pub(crate) async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut client = self.connect().await;
        let (status, body) = client.send(&self.request("GET", "/metrics", "")).await;
        assert_eq!(status, 200);
        let text = String::from_utf8(body.to_vec()).unwrap();
        let has =
            |series: &str, (name, value): &(&str, &str)| series.contains(&format!("{name}=\"{value}\""));
        let series = text.lines().filter_map(|line| line.rsplit_once(' ')).filter(|(series, _)| {
            let (metric, of_series) = series.split_once('{').unwrap_or((series, ""));
            metric == name && labels.iter().all(|label| has(of_series, label))
        });
        let values: Vec<f64> = series.map(|(_, value)| value.parse().unwrap()).collect();
        assert!(!values.is_empty(), "no series {name} {labels:?}:\n{text}");
        values.into_iter().sum()
    }

    /// Shuts the server down.
    pub(crate) fn terminate(mut self) {
        assert!(self.process.terminate(), "the server did not end with 0");
    }
}
