//! The payment server and the commands beside it, run as a user runs them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};
use support::{Running, ShopListener, api, environment, eventually, http, native, send, wxpay};
use tempfile::TempDir;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Returns standard output, which must end with success.
fn stdout(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

fn json_of(command: &mut Command) -> Value {
    let line = stdout(command.arg("--json"));
    assert_eq!(line.lines().count(), 1, "{line}");
    serde_json::from_str(&line).unwrap()
}

/// A simulator, and a ledger for a server of its merchant.
struct Site {
    sim: Running,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sim.env");
        let sim = Running::start(wxpay().args(["sim", "--env-file"]).arg(&file).stderr(Stdio::null()));
        let variables = environment(&file);
        fs::write(folder.path().join("sealing.key"), "ab".repeat(32)).unwrap();
        Self { sim, variables, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn value(&self, name: &str) -> &str {
        &self.variables.iter().find(|(known, _)| known == name).unwrap().1
    }

    /// Returns a command with the settings of the site.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wxpay();
        command
            .env_clear()
            .envs(self.variables.iter().cloned())
            .env("WXPAY_LOG", "info")
            .env("WXPAY_SEALING_KEY_FILE", self.path("sealing.key"))
            .env("WXPAY_WEBHOOK_ALLOW", "127.0.0.0/8")
            .env("WXPAY_WEBHOOK_INSECURE", "true")
            .env("WXPAY_DATABASE", self.path("ledger.db"))
            .args(arguments);
        command
    }

    fn serve(&self, more: &[&str]) -> Running {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let arguments = [&["serve", "--json", "--listen", "127.0.0.1:0"], more].concat();
        Running::start(self.command(&arguments).stderr(log))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn api_key(&self) -> String {
        stdout(&mut self.command(&["api-key", "create", "shop"])).trim().to_owned()
    }

    fn pay(&self, number: &str) {
        let url = format!("{}/_sim/v1/orders/{number}/pay", self.sim.url());
        let (status, record) = http("POST", &url, Some(&json!({}))).unwrap();
        assert_eq!(status, 200, "{record}");
    }
}

fn place(server: &str, key: &str, number: &str) -> Value {
    let (status, placed) = api("POST", &format!("{server}/api/orders"), key, Some(&native(number))).unwrap();
    assert_eq!(status, 201, "{placed}");
    placed
}

fn order(server: &str, key: &str, number: &str) -> Value {
    let (status, order) = api("GET", &format!("{server}/api/orders/{number}"), key, None).unwrap();
    assert_eq!(status, 200, "{order}");
    order
}

#[test]
fn serve_for_developers_takes_an_order_from_open_to_paid_and_prints_one_line() {
    let mut command = wxpay();
    command.env_clear().env("WXPAY_LOG", "info");
    command.args(["serve", "--dev", "--json", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.starts_with(r#"{"ready":true,"url":"http://127.0.0.1:"#), "{line}");
    let ready: Value = serde_json::from_str(&line).unwrap();
    let member = |name: &str| ready[name].as_str().unwrap().to_owned();
    let (url, simulator, key) = (member("url"), member("simulator"), member("api_key"));
    assert_eq!(ready.as_object().unwrap().len(), 4, "{line}");

    let placed = place(&url, &key, "ORDER-1");
    assert_eq!((&placed["order"]["status"], &placed["pay"]["kind"]), (&json!("open"), &json!("native")));
    let app = json!({
        "channel": "app", "app": Value::Null, "out_trade_no": "ORDER-2", "description": "a staff", "amount": {"total": 1},
    });
    let (status, problem) = api("POST", &format!("{url}/api/orders"), &key, Some(&app)).unwrap();
    assert_eq!((status, &problem["field"]), (422, &json!("app")), "{problem}");
    http("POST", &format!("{simulator}/_sim/v1/orders/ORDER-1/pay"), Some(&json!({}))).unwrap();
    eventually("the notification pays the order", || order(&url, &key, "ORDER-1")["status"] == "paid");
    let (status, _) = http("GET", &format!("{url}/api/orders/ORDER-1"), None).unwrap();
    assert_eq!(status, 401, "without the key");

    let sent = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(sent.success() && child.wait().unwrap().success());
    assert_eq!(lines.count(), 0, "standard output is the one line");
}

#[test]
fn serve_for_developers_shows_people_commands_that_work() {
    let mut command = wxpay();
    command.env_clear().env("WXPAY_LOG", "off").args(["serve", "--dev", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut shown = String::new();
    for line in lines.by_ref() {
        shown.push_str(&line);
        shown.push('\n');
        if line.contains("Ctrl-C") {
            break;
        }
    }
    // The commands are run as shown, in their order, by a shell.
    let script: Vec<&str> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| line.strip_suffix('\\').unwrap_or(line))
        .collect();
    let mut script = script
        .join("\n")
        .replace("-H 'Content-Type: application/json' \n", "-H 'Content-Type: application/json' ");
    script = script.replace("_sim/v1/orders/ORDER-1/pay", "_sim/v1/orders/ORDER-1/pay; sleep 2");
    let ran = Command::new("sh").args(["-c", &script]).output();
    child.kill().unwrap();
    child.wait().unwrap();
    match ran {
        Ok(output) if text(&output.stderr).contains("curl: not found") => {
            support::not_tested("curl", "it is not installed");
        }
        output => {
            let output = output.unwrap();
            let (out, error) = (text(&output.stdout), text(&output.stderr));
            assert!(out.contains("weixin://") && out.contains("\"order.paid\""), "{out} {error} {script}");
            assert!(out.contains("\"out_refund_no\":\"REFUND-1\""), "{out} {error} {script}");
        }
    }
}

#[test]
fn an_api_key_made_beside_a_running_server_works_until_it_is_revoked() {
    let site = Site::new();
    let mut server = site.serve(&[]);
    let url = server.url().to_owned();
    let key = site.api_key();
    assert!(key.starts_with("wxk_") && !key.contains('\n'), "standard output is the token alone");
    place(&url, &key, "ORDER-1");

    let read_only = json_of(&mut site.command(&["api-key", "create", "reader", "--scope", "orders:read"]));
    assert_eq!(read_only["scopes"], json!(["orders:read"]), "{read_only}");
    let token = read_only["token"].as_str().unwrap();
    assert_eq!(order(&url, token, "ORDER-1")["status"], "open");
    let refused = api("POST", &format!("{url}/api/orders"), token, Some(&native("ORDER-2"))).unwrap();
    assert_eq!(refused.0, 403, "{}", refused.1);

    let listed = stdout(&mut site.command(&["api-key", "list"]));
    assert!(
        listed.starts_with("KEY ID ") && listed.contains("reader") && listed.contains("orders:read"),
        "{listed}"
    );
    assert!(!listed.contains(token) && !listed.contains(&key), "tokens are shown once");
    let id = read_only["key_id"].as_str().unwrap();
    assert_eq!(stdout(&mut site.command(&["api-key", "revoke", id])), format!("revoked {id}\n"));
    eventually("the key is refused", || {
        api("GET", &format!("{url}/api/orders/ORDER-1"), token, None).unwrap().0 == 401
    });
    assert!(server.terminate());

    // Without a server, too; and with a usable error.
    let unknown = site.command(&["api-key", "revoke", "nobody"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown.stderr));
    let log = stdout(&mut site.command(&["audit", "log"]));
    assert!(log.contains("cli") && log.contains("api_key.create"), "{log}");
    assert_eq!(stdout(&mut site.command(&["audit"])), "ok: every order equals what its evidence gives\n");
}

#[test]
fn a_merchant_added_by_command_takes_orders_without_a_restart() {
    let site = Site::new();
    // The server begins without a merchant.
    let without: Vec<(String, String)> =
        site.variables.iter().filter(|(name, _)| name == "WXPAY_BASE_URL").cloned().collect();
    let bare = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env_clear().envs(without.iter().cloned()).env("WXPAY_LOG", "off");
        command.env("WXPAY_SEALING_KEY_FILE", site.path("sealing.key"));
        command.env("WXPAY_DATABASE", site.path("ledger.db"));
        command
    };
    let mut server =
        Running::start(bare(&["serve", "--json", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()));
    let url = server.url().to_owned();
    let key = stdout(&mut bare(&["api-key", "create", "shop"])).trim().to_owned();
    let (status, _) = api("POST", &format!("{url}/api/orders"), &key, Some(&native("ORDER-1"))).unwrap();
    assert_eq!(status, 422, "no merchant");

    fs::write(site.path("api_v3.key"), site.value("WXPAY_API_V3_KEY")).unwrap();
    let key_file = site.path("api_v3.key");
    let add = |name: &str| {
        let mut command = bare(&["merchant", "add", name, "--mchid", site.value("WXPAY_MCHID")]);
        command
            .args([
                "--app",
                site.value("WXPAY_APPID"),
                "--certificate-file",
                site.value("WXPAY_CERTIFICATE_FILE"),
            ])
            .args(["--private-key-file", site.value("WXPAY_PRIVATE_KEY_FILE"), "--api-v3-key-file"])
            .arg(&key_file)
            .args(["--public-key-id", site.value("WXPAY_PUBLIC_KEY_ID")])
            .args(["--public-key-file", site.value("WXPAY_PUBLIC_KEY_FILE")]);
        command
    };
    let shown = stdout(&mut add("shop1"));
    assert!(shown.contains(site.value("WXPAY_MCHID")) && shown.contains("api_v3_key"), "{shown}");
    assert!(!shown.contains(site.value("WXPAY_API_V3_KEY")) && !shown.contains("BEGIN"), "{shown}");
    let again = add("shop2").output().unwrap();
    assert_eq!(again.status.code(), Some(2), "one mchid is of one merchant: {}", text(&again.stderr));

    eventually("the server knows the merchant", || {
        api("POST", &format!("{url}/api/orders"), &key, Some(&native("ORDER-1"))).unwrap().0 == 201
    });
    site.pay("ORDER-1");
    eventually("the notification pays the order", || order(&url, &key, "ORDER-1")["status"] == "paid");
    assert_eq!(json_of(&mut bare(&["merchant", "show", "shop1"]))["source"], "api");
    assert!(stdout(&mut bare(&["merchant", "list"])).contains("shop1"));
    // An update changes what is given, and leaves the keys and all other settings.
    let renamed = format!("{}:renamed", site.value("WXPAY_APPID"));
    let updated = json_of(&mut bare(&["merchant", "update", "shop1", "--app", &renamed]));
    assert_eq!(updated["apps"][0]["name"], "renamed", "{updated}");
    assert_eq!(updated["mchid"], site.value("WXPAY_MCHID"), "{updated}");
    assert_eq!(updated["keys"], json!(["private_key", "api_v3_key"]), "{updated}");
    assert_eq!(updated["public_key_id"], site.value("WXPAY_PUBLIC_KEY_ID"), "{updated}");
    let nothing = bare(&["merchant", "update", "shop1"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2), "{}", text(&nothing.stderr));
    let incomplete = bare(&["merchant", "update", "shop1", "--replace", "--app", &renamed]).output().unwrap();
    assert_eq!(incomplete.status.code(), Some(2), "without its number: {}", text(&incomplete.stderr));
    let removed = bare(&["merchant", "remove", "shop1"]).output().unwrap();
    assert_eq!(removed.status.code(), Some(2), "it has orders: {}", text(&removed.stderr));
    assert!(server.terminate());

    fs::write(site.path("new.key"), "cd".repeat(32)).unwrap();
    let with_new = |arguments: &[&str]| {
        let mut command = bare(arguments);
        command.env("WXPAY_SEALING_KEY_FILE", site.path("new.key"));
        command
    };
    let missing = with_new(&["reseal"]).output().unwrap();
    assert!(!missing.status.success(), "the key that sealed it is required");
    let reseal = || {
        let mut command = with_new(&["reseal"]);
        command.env("WXPAY_PREVIOUS_SEALING_KEY_FILE", site.path("sealing.key"));
        json_of(&mut command)["resealed"].clone()
    };
    assert_eq!((reseal(), reseal()), (json!(1), json!(0)));
    assert_eq!(json_of(&mut with_new(&["merchant", "show", "shop1"]))["merchant"], "shop1");
    let with_old = bare(&["merchant", "show", "shop1"]).output().unwrap();
    assert!(!with_old.status.success(), "the old key opens nothing any more");
}

#[test]
fn webhooks_added_by_command_are_sent_signed_and_can_be_tested_rotated_and_replayed() {
    let site = Site::new();
    let (mut server, shop) = (site.serve(&[]), ShopListener::start());
    let url = server.url().to_owned();
    let key = site.api_key();
    let secret = stdout(&mut site.command(&["webhook", "add", shop.url(), "--type", "order.paid"]));
    assert!(
        secret.starts_with("whsec_") && secret.lines().count() == 1,
        "standard output is the secret alone"
    );
    let listed = json_of(&mut site.command(&["webhook", "list"]));
    let id = listed["data"][0]["endpoint"].as_str().unwrap().to_owned();
    assert!(!listed.to_string().contains("whsec_"), "{listed}");

    let tested = stdout(&mut site.command(&["webhook", "test", &id]));
    assert!(tested.contains("true"), "{tested}");
    let tests = shop.received().len();
    assert_eq!(tests, 1);
    place(&url, &key, "ORDER-1");
    site.pay("ORDER-1");
    eventually("the webhook arrives", || shop.received().len() > tests);
    let received = shop.received()[tests].clone();
    assert_eq!(received.event()["type"], "order.paid");
    assert_eq!(received.event()["data"]["object"]["out_trade_no"], "ORDER-1");
    assert!(received.header("webhook-signature").starts_with("v1,"));
    assert_eq!(received.header("webhook-id"), received.event()["id"].as_str().unwrap());

    let event = received.event()["id"].as_str().unwrap().to_owned();
    let replayed = json_of(&mut site.command(&["webhook", "replay", &id, "--event", &event]));
    assert_eq!(replayed["events"], 1);
    eventually("the event arrives again", || shop.received().len() > tests + 1);
    assert_eq!(shop.received()[tests + 1].event(), received.event());
    let rotated = stdout(&mut site.command(&["webhook", "rotate", &id]));
    assert!(rotated.starts_with("whsec_") && rotated != secret);
    eventually("deliveries are listed", || {
        stdout(&mut site.command(&["webhook", "attempts", &id])).lines().count() > 2
    });
    let disabled = json_of(&mut site.command(&["webhook", "update", &id, "--disable"]));
    assert_eq!(disabled["status"], "disabled");
    let refused = site.command(&["webhook", "add", "ftp://shop.example"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("url"), "{}", text(&refused.stderr));
    stdout(&mut site.command(&["webhook", "remove", &id]));
    assert_eq!(json_of(&mut site.command(&["webhook", "list"]))["data"], json!([]));
    assert!(server.terminate());
}

#[test]
fn a_backup_made_while_the_server_works_starts_with_the_orders() {
    let site = Site::new();
    let mut server = site.serve(&[]);
    let url = server.url().to_owned();
    let key = site.api_key();
    place(&url, &key, "ORDER-1");
    site.pay("ORDER-1");
    eventually("the order is paid", || order(&url, &key, "ORDER-1")["status"] == "paid");
    place(&url, &key, "ORDER-2");

    // Orders are placed while the copy is made.
    let (next, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let copy = site.path("copy.db");
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                place(&url, &key, &format!("ORDER-B{}", next.fetch_add(1, Ordering::Relaxed)));
            }
        });
        let shown = stdout(site.command(&["backup"]).arg(&copy));
        is_over.store(true, Ordering::Relaxed);
        assert!(shown.contains("bytes"), "{shown}");
    });
    let twice = site.command(&["backup"]).arg(&copy).output().unwrap();
    assert_eq!(twice.status.code(), Some(2), "a backup replaces no file");
    assert!(server.terminate());
    drop(server);

    let copy = format!("database={}", copy.display());
    let mut server = site.serve(&["--set", &copy]);
    let restored = server.url().to_owned();
    assert_eq!(order(&restored, &key, "ORDER-1")["status"], "paid");
    assert_eq!(order(&restored, &key, "ORDER-2")["status"], "open");
    site.pay("ORDER-2");
    eventually("the copy takes payments", || {
        let query = format!("{restored}/api/orders/ORDER-2/query");
        api("POST", &query, &key, Some(&json!({}))).unwrap();
        order(&restored, &key, "ORDER-2")["status"] == "paid"
    });
    assert!(server.terminate());
    assert_eq!(json_of(&mut site.command(&["audit", "--set", &copy]))["violations"], json!([]));
}

#[test]
fn commands_that_only_read_create_no_ledger() {
    let site = Site::new();
    let (missing, copy) = (site.path("missing.db"), site.path("copy.db"));
    let commands: [&[&str]; 6] = [
        &["audit"],
        &["audit", "log"],
        &["api-key", "list"],
        &["webhook", "list"],
        &["merchant", "list"],
        &["backup", copy.to_str().unwrap()],
    ];
    for arguments in commands {
        let output = site.command(arguments).arg("--database").arg(&missing).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains("does not exist"), "{arguments:?}: {output:?}");
    }
    assert!(!missing.exists() && !copy.exists());
}

#[test]
fn a_ledger_moves_from_a_file_to_postgresql() {
    let Some(postgres) = wxpay_testkit::postgres::server() else { return };
    let url = postgres.create();
    let site = Site::new();
    let mut server = site.serve(&[]);
    let key = site.api_key();
    place(server.url(), &key, "ORDER-1");
    site.pay("ORDER-1");
    eventually("the order is paid", || order(server.url(), &key, "ORDER-1")["status"] == "paid");
    let file = format!("sqlite:{}", site.path("ledger.db").display());
    let copy = || site.command(&["copy-ledger", &file, &url]).arg("--json").output().unwrap();
    let in_use = copy();
    assert!(text(&in_use.stderr).contains("in use by another process"), "{}", text(&in_use.stderr));
    assert!(server.terminate());

    let check = || site.command(&["migrate", "--check", "--database", &url]).output().unwrap();
    // The attempt to copy has not touched the database.
    let before = check();
    assert_eq!((before.status.code(), text(&before.stdout)), (Some(1), "schema 0, newest 1\n"));
    assert_eq!(stdout(&mut site.command(&["migrate", "--database", &url])), "schema 1, newest 1\n");
    assert_eq!(check().status.code(), Some(0));
    let copied = copy();
    let copied: Value = serde_json::from_slice(&copied.stdout).unwrap_or_else(|_| panic!("{copied:?}"));
    assert!(copied["rows"].as_u64().unwrap() > 5 && copied["violations"] == json!([]), "{copied}");
    let twice = copy();
    assert_eq!(twice.status.code(), Some(2), "{twice:?}");
    assert!(text(&twice.stderr).contains("is not empty"), "{twice:?}");

    let database = format!("database={url}");
    let mut server = site.serve(&["--set", &database]);
    assert_eq!(order(server.url(), &key, "ORDER-1")["status"], "paid");
    place(server.url(), &key, "ORDER-2");
    let backup = site.command(&["backup", "--set", &database]).arg(site.path("copy.db")).output().unwrap();
    assert_eq!(backup.status.code(), Some(2));
    assert!(text(&backup.stderr).contains("use pg_dump"), "{backup:?}");
    assert_eq!(json_of(&mut site.command(&["audit", "--set", &database]))["violations"], json!([]));
    assert!(server.terminate());
}

#[test]
fn sigterm_under_load_ends_requests_and_exits_0() {
    let site = Site::new();
    let mut server = site.serve(&[]);
    let url = server.url().to_owned();
    let key = site.api_key();
    let (next, placed, is_over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let number = format!("ORDER-T{}", next.fetch_add(1, Ordering::Relaxed));
                    let sent = api("POST", &format!("{url}/api/orders"), &key, Some(&native(&number)));
                    match sent {
                        Ok((201, _)) => {
                            placed.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok((503, _)) | Err(_) => {}
                        Ok((status, problem)) => panic!("{status} {problem}"),
                    }
                }
            });
        }
        eventually("there is load", || placed.load(Ordering::Relaxed) > 20);
        let ended = server.terminate();
        is_over.store(true, Ordering::Relaxed);
        assert!(ended, "{}", site.log());
    });
    let mut server = site.serve(&[]);
    let listed = api("GET", &format!("{}/api/orders?limit=200", server.url()), &key, None).unwrap().1;
    let open = u64::try_from(listed["data"].as_array().unwrap().len()).unwrap();
    assert!(open >= placed.load(Ordering::Relaxed).min(200), "{open}");
    assert!(server.terminate());
}

