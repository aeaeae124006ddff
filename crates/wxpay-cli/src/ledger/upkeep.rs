//! `wxpay backup`, `wxpay reseal` and `wxpay audit`.

use super::Session;
use crate::{Failure, args, input, output, serve::start_failure};
use serde_json::json;

const COLUMNS: [&str; 5] = ["at", "actor", "action", "subject", "detail"];

pub(crate) async fn backup(args: args::Backup) -> Result<(), Failure> {
    input::require_parent("FILE", &args.file)?;
    let shown = input::shown(&args.file);
    if args.file.exists() {
        return Err(Failure::usage(format_args!("FILE: {shown} exists; a backup replaces no file")));
    }
    let session = Session::open_existing(&args.ledger).await?;
    let written = session.console().backup(&args.file).await.map_err(|error| start_failure(&error));
    let printed = written.and_then(|bytes| {
        if session.in_json {
            output::json(&json!({ "file": args.file, "bytes": bytes }))
        } else {
            output::line(format_args!("wrote {shown}: {bytes} bytes"))
        }
    });
    session.close(printed).await
}

pub(crate) async fn reseal(args: args::Ledger) -> Result<(), Failure> {
    let session = Session::open_existing(&args).await?;
    let resealed = session.console().reseal().await.map_err(|error| start_failure(&error));
    let printed = resealed.and_then(|count| {
        if session.in_json {
            output::json(&json!({ "resealed": count }))
        } else {
            output::line(format_args!("sealed {count} rows anew"))
        }
    });
    session.close(printed).await
}

pub(crate) async fn audit(args: args::Audit) -> Result<(), Failure> {
    match args.command {
        None => recompute(&args.ledger).await,
        Some(args::AuditCommand::Log { subject, list }) => {
            let session = Session::open_existing(&list.ledger).await?;
            let filters = [("subject", subject.as_deref())];
            let shown = session.list("/api/audit", &filters, &COLUMNS, list.limit).await;
            session.close(shown).await
        }
    }
}

async fn recompute(args: &args::Ledger) -> Result<(), Failure> {
    let session = Session::open_existing(args).await?;
    let audited = session.console().audit().await.map_err(|error| start_failure(&error));
    let printed = audited.and_then(|violations| {
        let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
        if session.in_json {
            output::json(&json!({ "violations": texts }))?;
        } else {
            texts.iter().try_for_each(output::line)?;
        }
        match texts.len() {
            0 if session.in_json => Ok(()),
            0 => output::line("ok: every order equals what its evidence gives"),
            1 => Err(Failure::failed("1 violation: an order differs from its evidence")),
            many => {
                Err(Failure::failed(format_args!("{many} violations: orders differ from their evidence")))
            }
        }
    });
    session.close(printed).await
}
