//! The command line, as a newcomer reads it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// WeChat Pay for merchants: a payment server, a simulated gateway, and tools to look into signatures.
///
/// Begin with `wxpay demo`: it takes one payment through all its steps on this machine, against a simulated
/// gateway, and shows every message.
#[derive(Debug, Parser)]
#[command(name = "wxpay", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Takes one payment through all eight steps on this machine and shows every message.
    ///
    /// A simulated gateway and a payment server are started on free loopback ports, with throw-away keys and a
    /// temporary ledger. Each message is printed with the string that was signed; secrets are masked. The exit
    /// status is 0 if the payment ends in the ledger, 1 if any step fails.
    Demo,
    /// Runs the payment server.
    ///
    /// Settings come from a file (TOML), from the environment (`WXPAY_…`) and from the options here, the later one
    /// winning. `--dev` needs none: it brings a simulated gateway and throw-away keys. What is logged, to standard
    /// error, `WXPAY_LOG` says: `info` unless given, `off`, or a filter such as `wxpay_hyper=debug`.
    Serve(Serve),
    /// Runs a simulated gateway, for programs in any language.
    ///
    /// When it is ready it prints one line of JSON with its URL, and then its throw-away credentials as `export
    /// NAME=value` lines, unless these go into a file. The payer, the clock and all trouble are
    /// controlled under `/_sim/v1`: for tests only, never to be reachable by others.
    Sim(Sim),
    /// Signs parameters, and shows the string that was signed with the key masked.
    ///
    /// Reads the parameters as one JSON object of strings and whole numbers from standard input.
    Sign(Sign),
    /// Verifies signed parameters; exits with 1 and the reason if they are not what was signed.
    ///
    /// Reads the parameters with their signature as one JSON object from standard input: `sign` for v1-package;
    /// `app_signature`, `AppSignature` or `sign` for v1-sha1.
    Verify(Sign),
    /// Prints the completions of a shell, to be put where that shell looks for them.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The file of settings (TOML).
    #[arg(long, value_name = "FILE", env = "WXPAY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Brings a simulated gateway and throw-away keys; for trying things out. The ledger is kept in the file of
    /// `--database`, or in a temporary one.
    #[arg(long)]
    pub(crate) dev: bool,
    /// The address and port to listen on [setting: listen].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// The ledger's file [setting: database].
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<String>,
    /// Under which WeChat Pay reaches this server [setting: `public_base_url`].
    #[arg(long, value_name = "URL")]
    pub(crate) public_base_url: Option<String>,
    /// Any other setting, by its name in the file; may come many times. Keys belong into files, not here.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Sim {
    /// The address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Speaks TLS, under a root of its own that the credentials name (`TLS_CA`).
    #[arg(long)]
    pub(crate) tls: bool,
    /// Writes the URL and the credentials there instead, in a file that only you may read.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Writes keys and certificates into this folder. If not given: beside the file of `--env-file`, in a folder of its
    /// name and `.d`; without such a file, in a temporary folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys_dir: Option<PathBuf>,
    /// Everything made up follows from this number: the same number, the same credentials. The RSA keys are then those
    /// that everybody knows. If not given, all of it is new, keys too.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Which keys WeChat Pay signs with in the third generation.
    #[arg(long, value_enum, default_value_t = PlatformKeys::Either)]
    pub(crate) platform_keys: PlatformKeys,
    /// The year whose rules hold.
    #[arg(long, value_enum, default_value_t = Era::Y2014)]
    pub(crate) era: Era,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PlatformKeys {
    /// Whichever the request names: the public key, or else the certificate. Notices follow the order's request.
    Either,
    /// Platform certificates alone.
    Certificates,
    /// The public key alone; there are no certificates.
    PublicKey,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Era {
    /// A new token kills the old one at once; 200 tokens a day.
    #[value(name = "2014")]
    Y2014,
    /// Old and new token overlap by five minutes; 2000 tokens a day.
    #[value(name = "2016")]
    Y2016,
}

#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// How it is signed.
    #[arg(long, value_enum)]
    pub(crate) scheme: Scheme,
    /// The file that holds the key and nothing else: the partnerKey for v1-package, the paySignKey for v1-sha1.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// Prints one line of JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Scheme {
    /// The `package` of the first generation, and the query of its notices: MD5 over the raw values in the charset
    /// that `input_charset` names (GBK if it is absent), without empty values, with the partnerKey at the end.
    V1Package,
    /// Calls, phone parameters and notice bodies of the first generation: SHA-1 over names in lower case and
    /// values as sent, with the paySignKey among them as `appkey`.
    V1Sha1,
}
