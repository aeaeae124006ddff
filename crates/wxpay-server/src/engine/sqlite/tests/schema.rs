//! The schema is that which the rows declare.

use super::*;
use crate::{
    engine::{
        scan::RawScan,
        tables,
        texts::{self, Dialect, Texts},
    },
    ledger::{Table as _, Value, table::ColumnKind},
};

fn column(connection: &Connection, query: &str, name: &str) -> Vec<String> {
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map([name], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

async fn created() -> (Scratch, Connection) {
    let scratch = Scratch::new();
    scratch.open().close().await;
    let connection = scratch.raw();
    (scratch, connection)
}

#[tokio::test]
async fn columns_keys_and_nullability_are_as_declared() {
    let (_scratch, connection) = created().await;
    let mut names: Vec<&str> = tables().map(|table| table.name).chain(["schema_versions"]).collect();
    names.sort_unstable();
    let created =
        column(&connection, "SELECT name FROM sqlite_schema WHERE type = ?1 ORDER BY name", "table");
    assert_eq!(created, names);
    for table in tables() {
        let columns = table.columns.iter().enumerate().map(|(number, column)| {
            let kind = match column.kind {
                ColumnKind::Int => "INTEGER",
                ColumnKind::Text => "TEXT",
            };
            let key = if number < table.key { number + 1 } else { 0 };
            format!("{} {kind} {} {key}", column.name, u8::from(!column.is_nullable))
        });
        let query =
            r#"SELECT name || ' ' || type || ' ' || "notnull" || ' ' || pk FROM pragma_table_info(?1)"#;
        assert_eq!(column(&connection, query, table.name), columns.collect::<Vec<_>>(), "{}", table.name);
        let query = "SELECT strict || ' ' || wr FROM pragma_table_list WHERE name = ?1";
        assert_eq!(
            column(&connection, query, table.name),
            ["1 1"],
            "{} is STRICT, WITHOUT ROWID",
            table.name
        );
    }
}

#[tokio::test]
async fn indexes_have_the_columns_that_order_their_scans() {
    let (_scratch, connection) = created().await;
    for table in tables() {
        let query = "SELECT name FROM pragma_index_list(?1) WHERE origin = 'c' ORDER BY name";
        let mut names: Vec<&str> = table.indexes.iter().map(|index| index.name).collect();
        names.sort_unstable();
        assert_eq!(column(&connection, query, table.name), names);
        for name in names {
            let query = "SELECT name FROM pragma_index_info(?1) ORDER BY seqno";
            assert_eq!(column(&connection, query, name), table.order(name));
        }
    }
}

#[tokio::test]
async fn scans_of_an_index_search_it_and_sort_nothing() {
    let (_scratch, connection) = created().await;
    for table in tables() {
        for index in table.indexes.iter().map(|index| index.name).chain([""]) {
            let order = table.order(index);
            let cell = |name: &&str| match table.columns[table.position(name).unwrap()].kind {
                ColumnKind::Int => Value::Int(1),
                ColumnKind::Text => Value::Text("a".into()),
            };
            let cells: Vec<Value> = order.iter().map(cell).collect();
            // The first column is always given, except in scans of a whole index, which are in the order of time.
            for equal in 1..order.len() {
                for (is_descending, has_until, has_after) in
                    [(false, false, false), (true, false, true), (false, true, false), (false, true, true)]
                {
                    let scan = RawScan {
                        table,
                        index,
                        equal: cells[..equal].to_vec(),
                        until: has_until.then(|| cells[equal].clone()),
                        after: has_after.then(|| cells[equal..].to_vec()),
                        is_descending,
                        limit: 10,
                    };
                    let (text, bound) = texts::scan(&scan, Dialect::Sqlite);
                    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
                    values::bind(&mut statement, bound).unwrap();
                    let mut rows = statement.raw_query();
                    let mut plan = Vec::new();
                    while let Some(row) = rows.next().unwrap() {
                        plan.push(row.get::<_, String>(3).unwrap());
                    }
                    let plan = plan.join("\n");
                    assert!(plan.starts_with("SEARCH") && !plan.contains("TEMP"), "{text}\n{plan}");
                }
            }
        }
    }
}

#[test]
fn replaced_roots_touch_no_index_if_its_columns_are_as_they_were() {
    let texts = Texts::new(crate::ledger::rows::order::OrderRow::INFO, Dialect::Sqlite);
    let narrow = texts.replace_unindexed.unwrap();
    let (sets, terms) = narrow.split_once(" WHERE ").unwrap();
    assert!(!sets.contains("created_at") && !sets.contains("payer "), "{sets}");
    assert!(terms.contains("payer IS ?") && terms.contains("created_at = ?"), "{terms}");
    assert!(texts.replace.unwrap().contains("created_at"));
}

#[tokio::test]
async fn no_write_builds_a_temporary_table() {
    let (_scratch, connection) = created().await;
    for table in tables() {
        let Texts { insert, put, replace, replace_unindexed, delete, .. } =
            Texts::new(table, Dialect::Sqlite);
        let row = delete.into_iter().nth(table.key);
        for text in [insert, put].into_iter().chain(replace).chain(replace_unindexed).chain(row) {
            let mut statement = connection.prepare(&format!("EXPLAIN {text}")).unwrap();
            let cells = (0..statement.parameter_count()).map(|_| Value::Int(1));
            values::bind(&mut statement, cells).unwrap();
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next().unwrap() {
                assert_ne!(row.get::<_, String>(1).unwrap(), "OpenEphemeral", "{text}");
            }
        }
    }
}
