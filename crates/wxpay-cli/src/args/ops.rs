//! The arguments of `wxpay ops`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Ops {
    /// Lists the operations that have all words: in the method, the path, the title, the product or the names of fields.
    Search(OpsSearch),
    /// Shows the fields of an operation and of its reply.
    Show(OpsShow),
    /// Prints an example request: its first line, and the JSON body. Sensitive fields are not encrypted.
    Example(OpsExample),
}

impl Ops {
    /// Returns whether errors are printed as JSON.
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Search(args) => args.of.json,
            Self::Show(args) => args.of.json,
            Self::Example(args) => args.of.json,
        }
    }
}

/// The description, and the format of the output.
#[derive(Args, Debug)]
pub(crate) struct OfCatalogue {
    /// The description: Swagger 2.0 or OpenAPI 3 in JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: PathBuf,
    /// Prints one line of JSON instead of text, for an error too.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The description by which the simulator answers.
#[derive(Args, Debug)]
pub(crate) struct Described {
    /// A description of operations, Swagger 2.0 or OpenAPI 3 in JSON, such as that of the community's `wechatpay-openapi`:
    /// operations that the simulator does not implement are answered by their schemas, with the header
    /// `Wxpay-Sim: catalogue`.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// Refuses requests that break their description in `--catalogue`. Without it they are answered, with a warning in the
    /// log. The setting `catalogue_check` changes it while the simulator runs.
    #[arg(long, requires = "catalogue")]
    pub(crate) strict: bool,
}

#[derive(Args, Debug)]
pub(crate) struct OpsSearch {
    /// The words; none lists all operations.
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) of: OfCatalogue,
}

#[derive(Args, Debug)]
pub(crate) struct OpsShow {
    /// The operation: `METHOD PATH`, or `PATH` for all methods. The path may be as described or as sent.
    #[arg(required = true, num_args = 1..=2, value_name = "METHOD PATH")]
    pub(crate) operation: Vec<String>,
    #[command(flatten)]
    pub(crate) of: OfCatalogue,
}

#[derive(Args, Debug)]
pub(crate) struct OpsExample {
    /// The operation: `METHOD PATH`, or `PATH` if it has one method. The path may be as described or as sent.
    #[arg(required = true, num_args = 1..=2, value_name = "METHOD PATH")]
    pub(crate) operation: Vec<String>,
    /// Prints the body alone, as `wxpay call METHOD PATH -` reads it.
    #[arg(long, conflicts_with = "json")]
    pub(crate) body: bool,
    #[command(flatten)]
    pub(crate) of: OfCatalogue,
}
