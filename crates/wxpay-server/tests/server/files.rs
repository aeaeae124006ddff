//! The ledger file: full disk, removal, a second server.

use crate::{
    http::call,
    shop::{Shop, native},
};
use std::{
    fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tracing::{Event, Level, Metadata, Subscriber, span};

#[tokio::test]
async fn removed_file_makes_the_server_unready_and_acknowledges_nothing() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    assert_eq!(call(shop.address(), "GET", "/readyz", &[], b"").await.status, 200);
    fs::remove_file(shop.dir.path().join("ledger.db")).unwrap();
    let reply = shop.place("ORDER2", 5).await;
    let problem = reply.problem(503, "ledger_unavailable");
    assert_eq!(problem["retryable"], true);
    assert!(reply.header("retry-after").is_some());
    // The report is cached for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let ready = call(shop.address(), "GET", "/readyz", &[], b"").await.expect(503);
    assert_eq!(ready["checks"]["ledger"]["status"], "failed", "{ready}");
    assert_eq!(call(shop.address(), "GET", "/livez", &[], b"").await.status, 200);
    assert_eq!(shop.requests("v3.pay.native").await, 1, "nothing is sent that is not recorded");
}

/// Counts the errors that the interface logs.
#[derive(Clone, Default)]
struct LoggedErrors(Arc<AtomicUsize>);

impl Subscriber for LoggedErrors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR && metadata.target().starts_with("wxpay_server::api")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn requests_that_fail_while_the_ledger_is_away_log_a_limited_number_of_lines() {
    let logged = LoggedErrors::default();
    let _guard = tracing::subscriber::set_default(logged.clone());
    let shop = Shop::open().await;
    fs::remove_file(shop.dir.path().join("ledger.db")).unwrap();
    for number in 0..50 {
        shop.place(&format!("ORDER{number}"), 5).await.problem(503, "ledger_unavailable");
    }
    let lines = logged.0.load(Ordering::SeqCst);
    assert!((1..=10).contains(&lines), "{lines} lines");
}

#[tokio::test]
async fn second_server_on_the_same_file_is_refused_by_every_name() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    let file = shop.dir.path().join("ledger.db");
    let (symlink, hardlink) = (shop.dir.path().join("symlink.db"), shop.dir.path().join("hardlink.db"));
    std::os::unix::fs::symlink(&file, &symlink).unwrap();
    fs::hard_link(&file, &hardlink).unwrap();
    for name in [&file, &symlink, &hardlink] {
        let error = shop.start_another(name.clone()).await.unwrap_err();
        let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(text.contains("in use by another process"), "{}: {text}", name.display());
    }
    shop.place("ORDER2", 5).await.expect(201);
    // After its end, it may be opened, and has everything.
    let shop = shop.restart().await;
    assert_eq!(shop.order("ORDER2").await["status"], "open");
}

#[tokio::test]
async fn file_of_another_program_is_refused_and_left_as_it_is() {
    let shop = Shop::open().await;
    let other = shop.dir.path().join("other.db");
    for content in [&b"SQLite format 3\0 and the rest of another program's file"[..], b"a letter"] {
        fs::write(&other, content).unwrap();
        let error = shop.start_another(other.clone()).await.unwrap_err();
        assert!(!error.to_string().is_empty());
        assert_eq!(fs::read(&other).unwrap(), content);
    }
}

/// Runs the test below in a process whose temporary folder is a small file system of its own.
#[test]
fn full_disk_makes_the_server_unready_until_there_is_space_again() {
    let script = "mount -t tmpfs -o size=6m tmpfs \"$TMPDIR\" && exec \"$0\" \"$@\"";
    let folder = tempfile::tempdir().unwrap();
    let can_mount = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "true"])
        .env("TMPDIR", folder.path())
        .output();
    if !can_mount.as_ref().is_ok_and(|output| output.status.success()) {
        println!("NOT TESTED: a full disk: unshare and mount are required, and must be permitted");
        return;
    }
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "files::on_a_small_disk", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "run by the test above, on a small disk"]
async fn on_a_small_disk() {
    let shop = Shop::open().await;
    shop.place("ORDER0", 5).await.expect(201);
    // Fill the disk: a large file, then a small one.
    let ballast = std::env::temp_dir().join("ballast");
    let mut filled = 0;
    for size in [1 << 20, 64 << 10, 4 << 10, 1] {
        let block = vec![0; size];
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&ballast).unwrap();
        while std::io::Write::write_all(&mut file, &block).is_ok() && filled < 16 << 20 {
            filled += size;
        }
    }
    let mut placed = vec!["ORDER0".to_owned()];
    let mut is_full = false;
    for number in 1..2000 {
        let number = format!("ORDER{number}");
        let reply = shop.post("/api/orders", &native(&number, 5)).await;
        match reply.status {
            201 => placed.push(number),
            503 => {
                reply.problem(503, "ledger_unavailable");
                is_full = true;
                break;
            }
            status => panic!("{status}: {}", reply.text()),
        }
    }
    assert!(is_full, "the disk is not full after {} orders", placed.len());
    let mut ready = 200;
    for _ in 0..40 {
        ready = call(shop.address(), "GET", "/readyz", &[], b"").await.status;
        if ready == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(ready, 503);
    // Everything that was acknowledged is there, and reads go on.
    for number in &placed {
        assert_eq!(shop.order(number).await["status"], "open");
    }
    // With space it goes on, without a restart.
    fs::remove_file(&ballast).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(call(shop.address(), "GET", "/readyz", &[], b"").await.status, 200);
    let reply = shop.place("ORDERB1", 5).await;
    assert!([200, 201].contains(&reply.status), "{}", reply.text());
    let shop = shop.restart().await;
    assert_eq!(shop.order("ORDERB1").await["status"], "open");
}
