//! `PgBouncer` in front of the database, in transaction mode.

use super::*;
use wxpay_testkit::postgres::Pooler;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_reads_and_migrations_work_through_a_pooler_in_transaction_mode() {
    let Some(server) = server() else { return };
    let name = server.create().rsplit('/').next().unwrap().to_owned();
    let Some(pooler) = Pooler::start(server, 2) else { return };
    let settings = settings(&pooler.url(&name));
    let begun = Instant::now();
    let ledger = loop {
        match Postgres::connect(&settings).await {
            Ok(postgres) => break Ledger::from(postgres),
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "{error:?} {}", error.cause()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // More connections than the pooler has: each transaction may run on another one.
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let tasks: Vec<_> = names
        .map(|name| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                for expected in 1..=25 {
                    assert_eq!(ledger.run(Count(name), CONTEXT).await.unwrap(), expected);
                    let rows =
                        ledger.read(vec![LeaseRow::of(name).load(), LeaseRow::of("a").load()]).await.unwrap();
                    assert!(rows.one::<LeaseRow>().unwrap().is_some());
                }
            })
        })
        .into_iter()
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(versions(&ledger).await, names.map(|name| (name.to_owned(), 25)));
    ledger.close().await;
}
