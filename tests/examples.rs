//! The examples of `wxpay-hyper`, each run as a program against the simulator.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fen, UnixTime,
    exchange::Transmit,
    id::MchId,
    v3::{
        bill::BillDate,
        pay::{NativeOrder, Order},
    },
    wire::base64,
};
use wxpay_sim::{
    Clock, Gateway, Outcome, Settings, environment::Environment, notifications::NotificationState,
    serve::Server,
};
use wxpay_testkit::{drive::Driver, keys::v3};

const TIMEOUT: Duration = Duration::from_secs(30);

fn real_now() -> UnixTime {
    UnixTime::EPOCH.after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

/// A simulator, and a folder for the environments of its merchants.
struct Sim {
    server: Server,
    folder: TempDir,
}

impl Sim {
    async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(listener, Gateway::new(Settings::default(), 7), clock).unwrap();
        Self { server, folder: tempfile::tempdir().unwrap() }
    }

    /// Writes the file that `wxpay sim --env-file` writes for a merchant; `None` is the default merchant.
    fn env_file(&self, mchid: Option<&str>) -> PathBuf {
        let name = mchid.unwrap_or("default");
        let environment = self.server.with(|simulation, now| match mchid {
            None => Environment::of(&simulation.gateway, &self.server.url(), now.wall),
            Some(mchid) => {
                let mchid: MchId = mchid.parse().unwrap();
                Environment::of_merchant(&simulation.gateway, &mchid, &self.server.url(), now.wall).unwrap()
            }
        });
        let path = self.folder.path().join(format!("{name}.env"));
        environment.files(&self.folder.path().join(name)).unwrap().write(&path).unwrap();
        path
    }

    /// Calls the control interface and returns the body of its response.
    fn control(&self, method: &str, path: &str, body: &str) -> serde_json::Value {
        let path = format!("/_sim/v1/{path}");
        let response =
            self.server.with(|simulation, _| simulation.control(method, &path, body.as_bytes(), real_now()));
        assert!(response.status < 300, "{path}: {} {}", response.status, response.body);
        response.body
    }

    /// Returns the number of orders at the gateway.
    fn orders(&self) -> u64 {
        self.control("GET", "state", "")["counts"]["orders"].as_u64().unwrap()
    }

    fn notification_states(&self) -> Vec<NotificationState> {
        self.server.with(|simulation, _| {
            simulation.gateway.notifications().map(|notification| notification.state).collect()
        })
    }
}

/// Returns a command that runs a program in a shell which has sourced an environment file.
fn command(env_file: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script =
        r#". "$1" && export WXPAY_NOTIFY_URL="${NOTIFY_URL-$WXPAY_NOTIFY_URL}" && shift && exec "$@""#;
    command.args(["-c", script, "sh"]).arg(env_file).arg(program).args(arguments);
    command
        .env_clear()
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

async fn output(mut command: Command) -> (Output, String) {
    let output = timeout(TIMEOUT, command.output()).await.unwrap().unwrap();
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    (output, printed)
}

/// A running example and what it prints.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        timeout(TIMEOUT, self.lines.next_line()).await.unwrap().unwrap().unwrap()
    }

    async fn ends(mut self) {
        assert!(timeout(TIMEOUT, self.child.wait()).await.unwrap().unwrap().success());
        assert_eq!(self.lines.next_line().await.unwrap(), None);
    }
}

/// Returns an address where nothing listens.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

