//! The error of a start.

use crate::{
    engine::LedgerError,
    merchants::{RegistryError, seal::SealError},
    settings::Database,
};
use std::{error, fmt, net::SocketAddr, path::Path};

/// An error that prevents the start, or another action of the operator.
#[derive(Debug)]
pub struct StartError {
    message: String,
    is_configuration: bool,
    cause: Option<Box<dyn error::Error + Send + Sync>>,
}

impl StartError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_configuration: false, cause: None }
    }

    fn caused_by(self, cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    fn of_configuration(self) -> Self {
        Self { is_configuration: true, ..self }
    }

    pub(crate) fn ledger(database: &Database, cause: LedgerError) -> Self {
        Self::new(format!("the ledger {database} cannot be opened")).caused_by(cause)
    }

    pub(crate) fn listen(address: SocketAddr, cause: std::io::Error) -> Self {
        Self::new(format!("cannot listen on {address}")).caused_by(cause)
    }

    pub(crate) fn client(cause: impl error::Error + Send + Sync + 'static) -> Self {
        let message = "a client cannot be built from the settings ca_file and proxy";
        Self::new(message).caused_by(cause).of_configuration()
    }

    pub(crate) fn merchants(faults: &[RegistryError]) -> Self {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Self::new(faults.join("; ")).of_configuration()
    }

    pub(crate) fn backup(to: &Path, cause: LedgerError) -> Self {
        Self::new(format!("the ledger cannot be copied to {}", to.display())).caused_by(cause)
    }

    pub(crate) fn sealing(cause: SealError) -> Self {
        Self::new("a stored secret cannot be sealed anew").caused_by(cause)
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(message).of_configuration()
    }

    /// Returns whether a setting is at fault: with the same settings, the server can never start.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.is_configuration
    }
}

impl From<LedgerError> for StartError {
    fn from(error: LedgerError) -> Self {
        Self::new("the ledger failed").caused_by(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for StartError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        let cause: &(dyn error::Error + 'static) = self.cause.as_deref()?;
        Some(cause)
    }
}
