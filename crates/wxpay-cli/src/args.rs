//! The command-line arguments. Their doc comments are the help texts.

mod certify;
mod ops;
mod serve;

pub(crate) use certify::Certify;
pub(crate) use ops::{Described, Ops, OpsExample, OpsSearch};
pub(crate) use serve::{
    ApiKey, Audit, AuditCommand, Backup, CheckConfig, CopyLedger, Ledger, Merchant, MerchantKeys,
    MerchantSettings, Migrate, One, Scope, Serve, Sources, Webhook,
};

use crate::failure::EXIT_STATUSES;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// WeChat Pay for merchants: a payment server, a simulated gateway, and tools for signatures and keys.
///
/// Start with `wxpay demo`: it runs one payment through all its steps on this machine, against a simulated
/// gateway, and shows every message.
#[derive(Debug, Parser)]
#[command(name = "wxpay", version, max_term_width = 100, after_help = EXIT_STATUSES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one value, which is parsed once")]
pub(crate) enum Command {
    /// Runs one payment through all its steps on this machine and shows every message.
    ///
    /// A simulated gateway, a payment server and a shop are started on free loopback ports, with throw-away keys and a
    /// temporary ledger. Each message is printed with the string that was signed; secrets are masked. The exit status
    /// is 0 if every step has the expected result, and 1 if any step fails.
    Demo(Demo),
    /// Runs the payment server.
    ///
    /// Reads settings from a file (TOML), from the environment (`WXPAY_…`) and from the options below; a later
    /// source overrides an earlier one. `wxpay check-config --sample` prints all settings. `--dev` requires none: it
    /// starts a simulated gateway with throw-away keys.
    ///
    /// `WXPAY_LOG` sets the log filter, such as `wxpay_hyper=debug` or `off`; the default is `info`. Logs go to standard
    /// error. SIGHUP reads the settings again; SIGTERM and SIGINT end the server.
    Serve(Serve),
    /// Checks the settings of the payment server, and shows what it would serve.
    ///
    /// Reports all errors at once with exit status 2. Unknown variables `WXPAY_…` of the environment are warned about.
    CheckConfig(CheckConfig),
    /// Creates, lists and revokes keys for the payment server's API. Works beside a running server.
    #[command(subcommand)]
    ApiKey(ApiKey),
    /// Manages the payment server's merchants. Works beside a running server.
    #[command(subcommand)]
    Merchant(Merchant),
    /// Manages the endpoints of the shop that receive events. Works beside a running server.
    #[command(subcommand)]
    Webhook(Webhook),
    /// Writes a copy of the ledger, while the server runs or not. To restore, start the server with the copy.
    Backup(Backup),
    /// Seals every stored secret anew after a change of the sealing key.
    ///
    /// Needs the settings `sealing_key` and `previous_sealing_key`. Afterwards remove the previous one. Works beside a
    /// running server.
    Reseal(Ledger),
    /// Brings the schema of the ledger up to date, as the server does when it starts.
    ///
    /// Schemas only go forward. Several processes may do it at once: one does, and the others wait.
    Migrate(Migrate),
    /// Copies the ledger from a file to an empty PostgreSQL database.
    ///
    /// Stop the server first. Afterwards every row is read again and compared, and every order of both is audited. Then
    /// set `database` and start the server; keep the file until you are satisfied. If the copy is interrupted, empty the
    /// database and begin again.
    CopyLedger(CopyLedger),
    /// Recomputes every order from its evidence and compares; the exit status is 1 if something differs.
    Audit(Audit),
    /// Runs a simulated gateway, for programs in any language.
    ///
    /// Prints one line of JSON with its URL when it is ready, then its throw-away credentials as `export NAME=value`
    /// lines. With `--env-file` it writes the credentials to that file instead. The payer, the clock, merchants and
    /// injected faults are controlled under `/_sim/v1`; the OpenAPI document is at `/_sim/v1/openapi.json`. For tests
    /// only: on loopback, every program of this machine can read the keys and pay orders.
    ///
    /// Standard error shows one line for each request and each notification, with the reason of every failure.
    Sim(Sim),
    /// Grades a shop that takes WeChat Pay, from outside.
    ///
    /// Starts a simulated gateway and the shop (`--start`), or waits for a shop that runs with the environment of
    /// `--env-file`. Then it orders, pays, forges and repeats notifications, and loses replies. Each check prints what WeChat
    /// Pay demands; a failure also what was sent, what came back, and the remedy.
    ///
    /// The exit status is 0 if every check passed, 1 if one failed, 2 if the shop could not be graded, and 6 if none failed
    /// but the shop does not offer what a check needs.
    #[command(after_help = EXIT_STATUSES)]
    Certify(Certify),
    /// Signs parameters and shows the string that was signed, with keys masked.
    ///
    /// Reads the parameters as one JSON object of strings and whole numbers from standard input. The help of `--scheme`
    /// lists the parameters. With `mchid` and `serial_no`, a v3-request is also shown with its Authorization header.
    Sign(Sign),
    /// Verifies signed parameters; the exit status is 1 if the signature is invalid.
    ///
    /// Reads the parameters with their signature as one JSON object from standard input. The name of the signature
    /// depends on the scheme. v3-request: `signature`, or the whole `authorization` header. v3-reply:
    /// `Wechatpay-Signature`. v3-jsapi: `paySign`. v3-app and v1-package: `sign`. v1-sha1: `app_signature`,
    /// `AppSignature` or `sign`. Timestamps are not checked: an old message stays valid.
    Verify(Sign),
    /// Names the cause of a wrong APIv3 signature, and the remedy.
    ///
    /// Reads one message from FILE or from standard input: a raw HTTP request or response, a `curl` command, or JSON:
    /// `{"kind":"request","method":"POST","url":"/v3/…","headers":{"Authorization":"…"},"body":"…"}`. The kind is `request`,
    /// `reply`, `notification` or `client_params` (in `body` the JSON with which a page, a mini program
    /// or an app starts the payment); a body that is not UTF-8 is given as `body_base64`. A body with the
    /// `Content-Encoding` gzip or deflate is decoded.
    ///
    /// The public key reveals the digest that was really signed. It is compared with the strings that broken programs
    /// sign; a match proves the cause, and both strings are shown with the first difference marked. Of a valid signature,
    /// the key that matched and the string that was verified are shown.
    ///
    /// Beside the options, the environment and the file of `--env-file` are read: `WXPAY_PRIVATE_KEY_FILE`,
    /// `WXPAY_CERTIFICATE_FILE`, `WXPAY_SERIAL_NO`, `WXPAY_PLATFORM_CERTIFICATE_FILE`, `WXPAY_PLATFORM_PUBLIC_KEY_FILE`,
    /// `WXPAY_PLATFORM_SERIAL_NO`, `WXPAY_PUBLIC_KEY_FILE`, `WXPAY_PUBLIC_KEY_ID`, `WXPAY_MCHID`, `WXPAY_APPID`,
    /// `WXPAY_API_V3_KEY`, `WXPAY_BASE_URL` (its host may have been signed by mistake). The exit status is 0 if the
    /// signature is accepted, 1 if it is not, and 2 if the input or a key cannot be read.
    Explain(Explain),
    /// Encrypts standard input as APIv3 does.
    Encrypt(Encrypt),
    /// Decrypts standard input as APIv3 does; the exit status is 1 if the key is wrong or the ciphertext was changed.
    Decrypt(Decrypt),
    /// Calls any APIv3 operation and prints the verified reply.
    ///
    /// Reads the merchant's configuration from the environment and from the file of `--env-file`: `WXPAY_MCHID`,
    /// `WXPAY_SERIAL_NO`, `WXPAY_PRIVATE_KEY_FILE` and `WXPAY_API_V3_KEY` are required. Replies are verified with the
    /// WeChat Pay public key (`WXPAY_PUBLIC_KEY_ID`, `WXPAY_PUBLIC_KEY_FILE`) or the platform certificate
    /// (`WXPAY_PLATFORM_CERTIFICATE_FILE`); if neither is set, the platform certificates are downloaded.
    /// `WXPAY_BASE_URL` replaces the gateway's base URL, and `WXPAY_TLS_CA_FILE` adds a CA certificate to trust. Names
    /// that end in `_FILE` are paths.
    ///
    /// Retries as the protocol allows, with the same bytes. If the call fails, standard error shows the fate of the
    /// request and WeChat Pay's reply, and the exit status tells the fate. A failed read (GET) changed nothing: its
    /// exit status is 4 if WeChat Pay refused it, and 1 otherwise.
    #[command(after_help = EXIT_STATUSES)]
    Call(Call),
    /// Searches and shows the operations of a description, such as that of the community's `wechatpay-openapi`.
    #[command(subcommand)]
    Ops(Ops),
    /// Checks keys and certificates, and what the payment server depends on.
    ///
    /// Checks serial numbers, validity dates, that the private key belongs to the certificate, and that the certificate
    /// belongs to the merchant. Reads the options, the file of `--env-file` and the environment: `WXPAY_MCHID`,
    /// `WXPAY_SERIAL_NO`, `WXPAY_PRIVATE_KEY_FILE`, `WXPAY_CERTIFICATE_FILE`, `WXPAY_API_V3_KEY`,
    /// `WXPAY_PLATFORM_SERIAL_NO`, `WXPAY_PLATFORM_CERTIFICATE_FILE`, `WXPAY_PLATFORM_PUBLIC_KEY_FILE`,
    /// `WXPAY_PUBLIC_KEY_ID`, `WXPAY_PUBLIC_KEY_FILE`, `WXPAY_NOTIFY_URL`.
    ///
    /// With `--config`, `--database` or `--set` it checks each merchant of the payment server's settings instead, the
    /// notify URL, the ledger and its disk, and sends one signed request for each merchant that changes nothing: whether
    /// WeChat Pay can be reached, accepts the signature, and has the same time. The exit status is 1 if a check fails.
    Doctor(Doctor),
    /// Prints the completion script of a shell, to be saved where that shell looks for it.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Returns whether errors are printed as JSON.
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Sign(args) | Self::Verify(args) => args.json,
            Self::Explain(args) => args.json,
            Self::Certify(args) => args.json,
            Self::Call(args) => args.json,
            Self::Ops(command) => command.prints_json(),
            Self::Doctor(args) => args.json,
            Self::Serve(args) => args.json,
            Self::CheckConfig(args) => args.json,
            Self::ApiKey(command) => command.prints_json(),
            Self::Merchant(command) => command.prints_json(),
            Self::Webhook(command) => command.prints_json(),
            Self::Backup(args) => args.ledger.json,
            Self::Reseal(args) => args.json,
            Self::Migrate(args) => args.ledger.json,
            Self::CopyLedger(args) => args.json,
            Self::Audit(args) => args.prints_json(),
            Self::Demo(_) | Self::Sim(_) | Self::Encrypt(_) | Self::Decrypt(_) | Self::Completions { .. } => {
                false
            }
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The API version of the payment.
    #[arg(long, value_enum, default_value_t = DemoApi::V3)]
    pub(crate) api: DemoApi,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DemoApi {
    /// APIv3: a native payment with its notification, a query, a refund, and webhooks to a shop.
    V3,
    /// APIv1 (the 2013–2014 app payment, closed to new merchants), in its eight steps.
    V1,
}

/// Parses the address of a listener. A port alone, and the name `localhost`, mean loopback.
fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    let on_loopback = || Some(SocketAddr::from(([127, 0, 0, 1], port.parse::<u16>().ok()?)));
    let address = text.parse().ok().or_else(on_loopback);
    address.ok_or("must be an IP address and a port from 0 to 65535, such as 127.0.0.1:8080, or a port alone")
}

