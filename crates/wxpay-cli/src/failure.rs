//! The reason why a command failed, and its exit status.

use serde::Serialize;
use serde_json::{Map, Value};
use std::{error::Error, fmt, process::ExitCode};

/// The exit statuses, as the help shows them.
pub(crate) const EXIT_STATUSES: &str = "\
Exit status:
  0  success
  1  failed: a check failed, a signature is invalid, or this machine or the network failed
  2  usage: an argument, the input or the configuration is invalid; nothing was done
  3  not sent (call): the request was not sent, and nothing was carried out
  4  refused (call): WeChat Pay refused the request, and nothing was carried out
  5  unknown (call): the request may have been carried out; query before you retry under another number
  6  incomplete (certify): no check failed, but some could not be made";

/// The class of a failure. Each has its own exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A negative result, such as an invalid signature; or a fault of this machine or the network.
    Failed,
    /// An argument, the input or the configuration is invalid. Nothing was done.
    Usage,
    /// The request of a call was not sent.
    NotSent,
    /// WeChat Pay refused the request of a call.
    Refused,
    /// The request of a call may have been carried out.
    Unknown,
    /// No check of a certification failed, but some could not be made.
    Incomplete,
}

impl Kind {
    fn exit_status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotSent => 3,
            Self::Refused => 4,
            Self::Unknown => 5,
            Self::Incomplete => 6,
        }
    }
}

/// A failure of a command: its class, its message and named details.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    /// The single faults, if the message only counts them.
    faults: Vec<String>,
    details: Vec<(&'static str, Value)>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), faults: Vec::new(), details: Vec::new() }
    }

    /// Creates a failure of class [`Kind::Usage`]; `message` names the field and its rule.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Creates a failure of class [`Kind::Failed`].
    pub(crate) fn failed(message: impl fmt::Display) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// Creates a failure of class [`Kind::Failed`] from an error and its causes.
    pub(crate) fn error(error: &dyn Error) -> Self {
        Self::failed(with_causes(error))
    }

    /// Returns a function that creates a failure of class [`Kind::Failed`] from the error of an action, such as
    /// "cannot listen on 127.0.0.1:80". An error of the operating system does not name the action.
    pub(crate) fn doing<E: Error>(action: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::failed(format_args!("{action}: {}", with_causes(&error)))
    }

    /// Adds named details. Those without a value are left out.
    pub(crate) fn with(mut self, details: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Self {
        self.details.extend(details.into_iter().filter_map(|(name, value)| Some((name, value?))));
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.exit_status())
    }

    /// Returns the failure as a JSON object.
    pub(crate) fn json(&self) -> Value {
        let mut members = Map::new();
        members.insert("kind".to_owned(), serde_json::json!(self.kind));
        members.insert("exit_status".to_owned(), self.kind.exit_status().into());
        members.insert("error".to_owned(), self.message.clone().into());
        if !self.faults.is_empty() {
            members.insert("faults".to_owned(), self.faults.clone().into());
        }
        for (name, value) in &self.details {
            members.insert(name.replace([' ', '-'], "_"), value.clone());
        }
        members.into()
    }
}

/// The faults of a configuration. They are collected, so that one run shows them all.
#[derive(Default)]
pub(crate) struct Faults(Vec<String>);

impl Faults {
    pub(crate) fn push(&mut self, fault: impl fmt::Display) {
        self.0.push(fault.to_string());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Faults {
    /// Creates a failure of class [`Kind::Usage`] with all faults, of which `what` says what they are.
    pub(crate) fn into_failure(self, what: &str) -> Failure {
        let count = self.0.len();
        Failure { faults: self.0, ..Failure::usage(format_args!("{count} {what}")) }
    }
}

/// Creates a failure of class [`Kind::Usage`] with all faults.
impl From<Faults> for Failure {
    fn from(Faults(mut faults): Faults) -> Self {
        match faults.len() {
            1 => Self::usage(faults.remove(0)),
            count => Self { faults, ..Self::usage(format_args!("{count} settings are invalid")) },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.faults.is_empty() {
            write!(f, ":\n  {}", self.faults.join("\n  "))?;
        }
        let details = self.details.iter().map(|(name, value)| {
            (*name, Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        });
        f.write_str(&labelled(details))
    }
}

/// Renders one line, after a line break, for each named value that is present.
pub(crate) fn labelled(values: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let lines = values.into_iter().filter_map(|(name, value)| Some(format!("\n{name:<16}{}", value?)));
    lines.collect::<Vec<_>>().concat()
}

/// Renders an error with its causes on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        message.push_str(": ");
        message.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    message
}