async fn post(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("POST {target} HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn native_order_is_placed_and_queried() {
    let sim = Sim::start(Clock::running()).await;
    let (output, printed) =
        output(command(&sim.env_file(None), env!("CARGO_BIN_EXE_native_order"), &[])).await;
    assert!(output.status.success());
    let lines: Vec<_> = printed.lines().collect();
    let [link, found] = lines[..] else { panic!("{printed}") };
    assert!(link.starts_with("link for the QR code: weixin://wxpay/bizpayurl"), "{printed}");
    assert!(found.starts_with("Found(") && found.contains("ORDER-0001"), "{printed}");
}

#[tokio::test]
async fn native_order_is_paid_and_refunded() {
    let (sim, address) = (Sim::start(Clock::running()).await, free_address());
    let mut command = command(&sim.env_file(None), env!("CARGO_BIN_EXE_sell_and_refund"), &[&address]);
    command.env("NOTIFY_URL", format!("http://{address}/notify/1"));
    let mut selling = Running::start(command);
    assert!(selling.line().await.starts_with("link for the QR code: weixin://wxpay/bizpayurl"));
    sim.control("POST", "orders/ORDER-0002/pay", "");
    let order = sim.control("GET", "orders/ORDER-0002", "");
    let paid = selling.line().await;
    assert_eq!(
        Some(paid.strip_prefix("paid by ").unwrap()),
        order["payments"][0]["transaction_id"].as_str(),
        "{order}"
    );
    assert_eq!(selling.line().await, "refund: Processing");
    sim.server.with(|simulation, _| simulation.clock.advance(Duration::from_secs(10)));
    assert_eq!(selling.line().await, "refunded: 19.99 yuan");
    selling.ends().await;
    assert_eq!(sim.notification_states()[0], NotificationState::Accepted);
    assert_eq!(sim.control("GET", "orders/ORDER-0002", "")["trade_state"], "REFUND");
}

#[tokio::test]
async fn jsapi_page_receives_parameters_that_the_payers_client_accepts() {
    let (sim, address) = (Sim::start(Clock::running()).await, free_address());
    let mut command = command(&sim.env_file(None), env!("CARGO_BIN_EXE_jsapi_page"), &[&address]);
    command.env("NOTIFY_URL", format!("http://{address}/notify/1"));
    let mut serving = Running::start(command);
    assert_eq!(serving.line().await, format!("listening at http://{address}"));
    assert!(post(&address, "/orders/ORDER-0003").await.starts_with("HTTP/1.1 400 "), "without an openid");
    assert!(post(&address, "/notify/1").await.starts_with("HTTP/1.1 401 "), "a forged notification");
    let response = post(&address, "/orders/ORDER-0003?openid=oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let (_, params) = response.split_once("\r\n\r\n").unwrap();
    sim.control("POST", "payer/pay", params);
    assert_eq!(serving.line().await, "ORDER-0003: Success");
}

#[tokio::test]
async fn bill_is_downloaded_into_a_file() {
    let paid_at = real_now().before(Duration::from_hours(48));
    let sim = Sim::start(Clock::frozen(paid_at)).await;
    let env_file = sim.env_file(None);
    let lines = fs::read_to_string(&env_file).unwrap();
    let value = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
        line.map(|value| value.trim_matches('\'').to_owned())
    };
    let merchant = WxPay::builder().variables(value).build().unwrap().merchant().clone();
    let order = Order::new("ORDER-0005".parse().unwrap(), Fen::new(1999), "chopsticks").unwrap();
    let mut driver = Driver::default();
    driver.now = paid_at;
    sim.server.with(|simulation, _| {
        let mut place = |transmit: Transmit, now| {
            let Outcome::Reply(reply) = simulation.gateway.answer(&transmit.request, now) else { panic!() };
            (Ok(reply), Duration::ZERO)
        };
        driver.run(merchant.call(NativeOrder::new(order)), &mut place).unwrap();
    });
    sim.control("POST", "orders/ORDER-0005/pay", "");
    sim.server.with(|simulation, _| {
        simulation.clock.advance(real_now().since(paid_at));
        simulation.clock.run(real_now());
    });

    let (day, path) = (BillDate::of(paid_at).to_string(), sim.folder.path().join("bill.csv"));
    let path = path.to_str().unwrap();
    let bill = |day: &str| command(&env_file, env!("CARGO_BIN_EXE_bill_to_file"), &[day, path]);
    let (_, printed) = output(bill(&day)).await;
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(printed, format!("{path}: {} bytes\n", text.len()));
    assert!(text.contains("`ORDER-0005"), "{text}");
    let day_before = BillDate::before(paid_at).to_string();
    let (_, printed) = output(bill(&day_before)).await;
    assert_eq!(printed, format!("there were no trades on {day_before}\n"));
    assert_eq!(fs::read_to_string(path).unwrap(), text, "the file must not change");
}

#[tokio::test]
async fn order_whose_reply_is_lost_in_a_crash_is_resolved_at_the_next_start() {
    let sim = Sim::start(Clock::running()).await;
    let (env_file, pending) = (sim.env_file(None), sim.folder.path().join("pending.txt"));
    let command =
        || command(&env_file, env!("CARGO_BIN_EXE_resolve_after_crash"), &[pending.to_str().unwrap()]);
    let fault = r#"{"kind":"delayed","millis":60000,"operation":"v3.pay.native","count":1}"#;
    sim.control("POST", "faults", fault);
    let mut crashing = Running::start(command());
    assert_eq!(crashing.line().await, "placing v3.order?out_trade_no=ORDER-0006");
    timeout(TIMEOUT, async {
        while sim.orders() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    crashing.child.kill().await.unwrap();
    assert_eq!(fs::read_to_string(&pending).unwrap(), "v3.order?out_trade_no=ORDER-0006\n");

    let (output, printed) = output(command()).await;
    assert!(output.status.success());
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[0], "v3.order?out_trade_no=ORDER-0006: exists");
    assert!(lines[2].starts_with("link for the QR code: weixin://wxpay/bizpayurl"), "{printed}");
    assert_eq!(fs::read_to_string(&pending).unwrap(), "", "nothing is pending any more");
    assert_eq!(sim.orders(), 1);
}

#[tokio::test]
async fn many_merchants_are_paid_in_one_process() {
    let sim = Sim::start(Clock::running()).await;
    let mchids = ["1900000201", "1900000202"];
    for mchid in mchids {
        sim.control("POST", "merchants", &format!(r#"{{"mchid":"{mchid}"}}"#));
    }
    let files = mchids.map(|mchid| sim.env_file(Some(mchid)).to_str().unwrap().to_owned());
    let arguments = ["127.0.0.1:0", &files[0], &files[1]];
    let mut serving =
        Running::start(command(Path::new("/dev/null"), env!("CARGO_BIN_EXE_many_merchants"), &arguments));
    for mchid in mchids {
        let link = serving.line().await;
        assert!(link.starts_with(&format!("{mchid}: weixin://wxpay/bizpayurl")), "{link}");
    }
    for mchid in mchids {
        sim.control("POST", &format!("orders/ORDER-0004/pay?mchid={mchid}"), "");
        assert_eq!(serving.line().await, format!("{mchid}: ORDER-0004 is paid"));
    }
}

/// A gateway with the operations of the example, which the simulator does not have. It signs whatever it returns.
async fn gateway_of_own_operations(echoed: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&requests);
    let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        assert!(headers["authorization"].to_str().unwrap().starts_with("WECHATPAY2-SHA256-RSA2048 "));
        let body = String::from_utf8(body.to_vec()).unwrap();
        recorded.lock().unwrap().push(format!("{method} {uri} {body}").trim().to_owned());
        let reply = match method {
            Method::GET => r#"{"available_amount":1999,"pending_amount":1}"#.to_owned(),
            _ => format!(r#"{{"withdraw_id":"12345","out_request_no":"{echoed}"}}"#),
        };
        let timestamp = real_now().as_secs();
        let message = format!("{timestamp}\nnonce\n{reply}\n");
        let signature = v3::private_key(v3::PUBLIC_KEY_PRIVATE).sign(message.as_bytes()).unwrap();
        let headers = [
            ("wechatpay-timestamp", timestamp.to_string()),
            ("wechatpay-nonce", "nonce".to_owned()),
            ("wechatpay-signature", base64::encode(&signature)),
            ("wechatpay-serial", v3::PUBLIC_KEY_ID.to_owned()),
        ];
        let headers = headers.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        (StatusCode::OK, HeaderMap::from_iter(headers), reply)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, requests)
}

async fn run_own_operations(url: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wxpay-testkit/keys");
    let file = |name: &str| keys.join(name).to_str().unwrap().to_owned();
    let lines = [
        ("WXPAY_BASE_URL", url.to_owned()),
        ("WXPAY_MCHID", v3::MCHID.to_owned()),
        ("WXPAY_SERIAL_NO", v3::SERIAL_NO.to_owned()),
        ("WXPAY_PRIVATE_KEY_FILE", file("merchant.pem")),
        ("WXPAY_API_V3_KEY", v3::API_V3_KEY.to_owned()),
        ("WXPAY_PUBLIC_KEY_ID", v3::PUBLIC_KEY_ID.to_owned()),
        ("WXPAY_PUBLIC_KEY_FILE", file("public_key_mode_public.pem")),
    ]
    .map(|(name, value)| format!("export {name}='{value}'\n"));
    let env_file = folder.path().join("merchant.env");
    fs::write(&env_file, lines.concat()).unwrap();
    let mut command = command(&env_file, env!("CARGO_BIN_EXE_own_operation"), &[]);
    command.stderr(Stdio::piped());
    output(command).await
}

#[tokio::test]
async fn own_operations_are_signed_and_verified_like_every_other() {
    let (url, requests) = gateway_of_own_operations("WITHDRAWAL0001").await;
    let (output, printed) = run_own_operations(&url).await;
    assert!(output.status.success());
    assert_eq!(printed, "balance: 19.99 yuan\nwithdrawal: 12345\n");
    let withdrawal = r#"{"out_request_no":"WITHDRAWAL0001","account_type":"BASIC","amount":1999}"#;
    assert_eq!(
        *requests.lock().unwrap(),
        [
            "GET /v3/merchant/fund/balance/BASIC".to_owned(),
            format!("POST /v3/merchant/fund/withdraw {withdrawal}")
        ]
    );
}

#[tokio::test]
async fn own_operation_rejects_a_reply_to_another_request() {
    let (url, requests) = gateway_of_own_operations("WITHDRAWAL0002").await;
    let (output, printed) = run_own_operations(&url).await;
    assert!(!output.status.success());
    assert_eq!(printed, "balance: 19.99 yuan\n");
    let failed = String::from_utf8(output.stderr).unwrap();
    assert!(failed.contains("out_request_no") && failed.contains("must be that of the request"), "{failed}");
    assert_eq!(requests.lock().unwrap().len(), 2, "what was carried out must not be sent again");
}