#[derive(Args, Debug)]
pub(crate) struct Sim {
    /// The address and port to listen on; port 0 picks a free one. An address outside of loopback requires a token for
    /// `/_sim`.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", value_parser = listen_address)]
    pub(crate) listen: SocketAddr,
    /// The file of the token that `/_sim` requires as `Authorization: Bearer TOKEN`: 16 to 256 visible ASCII
    /// characters. Without it, a random token is made and shown if the address is outside of loopback.
    #[arg(long, value_name = "FILE")]
    pub(crate) control_token_file: Option<PathBuf>,
    /// A host name under which `/_sim` is reached, such as that of a container; may be repeated. `localhost` and
    /// addresses are always allowed.
    #[arg(long, value_name = "NAME")]
    pub(crate) control_host: Vec<String>,
    /// Serves TLS with a certificate of its own CA, which is exported as `WXPAY_TLS_CA_FILE`.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Writes the URL and the credentials to this file instead, readable by its owner only.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Writes keys and certificates to this folder, and uses the keys and the credentials of the previous start that it
    /// holds. The default is the path of `--env-file` with `.d` appended, or a temporary folder without `--env-file`.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys_dir: Option<PathBuf>,
    /// Makes new keys and credentials, and replaces those of the previous start.
    #[arg(long, conflicts_with = "seed")]
    pub(crate) new_keys: bool,
    /// The seed of everything generated: the same seed gives the same credentials. With a seed, the RSA keys are
    /// published ones, which anyone can read; saved keys are neither used nor changed. Without a seed, everything is
    /// random at the first start, RSA keys included.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// The format of the lines on standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log: LogFormat,
    /// A file of CA certificates (PEM) to trust when notifications are sent to `https` URLs; may be repeated. It may also
    /// hold a self-signed certificate that the merchant's server uses itself. Public CAs and the simulator's own are always
    /// trusted.
    #[arg(long, value_name = "FILE")]
    pub(crate) notify_ca: Vec<PathBuf>,
    /// Verifies no certificate when notifications are sent to `https` URLs.
    #[arg(long)]
    pub(crate) insecure_notify: bool,
    #[command(flatten)]
    pub(crate) described: Described,
    /// The keys that WeChat Pay signs with in APIv3.
    #[arg(long, value_enum, default_value_t = PlatformKeys::Either)]
    pub(crate) platform_keys: PlatformKeys,
    /// The year whose APIv1 rules apply.
    #[arg(long, value_enum, default_value_t = Era::Y2014)]
    pub(crate) v1_era: Era,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines to read.
    Text,
    /// One JSON object a line.
    Json,
    /// No lines; warnings are still shown.
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PlatformKeys {
    /// The key that the request names: the public key, or else the certificate. A notification is signed with the key
    /// that the request of its order named.
    Either,
    /// Platform certificates only.
    Certificates,
    /// The public key only; there are no platform certificates.
    PublicKey,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Era {
    /// A new access token invalidates the old one at once; 200 tokens a day.
    #[value(name = "2014")]
    Y2014,
    /// The old and the new access token overlap by five minutes; 2000 tokens a day.
    #[value(name = "2016")]
    Y2016,
}

#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The signature scheme.
    #[arg(long, value_enum)]
    pub(crate) scheme: Scheme,
    /// The file of the key. APIv3 schemes require PEM: a private key to sign; a certificate, a public key or the
    /// private key itself to verify. v1-package requires the partnerKey and nothing else, v1-sha1 the paySignKey.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// The file of the body, byte for byte, for v3-request and v3-reply; replaces the parameter `body`.
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
    /// Prints one line of JSON instead of text, for an error too. `verify` accepts what `sign --json` prints.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Scheme {
    /// APIv3: a request. Parameters: `method`, `path` (with its query, as sent), `timestamp`, `nonce`, `body`.
    V3Request,
    /// APIv3: a reply or a notification. Parameters: `Wechatpay-Timestamp`, `Wechatpay-Nonce`, `body`. WeChat Pay signs
    /// them: verify with the platform certificate or the WeChat Pay public key.
    V3Reply,
    /// APIv3: the payment parameters for JSAPI and mini programs: `appId`, `timeStamp`, `nonceStr`, `package`.
    V3Jsapi,
    /// APIv3: the payment parameters for apps: `appid`, `timestamp`, `noncestr`, `prepayid`.
    V3App,
    /// APIv1 (legacy: the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2): the
    /// `package` and the query of a notification. MD5 over the raw values in the charset of `input_charset` (GBK if
    /// absent), without empty values, with the partnerKey at the end.
    V1Package,
    /// APIv1 (legacy): calls, app payment parameters and notification bodies. SHA-1 over lower-case names and values as
    /// sent, with the paySignKey among them as `appkey`.
    V1Sha1,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The file with the message; `-` or none is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A file with a private key; may be repeated. Only its public half is used.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// A file with a certificate, of the merchant or of WeChat Pay; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Vec<PathBuf>,
    /// A file with a public key, such as the WeChat Pay public key; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Vec<PathBuf>,
    /// A file of variables, as `wxpay sim --env-file` writes it; they override those of the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// The time at which the message was received, in seconds since 1970, for a recorded one; the default is now.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) at: Option<u64>,
    /// The language of the explanation, as text and in the messages of `--json`. Errors are in English.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) language: ExplainLanguage,
    /// Prints one line of JSON instead of text, for an error too: `{"valid":…,"causes":[{"id":…,"certainty":…,"message":…}]}`.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ExplainLanguage {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

#[derive(Args, Debug)]
pub(crate) struct Encrypt {
    /// The kind of ciphertext to make.
    #[arg(long, value_enum)]
    pub(crate) scheme: Sealing,
    /// The file of the key: for v3-resource the APIv3 key and nothing else; for v3-field the platform certificate or
    /// the WeChat Pay public key in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// The associated data of a v3-resource, authenticated but not encrypted: `transaction`, `certificate`, …
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) associated_data: String,
    /// The `original_type` of a v3-resource.
    #[arg(long, value_name = "TEXT")]
    pub(crate) original_type: Option<String>,
    /// The nonce of a v3-resource, 12 bytes; random by default. Never use a nonce twice with a key that matters.
    #[arg(long, value_name = "TEXT")]
    pub(crate) nonce: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Decrypt {
    /// The kind of ciphertext.
    #[arg(long, value_enum)]
    pub(crate) scheme: Sealing,
    /// The file of the key: for v3-resource the APIv3 key and nothing else; for v3-field the merchant's private key in
    /// PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Sealing {
    /// AES-256-GCM with the APIv3 key: the `resource` of a notification, or a certificate of the list. `decrypt`
    /// accepts the object itself, the whole notification, or the whole list.
    V3Resource,
    /// RSA-OAEP: one sensitive field, as Base64. `encrypt` ignores a line break at the end of its input.
    V3Field,
}

#[derive(Args, Debug)]
pub(crate) struct Call {
    /// GET, POST, PUT, PATCH or DELETE.
    pub(crate) method: String,
    /// Path and query, percent-encoded as they are sent, such as `/v3/certificates`.
    pub(crate) path: String,
    /// The body: JSON, sent byte for byte; `-` reads it from standard input.
    #[arg(value_name = "JSON")]
    pub(crate) body: Option<String>,
    /// A file of `NAME=value` lines, as `wxpay sim --env-file` writes it; overrides the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Never retries a request whose fate is unknown. Use it for operations without an idempotency number.
    #[arg(long)]
    pub(crate) once: bool,
    /// A description of operations, Swagger 2.0 or OpenAPI 3 in JSON: the request is checked against it, and unknown,
    /// missing, mistyped and unencrypted fields are warned about.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// Sends nothing if the check by `--catalogue` has a complaint.
    #[arg(long, requires = "catalogue")]
    pub(crate) strict: bool,
    /// Prints an error as one line of JSON: `kind` (`failed`, `usage`, `not_sent`, `refused`, `unknown`), `exit_status`,
    /// `error`, and the details that the text shows. The reply is always printed as received.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Sends no request to WeChat Pay.
    #[arg(long)]
    pub(crate) offline: bool,
    /// A file of `NAME=value` lines, as `wxpay sim --env-file` writes it; overrides the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// The merchant number, mchid (`WXPAY_MCHID`).
    #[arg(long, value_name = "NUMBER")]
    mchid: Option<String>,
    /// The serial number of the merchant's certificate (`WXPAY_SERIAL_NO`).
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
    /// The serial number of the platform certificate (`WXPAY_PLATFORM_SERIAL_NO`).
    #[arg(long, value_name = "HEX")]
    platform_serial: Option<String>,
    /// The WeChat Pay public key (`WXPAY_PUBLIC_KEY_FILE`).
    #[arg(long, value_name = "FILE")]
    public_key_file: Option<String>,
    /// The id of the WeChat Pay public key (`WXPAY_PUBLIC_KEY_ID`).
    #[arg(long, value_name = "PUB_KEY_ID_…")]
    public_key_id: Option<String>,
    /// Prints one line of JSON instead of text, for an error too.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Doctor {
    /// Returns the options that were given, under the names of the environment.
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
