//! The files in `deploy`: the systemd unit, the configurations of proxies, alert rules, the dashboard.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they do not test"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// Runs a program, if it is installed. Returns its success and its output.
fn run(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) => {
            println!("NOT TESTED: {program}: it cannot be started: {error}");
            None
        }
    }
}

/// Parses a systemd unit: the values of each setting of each section.
fn unit(text: &str) -> BTreeMap<(String, String), Vec<String>> {
    let mut values: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
            values.entry((section.clone(), name.to_owned())).or_default().push(value.to_owned());
        }
    }
    values
}

#[test]
fn unit_runs_the_server_hardened_and_stops_it_in_time() {
    let unit = unit(&text("wxpay.service"));
    let all = |name: &str| unit.get(&("Service".to_owned(), name.to_owned())).cloned().unwrap_or_default();
    for (name, value) in [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateUsers", "yes"),
        ("ProtectClock", "yes"),
        ("ProtectControlGroups", "yes"),
        ("ProtectHostname", "yes"),
        ("ProtectKernelLogs", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectProc", "invisible"),
        ("LockPersonality", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictNamespaces", "yes"),
        ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6"),
        ("SystemCallArchitectures", "native"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("StateDirectory", "wxpay"),
        ("StateDirectoryMode", "0700"),
        ("Restart", "always"),
    ] {
        assert_eq!(all(name), [value], "{name}");
    }
    assert!(all("SystemCallFilter").contains(&"@system-service".to_owned()));
    assert_eq!(all("ExecStart"), ["/usr/local/bin/wxpay serve --config /etc/wxpay/wxpay.toml"]);
    assert!(all("ExecReload")[0].contains("HUP"));
    // The server ends within 10 s; a connection per file descriptor.
    assert!(all("TimeoutStopSec")[0].parse::<u64>().unwrap() > 10);
    assert!(all("LimitNOFILE")[0].parse::<u64>().unwrap() >= 16_384);
    // A secret in Environment= would be readable by every user.
    for environment in all("Environment") {
        let (name, value) = environment.split_once('=').unwrap();
        assert!(name.ends_with("_FILE") && value.starts_with("%d/"), "{environment}");
    }
}

#[test]
fn unit_is_verified_by_systemd_analyze() {
    // The programs that it names need not be installed here.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("wxpay.service");
    fs::write(&copy, text("wxpay.service").replace("/usr/local/bin/wxpay", "/bin/true")).unwrap();
    let Some((success, output)) = run("systemd-analyze", &["verify", copy.to_str().unwrap()]) else { return };
    let own: Vec<_> = output.lines().filter(|line| line.contains("wxpay.service")).collect();
    assert!(own.is_empty(), "{output}");
    if !success {
        println!("NOT TESTED: systemd-analyze verify: {}", output.trim());
        return;
    }
    let copy = copy.to_str().unwrap();
    if let Some((true, output)) = run("systemd-analyze", &["security", "--offline=yes", "--no-pager", copy]) {
        let exposure = output.lines().find_map(|line| line.split_once("exposure level for wxpay.service: "));
        let exposure: f64 = exposure.unwrap().1.split(' ').next().unwrap().parse().unwrap();
        assert!(exposure < 2.0, "{output}");
    }
}

/// A block of nginx's configuration: its name with arguments, its directives, and its blocks.
#[derive(Debug, Default)]
struct Block {
    head: String,
    directives: Vec<String>,
    blocks: Vec<Self>,
}

impl Block {
    fn block(&self, head: &str) -> &Self {
        self.blocks
            .iter()
            .find(|block| block.head == head)
            .unwrap_or_else(|| panic!("no {head} in {self:#?}"))
    }

    fn all<'a>(&'a self, head: &'a str) -> impl Iterator<Item = &'a Self> {
        self.blocks.iter().filter(move |block| block.head == head)
    }

    fn has(&self, directive: &str) -> bool {
        self.directives.iter().any(|known| known == directive)
    }

    fn proxies(&self) -> bool {
        self.directives.iter().any(|directive| directive.starts_with("proxy_pass"))
            || self.blocks.iter().any(Self::proxies)
    }
}

/// Parses a configuration of nginx, or of Caddy, where the end of a line ends a directive.
fn parse(text: &str, end: char) -> Block {
    let mut stack = vec![Block::default()];
    let lines: Vec<&str> = text.lines().map(|line| line.split(" #").next().unwrap_or_default()).collect();
    let lines = lines.iter().filter(|line| !line.trim_start().starts_with('#'));
    let text = lines.map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    let mut word = String::new();
    for letter in text.chars() {
        match letter {
            '{' => {
                stack.push(Block { head: word.trim().to_owned(), ..Block::default() });
                word.clear();
            }
            '}' => {
                assert!(word.trim().is_empty(), "not ended: {word}");
                let block = stack.pop().unwrap();
                stack.last_mut().unwrap().blocks.push(block);
                word.clear();
            }
            letter if letter == end => {
                if !word.trim().is_empty() {
                    stack
                        .last_mut()
                        .unwrap()
                        .directives
                        .push(word.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                word.clear();
            }
            letter => word.push(letter),
        }
    }
    assert_eq!(stack.len(), 1, "a block is not closed");
    stack.pop().unwrap()
}

#[test]
fn nginx_exposes_only_notifications_to_everybody() {
    let root = parse(&text("nginx.conf"), ';');
    let mut public = 0;
    for server in root.all("server") {
        let is_private =
            server.has("deny all") && server.directives.iter().any(|line| line.starts_with("allow "));
        let proxied: Vec<_> =
            server.blocks.iter().filter(|block| block.proxies()).map(|block| block.head.as_str()).collect();
        if is_private {
            assert_eq!(proxied, ["location /api/", "location = /docs"]);
            // Server-sent events, and one body of the largest size.
            assert!(server.block("location /api/").has("proxy_buffering off"));
            assert!(server.block("location /api/").has("client_max_body_size 64k"));
        } else {
            public += 1;
            assert_eq!(proxied, ["location /notify/"]);
            let notify = server.block("location /notify/");
            // The signature covers path and body: nothing is rewritten.
            assert!(notify.has("proxy_pass http://wxpay"), "{notify:#?}");
            assert!(notify.has("proxy_next_upstream off"));
        }
        assert!(server.block("location /").has("return 404"));
        assert!(server.directives.iter().any(|line| line.starts_with("listen 443 ssl")), "{server:#?}");
    }
    assert_eq!(public, 1);
}

#[test]
fn nginx_accepts_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["pay.example.com".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(at("cert.pem"), certificate.pem()).unwrap();
    fs::write(at("key.pem"), key.serialize_pem()).unwrap();
    let mut own = text("nginx.conf");
    for name in ["pay.example.com", "pay.internal.example.com"] {
        own = own
            .replace(&format!("/etc/ssl/certs/{name}.pem"), at("cert.pem").to_str().unwrap())
            .replace(&format!("/etc/ssl/private/{name}.key"), at("key.pem").to_str().unwrap());
    }
    fs::write(at("own.conf"), own).unwrap();
    let here = folder.path().display();
    let folders: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("  {name}_temp_path {here}/{name};\n"))
        .collect();
    let folders = folders.concat();
    let main = format!(
        "pid {here}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n{folders}  include {here}/own.conf;\n}}\n"
    );
    fs::write(at("nginx.conf"), main).unwrap();
    let prefix = folder.path().to_str().unwrap();
    let configuration = at("nginx.conf");
    let arguments = ["-t", "-p", prefix, "-e", "stderr", "-c", configuration.to_str().unwrap()];
    let Some((success, output)) = run("nginx", &arguments) else { return };
    assert!(success, "{output}");
}

#[test]
fn caddy_exposes_only_notifications_to_everybody() {
    let root = parse(&text("Caddyfile"), '\n');
    let public = root.block("pay.example.com");
    assert!(public.block("@notifications").has("path /notify/*"));
    let reverse = |block: &Block| format!("{block:?}").contains("reverse_proxy");
    let proxied: Vec<_> =
        public.blocks.iter().filter(|block| reverse(block)).map(|block| block.head.as_str()).collect();
    assert_eq!(proxied, ["handle @notifications"]);
    assert!(public.block("handle").has("respond 404"));
    let private = root.block("pay.internal.example.com");
    assert!(private.has("@shop remote_ip private_ranges"));
    let proxied: Vec<_> =
        private.blocks.iter().filter(|block| reverse(block)).map(|block| block.head.as_str()).collect();
    assert_eq!(proxied, ["handle @shop"]);
    assert!(private.block("handle @shop").has("@api path /api/* /docs"));
    assert!(private.block("handle").has("respond 403"));
    assert_eq!(root.blocks.len(), 2);
}

#[test]
fn caddy_accepts_its_configuration() {
    let file = path("Caddyfile");
    let arguments = ["validate", "--adapter", "caddyfile", "--config", file.to_str().unwrap()];
    let Some((success, output)) = run("caddy", &arguments) else { return };
    assert!(success, "{output}");
}

#[test]
fn promtool_accepts_the_alert_rules() {
    let file = path("alerts.yml");
    let Some((success, output)) = run("promtool", &["check", "rules", file.to_str().unwrap()]) else {
        return;
    };
    assert!(success, "{output}");
}

#[test]
fn every_alert_has_a_severity_a_summary_and_a_remedy() {
    let rules = text("alerts.yml");
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 10);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["expr:", "severity: ", "summary: ", "description: "] {
            assert_eq!(alert.matches(part).count(), 1, "{name}: {part}");
        }
        assert!(alert.contains("severity: critical") || alert.contains("severity: warning"), "{name}");
    }
}

#[test]
fn dashboard_has_panels_that_do_not_overlap() {
    let dashboard: serde_json::Value = serde_json::from_str(&text("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut places = std::collections::BTreeSet::new();
    let mut ids = std::collections::BTreeSet::new();
    for panel in panels {
        let at = &panel["gridPos"];
        assert!(places.insert((at["x"].as_u64(), at["y"].as_u64())), "{panel}");
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty() && targets.iter().all(|target| target["expr"].is_string()), "{panel}");
    }
    assert!(panels.len() >= 6);
}
