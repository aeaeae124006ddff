//! Migrations, and the plans of statements.

use super::*;
use crate::{
    engine::{
        scan::RawScan,
        tables,
        texts::{self, Dialect, Texts},
    },
    ledger::{TableInfo, table::ColumnKind},
};

#[tokio::test]
async fn processes_that_migrate_at_once_wait_for_each_other() {
    let Some(server) = server() else { return };
    let url = server.create();
    let connect = || {
        let settings = settings(&url);
        tokio::spawn(async move { Postgres::connect(&settings).await })
    };
    for opened in [connect(), connect(), connect(), connect()] {
        Ledger::from(opened.await.unwrap().unwrap()).probe().await.unwrap();
    }
    let name = url.rsplit('/').next().unwrap();
    assert_eq!(server.execute(name, "SELECT version, min_version FROM schema_versions"), "1|1");
}

#[tokio::test]
async fn a_newer_schema_and_the_tables_of_another_program_are_refused() {
    let Some(server) = server() else { return };
    let url = server.create();
    let name = url.rsplit('/').next().unwrap();
    open(&url).await;
    server.execute(name, "INSERT INTO schema_versions VALUES (99, 98)");
    let error = Postgres::connect(&settings(&url)).await.unwrap_err();
    assert!(matches!(error, LedgerError::NewerSchema { required: 98, known: 1 }), "{error:?}");

    let url = server.create();
    let name = url.rsplit('/').next().unwrap();
    server.execute(name, "CREATE TABLE orders (a INT)");
    let error = Postgres::connect(&settings(&url)).await.unwrap_err();
    assert!(matches!(error, LedgerError::OtherTables), "{error:?}");
    assert_eq!(server.execute(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

#[tokio::test]
async fn columns_keys_and_nullability_are_as_declared() {
    let Some(server) = server() else { return };
    let url = server.create();
    open(&url).await;
    let name = url.rsplit('/').next().unwrap();
    let mut expected: Vec<&str> = tables().map(|table| table.name).chain(["schema_versions"]).collect();
    expected.sort_unstable();
    let found = server.execute(
        name,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace \
         AND NOT relispartition",
    );
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    for table in tables() {
        let columns = table.columns.iter().map(|column| {
            let (kind, collation) = match column.kind {
                ColumnKind::Int => ("int", ""),
                ColumnKind::Text => ("text", "C"),
            };
            let null = if column.is_nullable { "YES" } else { "NO" };
            format!("{} {kind} {collation} {null}", column.name)
        });
        let query = format!(
            "SELECT column_name || ' ' || replace(replace(data_type, 'bigint', 'int'), 'smallint', 'int') \
             || ' ' || coalesce(collation_name, '') || ' ' || is_nullable FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = '{}' ORDER BY ordinal_position",
            table.name
        );
        assert_eq!(server.execute(name, &query), columns.collect::<Vec<_>>().join("\n"), "{}", table.name);
        let index = |index: &str| {
            let query = format!(
                "SELECT attname FROM pg_attribute WHERE attrelid = '{index}'::regclass ORDER BY attnum"
            );
            server.execute(name, &query)
        };
        assert_eq!(index(&format!("{}_pkey", table.name)), table.order("").join("\n"));
        for each in table.indexes {
            assert_eq!(index(each.name), table.order(each.name).join("\n"));
        }
    }
}

/// A connection on which statements are explained. Tables are empty, so that a scan of the whole table would be cheaper
/// than an index: it is forbidden, and then chosen only if no index fits.
async fn explaining(url: &str) -> tokio_postgres::Client {
    let config = settings(url).url.config();
    let (client, connection) = match &settings(url).url.addresses()[..] {
        [url::Address::Unix(socket)] => {
            let stream = tokio::net::UnixStream::connect(socket).await.unwrap();
            config.connect_raw(stream, tokio_postgres::NoTls).await.unwrap()
        }
        other => panic!("{other:?}"),
    };
    tokio::spawn(connection);
    // The month of `cells`, and one that statements with it need not look at.
    Postgres::connect(&settings(url)).await.unwrap().prepare_months(&[1, 2]).await.unwrap();
    client.batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off").await.unwrap();
    client
}

async fn plan(client: &tokio_postgres::Client, text: &str, cells: &[&Value]) -> String {
    let bound: Vec<_> = cells.iter().map(|cell| (values::Bound(cell), values::type_of(cell))).collect();
    let text = format!("EXPLAIN (COSTS OFF) {text}");
    let rows = client.query_typed(&text, &session::typed(&bound)).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

fn cells(table: &'static TableInfo) -> Vec<Value> {
    let cell = |kind| match kind {
        ColumnKind::Int => Value::Int(1),
        ColumnKind::Text => Value::Text("a".into()),
    };
    table.columns.iter().map(|column| cell(column.kind)).collect()
}

/// Asserts that the plan searches an index by all of these columns.
fn assert_searches(plan: &str, columns: &[&str], text: &str) {
    let condition = plan.lines().find(|line| line.contains("Index Cond:")).unwrap_or_default();
    for column in columns {
        assert!(condition.contains(column), "{column}: {text}\n{plan}");
    }
}

/// Returns whether the plan sorts rows whose number no limit bounds. A merge of partitions in their order does not sort,
/// and the few rows of one page may be sorted after its limit.
fn sorts(plan: &str) -> bool {
    let mut above: Vec<(usize, &str)> = Vec::new();
    for line in plan.lines() {
        let node = line.trim_start_matches([' ', '-', '>']);
        // A node begins with an arrow, except for the first; other lines describe the node above them.
        if line.trim_start().starts_with("->") || above.is_empty() {
            let depth = line.len() - node.len();
            above.retain(|(other, _)| *other < depth);
            above.push((depth, node.trim_end()));
            let nearest = above.iter().rev().find(|(_, node)| ["Sort", "Limit"].contains(node));
            if node.contains("Scan") && nearest.is_some_and(|(_, node)| *node == "Sort") {
                return true;
            }
        }
    }
    false
}

#[test]
fn a_sort_of_all_rows_is_recognized() {
    assert!(sorts("Limit\n  ->  Sort\n        Sort Key: a\n        ->  Index Scan using b on c"));
    assert!(sorts("Sort\n  Sort Key: a\n  ->  Append\n        ->  Limit\n        ->  Seq Scan on c"));
    assert!(!sorts(
        "Limit\n  ->  Sort\n        Sort Key: a\n        ->  Limit\n              ->  Index Scan using b on c"
    ));
    assert!(!sorts("Limit\n  ->  Merge Append\n        Sort Key: a\n        ->  Index Scan using b on c"));
}

/// Asserts that the plan has one partition of a table that is kept by month.
fn assert_prunes(table: &TableInfo, plan: &str, text: &str) {
    if table.is_monthly() {
        assert!(plan.contains(&format!("{}_1", table.name)), "{text}\n{plan}");
        assert!(!plan.contains(&format!("{}_2", table.name)), "{text}\n{plan}");
    }
}

#[tokio::test]
async fn scans_of_months_leave_out_those_before_the_position() {
    let Some(server) = server() else { return };
    let url = server.create();
    open(&url).await;
    let client = explaining(&url).await;
    for table in tables().filter(|table| table.is_monthly()) {
        for (is_descending, month, left_out) in [(false, 2, 1), (true, 1, 2)] {
            let mut after = cells(table)[..table.key].to_vec();
            after[0] = Value::Int(month);
            let scan = RawScan {
                table,
                index: "",
                equal: Vec::new(),
                until: None,
                after: Some(after),
                is_descending,
                limit: 10,
            };
            let (text, bound) = texts::scan(&scan, Dialect::Postgres);
            let plan = plan(&client, &text, &bound).await;
            // With the name of the partition: its second scan in a plan has an alias such as `events_1`.
            assert!(!plan.contains(&format!(" on {}_{left_out} ", table.name)), "{text}\n{plan}");
            assert!(!sorts(&plan), "{text}\n{plan}");
            // Otherwise the index would be read from the start of the month.
            assert_searches(&plan, &table.order("")[..2], &text);
            assert!(plan.contains("(month = "), "{text}\n{plan}");
        }
    }
}

#[tokio::test]
async fn loads_replacements_and_deletions_search_the_primary_key() {
    let Some(server) = server() else { return };
    let url = server.create();
    open(&url).await;
    let client = explaining(&url).await;
    for table in tables() {
        let (texts, cells) = (Texts::new(table, Dialect::Postgres), cells(table));
        let cells: Vec<&Value> = cells.iter().collect();
        let key: Vec<&str> = table.key_columns().iter().map(|column| column.name).collect();
        for count in 1..=table.key {
            for text in [&texts.select[count], &texts.select_first[count], &texts.delete[count]] {
                let plan = plan(&client, text, &cells[..count]).await;
                assert_searches(&plan, &key[..count], text);
                assert_prunes(table, &plan, text);
            }
        }
        if let Some(replace) = &texts.replace {
            let seen = Value::Int(1);
            let all: Vec<&Value> = cells.iter().copied().chain([&seen]).collect();
            assert_searches(&plan(&client, replace, &all).await, &key, replace);
        }
    }
}

#[tokio::test]
async fn scans_of_an_index_search_it_and_sort_nothing() {
    let Some(server) = server() else { return };
    let url = server.create();
    open(&url).await;
    let client = explaining(&url).await;
    for table in tables() {
        let cells = cells(table);
        for index in table.indexes.iter().map(|index| index.name).chain([""]) {
            let order = table.order(index);
            let cells: Vec<Value> =
                order.iter().map(|name| cells[table.position(name).unwrap()].clone()).collect();
            // A row that comes before, so that no condition contradicts another.
            let before: Vec<Value> = cells
                .iter()
                .map(|cell| match cell {
                    Value::Text(_) => Value::Text("".into()),
                    Value::Int(_) | Value::Null => Value::Int(0),
                })
                .collect();
            for equal in 1..order.len() {
                for (is_descending, has_until, has_after) in
                    [(false, false, false), (true, false, true), (false, true, false), (false, true, true)]
                {
                    let scan = RawScan {
                        table,
                        index,
                        equal: cells[..equal].to_vec(),
                        until: has_until.then(|| cells[equal].clone()),
                        after: has_after.then(|| {
                            if is_descending { cells[equal..].to_vec() } else { before[equal..].to_vec() }
                        }),
                        is_descending,
                        limit: 10,
                    };
                    let (text, bound) = texts::scan(&scan, Dialect::Postgres);
                    let plan = plan(&client, &text, &bound).await;
                    assert_searches(&plan, &order[..equal], &text);
                    assert!(!sorts(&plan), "{text}\n{plan}");
                    if index.is_empty() {
                        assert_prunes(table, &plan, &text);
                    }
                }
            }
        }
    }
}
