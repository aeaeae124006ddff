//! Descriptions of operations: `wxpay ops`, and the option `--catalogue` of other commands.

mod show;

use crate::{Failure, args, args::Ops, input, output};
use std::{path::Path, sync::Arc};
use wxpay_catalogue::{Catalogue, MAX_BYTES, Operation};

/// The maximum number of defects that are printed.
const MAX_SHOWN: usize = 10;

/// Reads a description, and warns about its defects.
///
/// # Errors
///
/// A usage failure if the file cannot be read or is no description.
pub(crate) fn read(path: &Path) -> Result<Catalogue, Failure> {
    let bytes = input::file_up_to("--catalogue", path, MAX_BYTES)?;
    let (catalogue, defects) = Catalogue::read(bytes.expose())
        .map_err(|error| Failure::usage(format_args!("--catalogue: {} {error}", input::shown(path))))?;
    // Ignored details change no verdict; a missing operation does.
    let left_out: Vec<_> = defects.iter().filter(|defect| defect.leaves_out).collect();
    for defect in left_out.iter().take(MAX_SHOWN) {
        output::note(format_args!("warning: --catalogue: {defect}"));
    }
    if let Some(more) = left_out.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        output::note(format_args!("warning: --catalogue: {more} more operations are left out"));
    }
    if catalogue.operations().is_empty() {
        output::note("warning: --catalogue: the file describes no operation of APIv3");
    }
    Ok(catalogue)
}

/// Runs `wxpay ops`.
pub(crate) fn run(command: &Ops) -> Result<(), Failure> {
    match command {
        Ops::Search(args) => search(args),
        Ops::Show(args) => {
            let catalogue = read(&args.of.catalogue)?;
            let operations = named(&catalogue, &args.operation)?;
            if args.of.json {
                return output::json(
                    &operations.iter().map(|operation| show::json(operation)).collect::<Vec<_>>(),
                );
            }
            let texts: Vec<_> = operations.iter().map(|operation| show::text(operation)).collect();
            output::bytes(texts.join("\n").as_bytes())
        }
        Ops::Example(args) => example(args),
    }
}

fn search(args: &args::OpsSearch) -> Result<(), Failure> {
    let catalogue = read(&args.of.catalogue)?;
    let found = catalogue.search(&args.words);
    if args.of.json {
        return output::json(&found.iter().map(|operation| show::line_json(operation)).collect::<Vec<_>>());
    }
    if found.is_empty() {
        return Err(Failure::failed("no operation has all these words"));
    }
    let lines: Vec<_> = found.iter().map(|operation| show::line(operation)).collect();
    output::bytes(lines.concat().as_bytes())
}

fn example(args: &args::OpsExample) -> Result<(), Failure> {
    let catalogue = read(&args.of.catalogue)?;
    let operations = named(&catalogue, &args.operation)?;
    let [operation] = operations.as_slice() else {
        let methods: Vec<_> = operations.iter().map(|operation| operation.method).collect();
        return Err(Failure::usage(format_args!(
            "the path has several operations: name {}",
            methods.join(" or ")
        )));
    };
    let example = operation.example();
    if args.of.json {
        return output::json(&serde_json::json!({
            "method": operation.method, "target": example.target, "body": example.body,
        }));
    }
    if !args.body {
        output::line(format_args!("{} {}", operation.method, example.target))?;
    }
    match example.body {
        None => Ok(()),
        Some(body) => {
            let text = serde_json::to_vec_pretty(&body).map_err(Failure::doing("cannot write JSON"))?;
            output::with_line_break(&text)
        }
    }
}

/// Finds the operations that `METHOD PATH` or `PATH` names.
fn named(catalogue: &Catalogue, words: &[String]) -> Result<Vec<Arc<Operation>>, Failure> {
    // Both may be one argument, in quotes.
    let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
    let (method, path) = match *words.as_slice() {
        [method, path] => (Some(method), path),
        [path] => (None, path),
        _ => return Err(Failure::usage("name an operation as METHOD PATH, such as GET /v3/certificates")),
    };
    let found: Vec<_> = catalogue.named(method, path).into_iter().map(Arc::clone).collect();
    if found.is_empty() {
        let method = method.map_or_else(|| "GET".to_owned(), str::to_ascii_uppercase);
        let complaints = catalogue.check(&method, path, None);
        let reason = complaints.first().map(ToString::to_string).unwrap_or_default();
        return Err(Failure::usage(reason));
    }
    Ok(found)
}

/// Checks the request of a call, and prints the complaints.
///
/// # Errors
///
/// If there are complaints and they are to be errors.
pub(crate) fn check(
    path: &Path,
    (method, target): (&str, &str),
    body: Option<&[u8]>,
    is_strict: bool,
) -> Result<(), Failure> {
    let complaints = read(path)?.check(method, target, body);
    let mut faults = crate::failure::Faults::default();
    for complaint in &complaints {
        if is_strict {
            faults.push(complaint);
        } else {
            output::note(format_args!("warning: {complaint}"));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.into_failure("complaints about the request; nothing was sent"))
    }
}
