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
    /// NAME=value` lines, unless these go into a file. The payer, the clock, merchants and all trouble are controlled
    /// under `/_sim/v1`, as the OpenAPI document at `/_sim/v1/openapi.json` says: for tests only, never to be reachable by
    /// others.
    Sim(Sim),
    /// Signs parameters, and shows the string that was signed, any key in it masked.
    ///
    /// Reads the parameters as one JSON object of strings and whole numbers from standard input. Which ones, the scheme
    /// says. With `mchid` and `serial_no` a v3-request is shown with its Authorization header, too.
    Sign(Sign),
    /// Verifies signed parameters; exits with 1 and the reason if they are not what was signed.
    ///
    /// Reads the parameters with their signature as one JSON object from standard input: `sign` for v1-package;
    /// `app_signature`, `AppSignature` or `sign` for v1-sha1; `signature` or the whole `authorization` header for
    /// v3-request; `Wechatpay-Signature` for v3-reply; `paySign` for v3-jsapi; `sign` for v3-app. Times are not looked at:
    /// what was right remains right here.
    Verify(Sign),
    /// Encrypts standard input as the third generation does.
    Encrypt(Encrypt),
    /// Decrypts standard input as the third generation does; exits with 1 if it was sealed otherwise or changed.
    Decrypt(Decrypt),
    /// Calls any operation of the third generation, and prints what is replied once it is verified.
    ///
    /// Who calls is told by the environment, or by the file of `--env-file` that `wxpay sim` writes: `WXPAY_MCHID`, `WXPAY_SERIAL_NO`,
    /// `WXPAY_PRIVATE_KEY_FILE`, `WXPAY_API_V3_KEY`; whom to believe by `WXPAY_PUBLIC_KEY_ID` and `WXPAY_PUBLIC_KEY_FILE`, by `WXPAY_PLATFORM_CERTIFICATE_FILE`, or by neither, and
    /// then the certificates are fetched. `WXPAY_BASE_URL` names another gateway than the real one, `WXPAY_TLS_CA_FILE` its
    /// authority. `WXPAY_PRIVATE_KEY_FILE`, `WXPAY_PUBLIC_KEY_FILE`, `WXPAY_PLATFORM_CERTIFICATE_FILE` and `WXPAY_TLS_CA_FILE` are names of files.
    ///
    /// It is tried again as the protocol has it, with the same bytes. Exits with 1 if it fails: standard error then says
    /// what became of the request (not sent, refused, unknown) and what WeChat Pay said; with 2 if the input breaks a
    /// rule, and then nothing was sent.
    Call(Call),
    /// Shows keys and certificates of the third generation, and whether they fit together.
    ///
    /// Numbers, dates, whether the private key belongs to the certificate, and the certificate to the merchant. What there
    /// is to look at is told by the options, by the file of `--env-file`, and by the environment: `WXPAY_MCHID`, `WXPAY_SERIAL_NO`,
    /// `WXPAY_PRIVATE_KEY_FILE`, `WXPAY_CERTIFICATE_FILE`, `WXPAY_API_V3_KEY`, `WXPAY_PLATFORM_SERIAL_NO`, `WXPAY_PLATFORM_CERTIFICATE_FILE`, `WXPAY_PLATFORM_PUBLIC_KEY_FILE`, `WXPAY_PUBLIC_KEY_ID`,
    /// `WXPAY_PUBLIC_KEY_FILE`. Exits with 1 if anything is wrong.
    Keys(Keys),
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
    /// Speaks TLS, under a root of its own that the credentials name (`WXPAY_TLS_CA_FILE`).
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
    /// The file of the key. For v1-package the partnerKey and nothing else, for v1-sha1 the paySignKey. For the third
    /// generation PEM: to sign, a private key; to verify, a certificate, a public key, or the private key itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// The file of the body, byte for byte, for v3-request and v3-reply; instead of the parameter `body`.
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
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
    /// A request of the third generation: `method`, `path` (with its query, as sent), `timestamp`, `nonce`, `body`.
    V3Request,
    /// A reply or a notice of the third generation: `Wechatpay-Timestamp`, `Wechatpay-Nonce`, `body`. Such are signed
    /// by WeChat Pay; verify them with its certificate or public key.
    V3Reply,
    /// The phone's parameters for JSAPI and mini programs: `appId`, `timeStamp`, `nonceStr`, `package`.
    V3Jsapi,
    /// The phone's parameters for apps: `appid`, `timestamp`, `noncestr`, `prepayid`.
    V3App,
}

