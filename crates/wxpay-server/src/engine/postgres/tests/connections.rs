//! Hosts that refuse, connections that are lost, and commits of an unknown outcome.

use super::{
    proxy::{Mode, Proxy},
    *,
};

fn on_port(url: &str, port: u16) -> String {
    format!("postgres://wxpay@127.0.0.1:{port}/{}", url.rsplit('/').next().unwrap())
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_unknown_and_its_rows_are_there_or_not() {
    let Some(server) = server() else { return };
    for (mode, expected) in [(Mode::CutBeforeCommit, 1), (Mode::CutAfterCommit, 2)] {
        let url = server.create();
        let proxy = Proxy::new(server.port).await;
        let ledger = open(&on_port(&url, proxy.port)).await;
        assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 1);
        proxy.set(mode);
        let error = ledger.run(Count("a"), CONTEXT).await.unwrap_err();
        assert!(matches!(error, LedgerError::UnknownCommit(_)), "{error:?}");
        proxy.set(Mode::Relay);
        assert_eq!(versions(&ledger).await, [("a".to_owned(), expected)], "{mode:?}");
        assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), expected + 1);
    }
}

#[tokio::test]
async fn an_operation_that_changes_nothing_does_not_depend_on_its_commit() {
    let Some(server) = server() else { return };
    let url = server.create();
    let proxy = Proxy::new(server.port).await;
    let ledger = open(&on_port(&url, proxy.port)).await;
    proxy.set(Mode::CutBeforeCommit);
    ledger.run(Write(changes(|_| ())), CONTEXT).await.unwrap();
}

#[tokio::test]
async fn an_operation_whose_connection_is_lost_before_the_commit_runs_again() {
    let Some(server) = server() else { return };
    let url = server.create();
    let proxy = Proxy::new(server.port).await;
    let ledger = open(&on_port(&url, proxy.port)).await;
    proxy.set(Mode::CutBeforeSelect);
    assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 1);
    // The server ends the idle connections, as a restart does.
    let name = url.rsplit('/').next().unwrap();
    let end =
        format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
    server.execute("postgres", &end);
    assert_eq!(versions(&ledger).await, [("a".to_owned(), 1)]);
    server.execute("postgres", &end);
    assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 2);
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_stop_its_operation() {
    let Some(server) = server() else { return };
    let ledger = open(&server.create()).await;
    let caller = {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.run(Count("a"), CONTEXT).await })
    };
    tokio::task::yield_now().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    // Closing waits for the operation.
    while ledger.metrics().operations == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(versions(&ledger).await, [("a".to_owned(), 1)]);
}

#[tokio::test]
async fn a_frozen_database_fails_operations_and_those_after_it_go_on() {
    let Some(server) = server() else { return };
    let url = server.create();
    let proxy = Proxy::new(server.port).await;
    let ledger = open(&on_port(&url, proxy.port)).await;
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    proxy.set(Mode::Freeze);
    let begun = Instant::now();
    let error = ledger.run(Count("a"), CONTEXT).await.unwrap_err();
    assert!(error.cause().contains("no reply within 5 s"), "{error:?}");
    // Nobody waits for a host that is known not to answer.
    assert!(matches!(ledger.probe().await, Err(LedgerError::Unreachable(_))));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert!(matches!(ledger.probe().await, Err(LedgerError::Unreachable(_))));
    proxy.set(Mode::Relay);
    while ledger.probe().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 2);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_passed_over_within_a_second() {
    let Some(server) = server() else { return };
    let url = server.create();
    let proxy = Proxy::new(server.port).await;
    proxy.set(Mode::Freeze);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", proxy.port, server.port);
    let url = format!("postgres://wxpay@{hosts}/{}", url.rsplit('/').next().unwrap());
    let begun = Instant::now();
    let ledger = open(&url).await;
    ledger.probe().await.unwrap();
    // The frozen host is asked once.
    assert!((1..3).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_refused_with_the_reason() {
    let Some(server) = server() else { return };
    let url = server.create();
    let name = url.rsplit('/').next().unwrap().to_owned();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = refusal(&on_port(&url, closed)).await;
    assert!(text.contains("127.0.0.1") && text.contains("refused"), "{text}");
    let text = refusal(&on_port("/missing", server.port)).await;
    assert!(text.contains("database \"missing\" does not exist"), "{text}");
    let text = refusal(&url.replace("wxpay@", "nobody:planted@")).await;
    assert!(text.contains("role \"nobody\" does not exist") && !text.contains("planted"), "{text}");

    let alter = |setting: &str| {
        server.execute("postgres", &format!("ALTER DATABASE {name} SET {setting}"));
    };
    alter("default_transaction_read_only = on");
    let text = refusal(&url).await;
    assert!(text.contains("it is read-only, such as a standby"), "{text}");
    server.execute("postgres", &format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    alter("synchronous_commit = off");
    let text = refusal(&url).await;
    assert!(text.contains("synchronous_commit = off"), "{text}");
    server.execute("postgres", &format!("ALTER DATABASE {name} RESET synchronous_commit"));

    server.execute(
        "postgres",
        "CREATE DATABASE latin1 TEMPLATE template0 ENCODING LATIN1 LOCALE_PROVIDER libc LOCALE 'C'",
    );
    let text = refusal(&server.url("latin1")).await;
    assert!(text.contains("encoding LATIN1"), "{text}");
    open(&url).await.probe().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_printed() {
    let Some(server) = server() else { return };
    let url = server.create();
    let name = url.rsplit('/').next().unwrap();
    server.execute(
        name,
        "CREATE ROLE guarded LOGIN PASSWORD 'right'; GRANT CREATE ON SCHEMA public TO guarded",
    );
    server.add_rule(&format!("host {name} guarded 127.0.0.1/32 scram-sha-256"));
    let url = |password: &str| format!("postgres://guarded:{password}@127.0.0.1:{}/{name}", server.port);
    let text = refusal(&url("planted")).await;
    assert!(text.contains("password authentication failed for user \"guarded\""), "{text}");
    assert!(!text.contains("planted"), "{text}");
    let ledger = open(&url("right")).await;
    ledger.probe().await.unwrap();
    assert!(!format!("{ledger:?}").contains("right"));
}
