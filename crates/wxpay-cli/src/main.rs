//! `wxpay`: a payment server, a simulated gateway, and tools for signatures and keys. A thin shell over the crates of
//! this workspace.

mod args;
mod call;
mod catalogue;
mod certify;
mod check_config;
mod demo;
mod dev;
mod doctor;
mod environment;
mod explain;
mod failure;
mod input;
mod ledger;
mod logs;
mod output;
mod parameters;
mod seal;
mod serve;
mod server_settings;
mod sign;
mod sim;

use args::{Cli, Command};
use clap::{CommandFactory as _, Parser as _};
pub(crate) use failure::Failure;
use std::{
    env,
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let (result, in_json) = match Cli::try_parse() {
        Ok(cli) => {
            let in_json = cli.command.prints_json();
            (run(cli.command), in_json)
        }
        // What was parsed before the error is lost, so the option is looked for in the arguments.
        Err(error) if error.use_stderr() && env::args_os().any(|argument| argument == "--json") => {
            let text = error.render().to_string();
            (Err(Failure::usage(text.trim_start_matches("error: ").trim_end())), true)
        }
        Err(error) => {
            // The help, or an error in clap's layout. If it cannot be printed, there is nowhere left to report that.
            drop(error.print());
            return if error.use_stderr() { Failure::usage(error).exit_code() } else { ExitCode::SUCCESS };
        }
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if in_json {
        drop(writeln!(io::stderr(), "{}", failure.json()));
    } else {
        output::note(&failure);
    }
    failure.exit_code()
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => on_runtime(demo::run(args)),
        Command::Serve(args) => on_runtime(serve::run(args)),
        Command::Sim(args) => on_runtime(sim::run(args)),
        Command::Certify(args) => on_runtime(certify::run(args)),
        Command::Sign(args) => sign::sign(&args),
        Command::Verify(args) => sign::verify(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Encrypt(args) => seal::encrypt(&args),
        Command::Decrypt(args) => seal::decrypt(&args),
        Command::Call(args) => on_runtime(call::run(args)),
        Command::Ops(command) => catalogue::run(&command),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::ApiKey(command) => on_runtime(ledger::api_keys::run(command)),
        Command::Merchant(command) => on_runtime(ledger::merchants::run(command)),
        Command::Webhook(command) => on_runtime(ledger::webhooks::run(command)),
        Command::Backup(args) => on_runtime(ledger::upkeep::backup(args)),
        Command::Reseal(args) => on_runtime(ledger::upkeep::reseal(args)),
        Command::Migrate(args) => on_runtime(ledger::schema::migrate(args)),
        Command::CopyLedger(args) => on_runtime(ledger::schema::copy(args)),
        Command::Audit(args) => on_runtime(ledger::upkeep::audit(args)),
        Command::Doctor(args) => on_runtime(doctor::run(args)),
        Command::Completions { shell } => {
            // Written to memory first: clap_complete panics if the pipe is closed.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wxpay", &mut script);
            output::bytes(&script)
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(Failure::doing("cannot start threads"))?.block_on(work)
}

/// Listens on an address.
pub(crate) async fn listener(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let is_in_use = error.kind() == io::ErrorKind::AddrInUse;
        let remedy = if is_in_use { "; choose another port, or 0 for a free one" } else { "" };
        Failure::failed(format_args!("cannot listen on {address}: {error}{remedy}"))
    })
}

/// Handles SIGINT (Ctrl-C) and SIGTERM from now on. The returned future waits for one of them.
///
/// Call it before the ready line is printed: a signal that arrives earlier ends the process at once.
pub(crate) fn shutdown_signal() -> Result<impl Future<Output = Result<(), Failure>>, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let handle = |kind| signal(kind).map_err(Failure::doing::<io::Error>("cannot handle signals"));
        let (mut interrupt, mut terminate) =
            (handle(SignalKind::interrupt())?, handle(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => Ok(()),
                _ = terminate.recv() => Ok(()),
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async { tokio::signal::ctrl_c().await.map_err(Failure::doing("cannot wait for a signal")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_consistent_arguments() {
        Cli::command().debug_assert();
    }
}
