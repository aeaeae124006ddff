//! The arguments of the server and of the commands that work on its ledger.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Args, Debug, Default)]
pub(crate) struct Sources {
    /// The settings file (TOML).
    #[arg(long, value_name = "FILE", env = "WXPAY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The ledger: a file, or the URL of a PostgreSQL database [setting: database].
    #[arg(long, value_name = "DATABASE")]
    pub(crate) database: Option<String>,
    /// Sets any other setting, by its name in the settings file; may be repeated. Put keys into files, not here: other
    /// users of the machine can read the command line.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Starts a simulated gateway with throw-away keys, for trying things out. The ledger is the file of `--database`,
    /// or a temporary one. The environment's settings are ignored.
    #[arg(long)]
    pub(crate) dev: bool,
    /// Prints one line of JSON when the server is ready, and nothing else, to standard output. With `--dev` it has the
    /// URL of the simulator and an API key.
    #[arg(long)]
    pub(crate) json: bool,
    /// The address and port to listen on [setting: listen].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// The URL under which WeChat Pay reaches this server [setting: `public_base_url`].
    #[arg(long, value_name = "URL")]
    pub(crate) public_base_url: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckConfig {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Prints an annotated settings file with every setting, and checks nothing.
    #[arg(long, conflicts_with = "json")]
    pub(crate) sample: bool,
    /// Prints one line of JSON instead of text, for an error too.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of a command that works on the ledger, beside a running server or without one.
#[derive(Args, Debug)]
pub(crate) struct Ledger {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Prints one line of JSON instead of text, for an error too.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of a command that lists.
#[derive(Args, Debug)]
pub(crate) struct Listing {
    /// The maximum number of rows.
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) ledger: Ledger,
}

/// The arguments of a command on one object.
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The id, or the name of the merchant.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) ledger: Ledger,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKey {
    /// Creates an API key and prints its token, once.
    ///
    /// Standard output is the token alone: `KEY=$(wxpay api-key create shop)`.
    Create {
        /// A name, by which people know the key.
        name: String,
        /// The operations that it allows.
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            value_delimiter = ',',
            value_enum,
            default_values_t = [Scope::OrdersRead, Scope::OrdersWrite, Scope::RefundsWrite, Scope::EventsRead]
        )]
        scopes: Vec<Scope>,
        /// The merchant that it is for; may be repeated. Default: all, also those added later.
        #[arg(long = "merchant", value_name = "NAME")]
        merchants: Vec<String>,
        /// The time from which it is invalid, by RFC 3339. Default: never.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Lists the API keys, without their tokens.
    List(Listing),
    /// Revokes an API key.
    Revoke(One),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    #[value(name = "orders:read")]
    OrdersRead,
    #[value(name = "orders:write")]
    OrdersWrite,
    #[value(name = "refunds:write")]
    RefundsWrite,
    #[value(name = "events:read")]
    EventsRead,
    #[value(name = "config:write")]
    ConfigWrite,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Merchant {
    /// Adds a merchant. Its keys are stored sealed by the setting `sealing_key`.
    Add {
        /// The name, as orders use it.
        name: String,
        #[command(flatten)]
        settings: MerchantSettings,
        #[command(flatten)]
        keys: MerchantKeys,
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Lists the merchants, without their keys.
    List(Listing),
    /// Shows a merchant, without its keys.
    Show(One),
    /// Changes the settings and the keys of a merchant that are given; the others stay. Options that may be repeated
    /// replace the whole list.
    Update {
        /// The name.
        name: String,
        /// Replaces all settings: those that are not given become empty. Keys stay.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        settings: MerchantSettings,
        #[command(flatten)]
        keys: MerchantKeys,
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Removes a merchant that has no orders.
    Remove(One),
    /// Replaces the keys that are given; the others stay.
    Keys {
        /// The name of the merchant.
        name: String,
        #[command(flatten)]
        keys: MerchantKeys,
        #[command(flatten)]
        ledger: Ledger,
    },
}

/// The public part of a merchant.
#[derive(Args, Debug)]
pub(crate) struct MerchantSettings {
    /// The merchant's number in APIv3.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) mchid: Option<String>,
    /// The serial number of the API certificate; required without `--certificate-file`.
    #[arg(long, value_name = "HEX")]
    pub(crate) serial_no: Option<String>,
    /// The API certificate, `apiclient_cert.pem`.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_file: Option<PathBuf>,
    /// The id of the WeChat Pay public key.
    #[arg(long, value_name = "PUB_KEY_ID_…")]
    pub(crate) public_key_id: Option<String>,
    /// The WeChat Pay public key, `pub_key.pem`.
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key_file: Option<PathBuf>,
    /// Fetches and trusts platform certificates.
    #[arg(long)]
    pub(crate) platform_certificates: bool,
    /// A platform certificate to trust; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) platform_certificate_file: Vec<PathBuf>,
    /// The merchant is a partner (service provider).
    #[arg(long)]
    pub(crate) partner: bool,
    /// A sub-merchant of a partner, with its own app if it has one; may be repeated.
    #[arg(long = "sub-merchant", value_name = "SUB_MCHID[:SUB_APPID]")]
    pub(crate) sub_merchants: Vec<String>,
    /// An app of APIv3, with its name and its channels if it has them; may be repeated.
    #[arg(long = "app", value_name = "APPID[:NAME[:CHANNEL,CHANNEL]]")]
    pub(crate) apps: Vec<String>,
    /// The app of APIv1.
    #[arg(long, value_name = "APPID", requires = "v1_partner")]
    pub(crate) v1_appid: Option<String>,
    /// The merchant's number in APIv1.
    #[arg(long, value_name = "NUMBER", requires = "v1_appid")]
    pub(crate) v1_partner: Option<String>,
    /// The charset of orders of APIv1: UTF-8 or GBK.
    #[arg(long, value_name = "NAME", requires = "v1_appid")]
    pub(crate) v1_charset: Option<String>,
}

/// The keys of a merchant, each in a file.
#[derive(Args, Debug)]
#[allow(clippy::struct_field_names, reason = "the names of the options")]
pub(crate) struct MerchantKeys {
    /// The private key of the API certificate, `apiclient_key.pem`.
    #[arg(long, value_name = "FILE")]
    pub(crate) private_key_file: Option<PathBuf>,
    /// The file of the APIv3 key.
    #[arg(long, value_name = "FILE")]
    pub(crate) api_v3_key_file: Option<PathBuf>,
    /// The file of the APIv3 key before the last change.
    #[arg(long, value_name = "FILE")]
    pub(crate) previous_api_v3_key_file: Option<PathBuf>,
    /// The file of the appsecret of APIv1.
    #[arg(long, value_name = "FILE")]
    pub(crate) app_secret_file: Option<PathBuf>,
    /// The file of the paySignKey of APIv1.
    #[arg(long, value_name = "FILE")]
    pub(crate) pay_sign_key_file: Option<PathBuf>,
    /// The file of the partnerKey of APIv1.
    #[arg(long, value_name = "FILE")]
    pub(crate) partner_key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Adds an endpoint of the shop and prints its signing secret, once.
    ///
    /// Standard output is the secret alone; its id is shown on standard error.
    Add {
        /// The URL: https, and not in a private network unless the setting `webhook_allow` has it.
        url: String,
        /// Only events of this merchant.
        #[arg(long, value_name = "NAME")]
        merchant: Option<String>,
        /// Only events of this type, such as `order.paid`; may be repeated.
        #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
        types: Vec<String>,
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Lists the endpoints.
    List {
        /// Only endpoints of this merchant.
        #[arg(long, value_name = "NAME")]
        merchant: Option<String>,
        #[command(flatten)]
        list: Listing,
    },
    /// Shows an endpoint.
    Show(One),
    /// Changes an endpoint. Enabling it sends what is deferred.
    Update {
        /// The id of the endpoint.
        id: String,
        /// The URL.
        #[arg(long)]
        url: Option<String>,
        /// Only events of this type; may be repeated.
        #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', conflicts_with = "all_types")]
        types: Vec<String>,
        /// Events of all types.
        #[arg(long)]
        all_types: bool,
        /// Enables it.
        #[arg(long, conflicts_with = "disable")]
        enable: bool,
        /// Disables it.
        #[arg(long)]
        disable: bool,
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Removes an endpoint, with what is deferred for it.
    Remove(One),
    /// Makes a new signing secret and prints it, once. The previous one signs too for a while.
    Rotate(One),
    /// Sends a test event now; the exit status is 1 if the endpoint does not accept it.
    Test(One),
    /// Delivers events again: one, or those of a time.
    Replay {
        /// The id of the endpoint.
        id: String,
        /// The event.
        #[arg(long, value_name = "ID", conflicts_with_all = ["from", "until"], required_unless_present = "from")]
        event: Option<String>,
        /// Events at this time or later, by RFC 3339.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Events before this time. Default: now.
        #[arg(long, value_name = "TIME", requires = "from")]
        until: Option<String>,
        #[command(flatten)]
        ledger: Ledger,
    },
    /// Lists the deliveries to an endpoint, newest first.
    Attempts {
        /// The id of the endpoint.
        id: String,
        #[command(flatten)]
        list: Listing,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Backup {
    /// The file to write. It must not exist.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) ledger: Ledger,
}

#[derive(Args, Debug)]
pub(crate) struct Migrate {
    /// Shows the versions, and changes nothing; the exit status is 1 if the schema is not up to date.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) ledger: Ledger,
}

#[derive(Args, Debug)]
pub(crate) struct CopyLedger {
    /// The ledger file: `sqlite:PATH`, or the path alone.
    pub(crate) from: String,
    /// The database: `postgres://USER@HOST/NAME`. Put the password into the setting `database_password_file`: other users
    /// of the machine can read the command line.
    pub(crate) to: String,
    /// The settings file (TOML).
    #[arg(long, value_name = "FILE", env = "WXPAY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Sets any other setting, by its name in the settings file; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Prints one line of JSON instead of text, for an error too.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) ledger: Ledger,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Lists the actions that were carried out by API and by command, newest first.
    Log {
        /// Only actions on this subject, such as the name of a merchant.
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
        #[command(flatten)]
        list: Listing,
    },
}

impl ApiKey {
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Create { ledger, .. } => ledger.json,
            Self::List(list) => list.ledger.json,
            Self::Revoke(one) => one.ledger.json,
        }
    }
}

impl Merchant {
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Add { ledger, .. } | Self::Update { ledger, .. } | Self::Keys { ledger, .. } => ledger.json,
            Self::List(list) => list.ledger.json,
            Self::Show(one) | Self::Remove(one) => one.ledger.json,
        }
    }
}

impl Webhook {
    pub(crate) fn prints_json(&self) -> bool {
        match self {
            Self::Add { ledger, .. } | Self::Update { ledger, .. } | Self::Replay { ledger, .. } => {
                ledger.json
            }
            Self::List { list, .. } | Self::Attempts { list, .. } => list.ledger.json,
            Self::Show(one) | Self::Remove(one) | Self::Rotate(one) | Self::Test(one) => one.ledger.json,
        }
    }
}

impl Audit {
    pub(crate) fn prints_json(&self) -> bool {
        match &self.command {
            Some(AuditCommand::Log { list, .. }) => list.ledger.json,
            None => self.ledger.json,
        }
    }
}
