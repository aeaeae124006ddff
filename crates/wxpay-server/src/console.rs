//! The interface, carried out in this process, for the operator's commands.

mod audit;
mod schema;

pub use audit::Violation;
pub use schema::{CopiedLedger, SchemaVersions};

use crate::{
    api::{execute::Caller, parse, problem::Problem, service::Api},
    ledger::{
        Prefix,
        merchants::SaveMerchant,
        rows::{merchant::MerchantRow, webhook::EndpointRow},
        webhook::SaveEndpoint,
    },
    merchants::seal::{self, Place},
    observe::health::Health,
    server::{Built, ENDPOINTS, StartError},
    settings::{Database, Settings},
};
use hyper::{Request, header};
use serde_json::Value;
use std::{net::SocketAddr, path::Path};

/// The interface of a server, carried out in this process on its ledger: beside a running server, or without one.
///
/// Every request is validated and audited as over HTTP, with the actor `cli`, who may do everything.
///
/// ```no_run
/// use wxpay_server::{Console, Sources};
///
/// # async fn list() -> Result<(), Box<dyn std::error::Error>> {
/// let file = std::fs::read_to_string("wxpay.toml")?;
/// let console = Console::open(Sources::default().file(&file).check()?).await?;
/// let reply = console.request("GET", "/api/orders?status=anomalous", None).await;
/// println!("{} {}", reply.status, reply.body);
/// console.close().await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Console {
    api: Api,
    database: Database,
}

/// The reply to a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; a problem (RFC 9457) if the status is 400 or more.
    pub body: Value,
}

impl Console {
    /// Opens the ledger. Nothing runs in the background.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be opened.
    pub async fn open(settings: Settings) -> Result<Self, StartError> {
        let database = settings.values.database.clone();
        let rate = settings.rate();
        let built = Built::open(settings, SocketAddr::from(([127, 0, 0, 1], 0)), false).await?;
        let api = Api::new(built.app, built.endpoints, Health::new(Vec::new()), rate, false);
        Ok(Self { api, database })
    }

    /// Opens the ledger, like [`open`](Self::open), but creates no file: of a new ledger, a list, an audit and a backup
    /// would say that all is well.
    ///
    /// # Errors
    ///
    /// If the file does not exist, or the ledger cannot be opened.
    pub async fn open_existing(settings: Settings) -> Result<Self, StartError> {
        if let Database::Sqlite(path) = &settings.values.database
            && !path.exists()
        {
            let path = path.display();
            return Err(StartError::setting(format!(
                "the ledger {path} does not exist: check the setting database; the server creates it when it starts"
            )));
        }
        Self::open(settings).await
    }

    /// Carries a request out: method, path with query, and the body.
    pub async fn request(&self, method: &str, path_and_query: &str, body: Option<&Value>) -> Reply {
        match self.carry_out(method, path_and_query, body).await {
            Ok(reply) => reply,
            Err(problem) => Reply {
                status: problem.status().as_u16(),
                body: serde_json::from_slice(&problem.to_json()).unwrap_or_default(),
            },
        }
    }

    async fn carry_out(
        &self,
        method: &str,
        path_and_query: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Problem> {
        let request = Request::builder()
            .method(method)
            .uri(path_and_query)
            .header(header::CONTENT_TYPE, "application/json")
            .body(())
            .map_err(|_| Problem::unknown_path())?;
        let (parts, ()) = request.into_parts();
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let (operation, info) = parse::parse(&parts, &body)?;
        let answer = self.api.execute(&Caller::operator(), operation).await?;
        Ok(Reply { status: answer.status.unwrap_or(info.status), body: answer.body.unwrap_or_default() })
    }

    /// Copies the ledger to a new file, online: a consistent state while the server goes on. Returns its bytes.
    ///
    /// # Errors
    ///
    /// If the file exists, or cannot be written; or if the ledger is in PostgreSQL, which has programs of its own for
    /// this.
    pub async fn backup(&self, to: &Path) -> Result<u64, StartError> {
        let Database::Sqlite(source) = self.database.clone() else {
            let remedy =
                "a ledger in PostgreSQL is not copied to a file: use pg_dump, or continuous archiving";
            return Err(StartError::setting(remedy));
        };
        let target = to.to_owned();
        let copied = tokio::task::spawn_blocking(move || {
            crate::engine::backup(&source, &target)?;
            Ok::<_, crate::engine::LedgerError>(std::fs::metadata(&target)?.len())
        });
        match copied.await {
            Ok(copied) => copied.map_err(|cause| StartError::backup(to, cause)),
            Err(_) => Err(StartError::setting("the backup was interrupted")),
        }
    }

    /// Seals every stored secret anew with the current sealing key. Returns the number of rows that another key had
    /// sealed. Afterwards `previous_sealing_key` can be removed from the settings.
    ///
    /// # Errors
    ///
    /// If a secret was sealed by a key that is not configured, or the ledger fails. Rows sealed before stay sealed.
    pub async fn reseal(&self) -> Result<u64, StartError> {
        let (app, endpoints) = (self.api.app(), self.api.endpoints());
        let (sealing, actor) = (&app.vault().sealing, Caller::operator().actor);
        let mut resealed = 0_u64;
        for row in app.ledger().load(Prefix::<MerchantRow>::all()).await? {
            let (seen, nonce) = (Some(row.version), seal::nonce(app.ambient().entropy()));
            if let Some(row) = row.reseal(sealing, nonce).map_err(StartError::sealing)? {
                app.run(SaveMerchant { row, seen, actor: actor.clone() }).await?;
                resealed = resealed.saturating_add(1);
            }
        }
        for row in endpoints.ledger.load(Prefix::<EndpointRow>::all()).await? {
            let (seen, nonce) = (Some(row.version), seal::nonce(app.ambient().entropy()));
            let place = Place { table: ENDPOINTS, row: &row.endpoint };
            let sealed = sealing.reseal(place, &row.sealed_secrets, nonce).map_err(StartError::sealing)?;
            if let Some(sealed_secrets) = sealed {
                let row = EndpointRow { sealed_secrets, ..row };
                app.run(SaveEndpoint { row, seen, actor: actor.clone() }).await?;
                resealed = resealed.saturating_add(1);
            }
        }
        Ok(resealed)
    }

    /// Opens every stored secret, and changes nothing. Returns the number of secrets, and a sentence about each one that
    /// cannot be used: another sealing key, for example.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub async fn check_secrets(&self) -> Result<(usize, Vec<String>), StartError> {
        let (app, endpoints) = (self.api.app(), self.api.endpoints());
        let vault = app.vault();
        let (mut count, mut faults) = (0_usize, Vec::new());
        for row in app.ledger().load(Prefix::<MerchantRow>::all()).await? {
            count = count.saturating_add(1);
            if let Err(error) = row.build(&vault.sealing, &vault.upstream) {
                faults.push(format!("the merchant {}: {error}", row.merchant));
            }
        }
        for row in endpoints.ledger.load(Prefix::<EndpointRow>::all()).await? {
            count = count.saturating_add(1);
            let place = Place { table: ENDPOINTS, row: &row.endpoint };
            if let Err(error) = vault.sealing.open(place, &row.sealed_secrets) {
                faults.push(format!("the webhook endpoint {}: {error}", row.endpoint));
            }
        }
        Ok((count, faults))
    }

    /// Closes the ledger.
    pub async fn close(self) {
        self.api.app().ledger().close().await;
    }
}