#[cfg(unix)]
#[test]
fn sighup_reads_the_merchants_of_the_file_again_and_keeps_the_old_ones_if_they_are_invalid() {
    let site = Site::new();
    let config = site.path("wxpay.toml");
    let merchant = |name: &str| {
        format!(
            "[merchants.{name}]\nmchid = '{}'\nprivate_key_file = '{}'\ncertificate_file = '{}'\napi_v3_key = '{}'\n\
             public_key_id = '{}'\npublic_key_file = '{}'\n[[merchants.{name}.apps]]\nappid = '{}'\n",
            site.value("WXPAY_MCHID"),
            site.value("WXPAY_PRIVATE_KEY_FILE"),
            site.value("WXPAY_CERTIFICATE_FILE"),
            site.value("WXPAY_API_V3_KEY"),
            site.value("WXPAY_PUBLIC_KEY_ID"),
            site.value("WXPAY_PUBLIC_KEY_FILE"),
            site.value("WXPAY_APPID"),
        )
    };
    let write = |merchants: &str| {
        let database = site.path("ledger.db");
        let gateway = site.sim.url();
        let settings =
            format!("database = '{}'\ngateway_base_url = '{gateway}'\n{merchants}", database.display());
        fs::write(&config, settings).unwrap();
    };
    write("");
    let of_file = |arguments: &[&str]| {
        let mut command = wxpay();
        command.env_clear().args(arguments).arg("--config").arg(&config);
        command
    };
    let log = site.path("log");
    let mut serve = of_file(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    let mut server = Running::start(serve.stderr(fs::File::create(&log).unwrap()));
    let url = server.url().to_owned();
    let key = stdout(&mut of_file(&["api-key", "create", "shop"])).trim().to_owned();
    let try_place =
        |number: &str| api("POST", &format!("{url}/api/orders"), &key, Some(&native(number))).unwrap();
    assert_eq!(try_place("ORDER-1").0, 422);

    write(&merchant("shop1"));
    server.signal("HUP");
    eventually("the merchant is there", || try_place("ORDER-1").0 == 201);
    write(&merchant("shop1").replace("mchid", "machid"));
    server.signal("HUP");
    eventually("the fault is reported", || {
        fs::read_to_string(&log).unwrap().contains("SIGHUP: the previous settings stay: ")
    });
    assert_eq!(try_place("ORDER-2").0, 201);
    assert!(!fs::read_to_string(&log).unwrap().contains(site.value("WXPAY_API_V3_KEY")));
    assert!(server.terminate());
}

#[test]
fn logs_are_lines_of_json_if_they_are_set_to_be() {
    let site = Site::new();
    let mut server = site.serve(&["--set", "log_format=json"]);
    place(server.url(), &site.api_key(), "ORDER-1");
    assert!(server.terminate());
    let log = site.log();
    assert!(log.lines().count() > 0, "there is a log");
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn metrics_and_health_answer_without_a_key() {
    let server = Running::start(
        wxpay().args(["serve", "--dev", "--json", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()),
    );
    assert_eq!(http("GET", &format!("{}/livez", server.url()), None).unwrap().0, 200);
    eventually("it is ready", || http("GET", &format!("{}/readyz", server.url()), None).unwrap().0 == 200);
    let (status, metrics) = send("GET", &format!("{}/metrics", server.url()), "", None).unwrap();
    assert_eq!(status, 200);
    assert!(metrics.contains("# TYPE "), "{metrics}");
    assert!(!metrics.contains(server.api_key()));
}

#[test]
fn check_config_shows_what_would_be_served_or_all_faults_at_once() {
    let site = Site::new();
    let shown = site.command(&["check-config"]).env("WXPAY_SOMETHING", "planted").output().unwrap();
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let (out, error) = (text(&shown.stdout), text(&shown.stderr));
    assert!(out.contains(site.value("WXPAY_MCHID")) && out.contains("ledger.db"), "{out}");
    assert!(error.contains("WXPAY_SOMETHING is ignored: it is no setting"), "{error}");
    for name in ["WXPAY_API_V3_KEY", "WXPAY_V1_PARTNER_KEY", "WXPAY_V1_APP_SECRET", "WXPAY_V1_PAY_SIGN_KEY"] {
        assert!(!out.contains(site.value(name)) && !error.contains(site.value(name)), "{name}");
    }
    assert!(!out.contains("planted") && !error.contains("planted"));
    let summary = json_of(&mut site.command(&["check-config"]));
    assert_eq!(summary["settings"]["merchants"][0]["mchid"], site.value("WXPAY_MCHID"));

    let mut invalid = site.command(&["check-config", "--set", "listen=here", "--set", "call_attempts=99"]);
    let output = invalid.env("WXPAY_MCHID", "x").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for name in ["listen", "call_attempts", "WXPAY_MCHID"] {
        assert!(text(&output.stderr).contains(&format!("\n  {name} ")), "{}", text(&output.stderr));
    }
    let sample = stdout(wxpay().env_clear().args(["check-config", "--sample"]));
    assert!(sample.contains("#poll_intervals"), "{sample}");
}

/// Returns the lines of `wxpay doctor`.
fn doctor(command: &mut Command) -> (Output, Vec<Value>) {
    let output = command.arg("--json").output().unwrap();
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (output, lines)
}

fn status_of<'a>(lines: &'a [Value], check: &str) -> &'a str {
    let line = lines.iter().find(|line| line["check"] == check);
    line.unwrap_or_else(|| panic!("{check}: {lines:?}"))["status"].as_str().unwrap()
}

#[test]
fn doctor_checks_merchants_gateway_clock_disk_and_ledger() {
    let site = Site::new();
    let database = site.path("ledger.db").display().to_string();
    let (output, lines) = doctor(&mut site.command(&["doctor", "--database", &database]));
    assert!(output.status.success(), "{lines:?}");
    for check in [
        "settings",
        "default: certificate",
        "default: mchid",
        "default: public key",
        "default: gateway",
        "ledger",
    ] {
        assert_eq!(status_of(&lines, check), "ok", "{check}: {lines:?}");
    }
    assert_ne!(status_of(&lines, "disk"), "fail");
    assert_ne!(status_of(&lines, "default: clock"), "fail");
    assert!(!Path::new(&database).exists(), "it creates no ledger");

    let mut unreachable = site.command(&["doctor", "--database", &database]);
    let (output, lines) = doctor(unreachable.env("WXPAY_BASE_URL", "http://127.0.0.1:1"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(status_of(&lines, "default: gateway"), "fail");
    let offline = site.command(&["doctor", "--offline", "--database", &database]).output().unwrap();
    assert!(
        offline.status.success() && !text(&offline.stdout).contains("default: gateway"),
        "{}",
        text(&offline.stdout)
    );

    // The server runs without Redis, so that only this command fails.
    let mut no_redis = site.command(&["doctor", "--set", "redis=redis://me:planted@127.0.0.1:1"]);
    let (output, lines) = doctor(no_redis.args(["--database", &database]));
    assert_eq!((output.status.code(), status_of(&lines, "redis")), (Some(1), "fail"));
    assert!(!format!("{lines:?}").contains("planted"), "{lines:?}");
    if let Some(redis) = wxpay_testkit::redis::start(&["--requirepass", "planted"]) {
        for (password, status) in [("planted", "ok"), ("other", "fail")] {
            let mut checked = site.command(&["doctor", "--set", &format!("redis={}", redis.url())]);
            checked.args(["--database", &database]).env("WXPAY_REDIS_PASSWORD", password);
            let (_, lines) = doctor(&mut checked);
            assert_eq!(status_of(&lines, "redis"), status, "{lines:?}");
        }
    }

    // The simulator refuses a signature by another key; and a skewed clock shows.
    let foreign = site.path("foreign");
    fs::create_dir(&foreign).unwrap();
    let mut invalid = site.command(&["doctor", "--database", &database]);
    let (output, lines) = doctor(invalid.env("WXPAY_PRIVATE_KEY_FILE", foreign.join("none.pem")));
    assert_eq!((output.status.code(), status_of(&lines, "settings")), (Some(1), "fail"));
    fs::write(site.path("no.db"), "no ledger").unwrap();
    let no_ledger = site.path("no.db").display().to_string();
    let (output, lines) = doctor(&mut site.command(&["doctor", "--offline", "--database", &no_ledger]));
    assert_eq!((output.status.code(), status_of(&lines, "ledger")), (Some(1), "fail"));

    let mut server = site.serve(&[]);
    let (output, lines) = doctor(&mut site.command(&["doctor", "--offline", "--database", &database]));
    assert!(output.status.success(), "beside a running server: {lines:?}");
    assert!(server.terminate());
}