#[derive(Args, Debug)]
pub(crate) struct Encrypt {
    /// What is made.
    #[arg(long, value_enum)]
    pub(crate) scheme: Sealing,
    /// The file of the key: for v3-resource the APIv3 key and nothing else; for v3-field WeChat Pay's certificate or
    /// public key in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// What goes with a v3-resource, open but not to be changed: `transaction`, `certificate`, …
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) associated_data: String,
    /// Of what kind a v3-resource says that it is.
    #[arg(long, value_name = "TEXT")]
    pub(crate) original_type: Option<String>,
    /// The 12 bytes of a v3-resource's nonce; random if not given. Never use one twice with a key that matters.
    #[arg(long, value_name = "TEXT")]
    pub(crate) nonce: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Decrypt {
    /// What it is.
    #[arg(long, value_enum)]
    pub(crate) scheme: Sealing,
    /// The file of the key: for v3-resource the APIv3 key and nothing else; for v3-field the merchant's private key in
    /// PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Sealing {
    /// AES-256-GCM with the APIv3 key: a notice's `resource`, or a certificate of the list. Decrypting takes the object
    /// itself, the whole notice, or the whole list.
    V3Resource,
    /// RSA-OAEP: one sensitive field, as Base64. A line break at the end of what is encrypted is left out.
    V3Field,
}

#[derive(Args, Debug)]
pub(crate) struct Call {
    /// GET, POST, PUT, PATCH or DELETE.
    pub(crate) method: String,
    /// Path and query, escaped as they are to be sent, such as `/v3/certificates`.
    pub(crate) path: String,
    /// The body: a JSON text, sent byte for byte; `-` reads it from standard input.
    pub(crate) json: Option<String>,
    /// A file of `NAME=value` lines, as `wxpay sim --env-file` writes it; it wins over the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Never tries again when it is not known what became of it: for operations that carry no number.
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Keys {
    /// A file of `NAME=value` lines, as `wxpay sim --env-file` writes it; it wins over the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// The merchant's number (`WXPAY_MCHID`).
    #[arg(long, value_name = "NUMBER")]
    mchid: Option<String>,
    /// The number of the merchant's certificate (`WXPAY_SERIAL_NO`).
    #[arg(long, value_name = "HEX")]
    serial: Option<String>,
    /// The merchant's private key (`WXPAY_PRIVATE_KEY_FILE`).
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// The merchant's certificate (`WXPAY_CERTIFICATE_FILE`).
    #[arg(long, value_name = "FILE")]
    cert_file: Option<String>,
    /// A platform certificate (`WXPAY_PLATFORM_CERTIFICATE_FILE`).
    #[arg(long, value_name = "FILE")]
    platform_cert_file: Option<String>,
    /// The number of the platform certificate (`WXPAY_PLATFORM_SERIAL_NO`).
    #[arg(long, value_name = "HEX")]
    platform_serial: Option<String>,
    /// WeChat Pay's public key (`WXPAY_PUBLIC_KEY_FILE`).
    #[arg(long, value_name = "FILE")]
    public_key_file: Option<String>,
    /// The id of WeChat Pay's public key (`WXPAY_PUBLIC_KEY_ID`).
    #[arg(long, value_name = "PUB_KEY_ID_…")]
    public_key_id: Option<String>,
    /// Prints one line of JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Keys {
    /// What the options give, by the names of the environment.
    pub(crate) fn given(&self) -> Vec<(&'static str, String)> {
        let options = [
            ("WXPAY_MCHID", &self.mchid),
            ("WXPAY_SERIAL_NO", &self.serial),
            ("WXPAY_PRIVATE_KEY_FILE", &self.key_file),
            ("WXPAY_CERTIFICATE_FILE", &self.cert_file),
            ("WXPAY_PLATFORM_CERTIFICATE_FILE", &self.platform_cert_file),
            ("WXPAY_PLATFORM_SERIAL_NO", &self.platform_serial),
            ("WXPAY_PUBLIC_KEY_FILE", &self.public_key_file),
            ("WXPAY_PUBLIC_KEY_ID", &self.public_key_id),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}
