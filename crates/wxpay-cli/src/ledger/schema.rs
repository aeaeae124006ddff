//! `wxpay migrate` and `wxpay copy-ledger`.

use crate::{Failure, args, output, serve::start_failure, server_settings};
use serde_json::json;
use std::cmp::Ordering;
use wxpay_server::{Console, CopiedLedger, SchemaVersions, Settings};

pub(crate) async fn migrate(args: args::Migrate) -> Result<(), Failure> {
    let settings = server_settings::of_ledger(&args.ledger.sources)?;
    let versions =
        if args.check { Console::schema(&settings).await } else { Console::migrate(&settings).await };
    let SchemaVersions { found, newest, required, .. } = versions.map_err(|error| start_failure(&error))?;
    if args.ledger.json {
        output::json(&json!({ "found": found, "newest": newest, "required": required }))?;
    } else {
        output::line(format_args!("schema {found}, newest {newest}"))?;
    }
    match found.cmp(&newest) {
        Ordering::Greater if newest < required => Err(Failure::failed(format_args!(
            "the ledger requires a program that knows schema {required}: use a newer one"
        ))),
        Ordering::Equal | Ordering::Greater => Ok(()),
        Ordering::Less if args.check => {
            Err(Failure::failed("the schema is not up to date: run `wxpay migrate`, or start the server"))
        }
        Ordering::Less => Err(Failure::failed(
            "the schema is not up to date: a server of an older version needs what is to be removed; stop it first",
        )),
    }
}

pub(crate) async fn copy(args: args::CopyLedger) -> Result<(), Failure> {
    let (from, to) = (settings(&args, &args.from)?, settings(&args, &args.to)?);
    let copied = Console::copy_ledger(&from, &to).await.map_err(|error| start_failure(&error))?;
    let CopiedLedger { rows, violations, .. } = copied;
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    if args.json {
        return output::json(&json!({ "rows": rows, "violations": texts }));
    }
    output::line(format_args!("copied {rows} rows; both ledgers are equal"))?;
    for text in texts {
        output::note(format_args!("in both ledgers: {text}"));
    }
    Ok(())
}

/// Returns the settings with a database.
fn settings(args: &args::CopyLedger, database: &str) -> Result<Settings, Failure> {
    server_settings::of_ledger(&args::Sources {
        config: args.config.clone(),
        database: Some(database.to_owned()),
        settings: args.settings.clone(),
    })
}
