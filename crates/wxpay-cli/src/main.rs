//! `wxpay`: a payment server, a simulated gateway, and tools for signatures and keys. A thin shell over the crates of
//! this workspace.

mod args;
mod call;
mod demo;
mod environment;
mod input;
mod keys;
mod parameters;
mod seal;
mod serve;
mod sign;
mod sim;

use args::{Cli, Command};
use clap::{CommandFactory as _, Parser as _};
use std::{fmt, io, io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Demo => on_runtime(demo::run()),
        Command::Serve(args) => on_runtime(serve::run(args)),
        Command::Sim(args) => on_runtime(sim::run(args)),
        Command::Sign(args) => sign::sign(&args),
        Command::Verify(args) => sign::verify(&args),
        Command::Encrypt(args) => seal::encrypt(&args),
        Command::Decrypt(args) => seal::decrypt(&args),
        Command::Call(args) => on_runtime(call::run(args)),
        Command::Keys(args) => keys::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "wxpay", &mut io::stdout());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the pipe has closed it, as `head` does: not a failure.
        Err(failure) if failure.is_broken_pipe => ExitCode::SUCCESS,
        Err(failure) => {
            // If standard error cannot be written, there is nowhere left to report it.
            drop(writeln!(io::stderr(), "wxpay: {failure}"));
            failure.status
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Renders one line, after a line break, for each named value that is present.
pub(crate) fn labelled(values: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let lines = values.into_iter().filter_map(|(name, value)| Some(format!("\n{name:<16}{}", value?)));
    lines.collect::<Vec<_>>().concat()
}

/// Waits for SIGINT (Ctrl-C) or SIGTERM.
pub(crate) async fn shutdown_signal() -> Result<(), Failure> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// An exit status other than 0 and its reason.
#[derive(Debug)]
pub(crate) struct Failure {
    status: ExitCode,
    message: String,
    is_broken_pipe: bool,
}

impl Failure {
    /// Invalid input; `message` names the field and its rule. Exit status 2.
    pub(crate) fn input(message: impl fmt::Display) -> Self {
        Self { status: ExitCode::from(2), message: message.to_string(), is_broken_pipe: false }
    }

    /// A negative result, such as an invalid signature. Exit status 1.
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self { status: ExitCode::FAILURE, message: message.to_string(), is_broken_pipe: false }
    }

    /// An error with all its causes. Exit status 1.
    pub(crate) fn error(error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            message.push_str(": ");
            message.push_str(&deeper.to_string());
            cause = deeper.source();
        }
        Self { status: ExitCode::FAILURE, message, is_broken_pipe: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { is_broken_pipe: error.kind() == io::ErrorKind::BrokenPipe, ..Self::error(&error) }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
