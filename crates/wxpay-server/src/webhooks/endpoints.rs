//! The operations on endpoints, as the API offers them. Results are the API's records.

mod attempts;
mod record;
mod replay;
#[cfg(test)]
mod tests;

pub(crate) use replay::Replayed;

use super::{
    attempt::Target,
    body::test_json,
    context,
    filter::Merchants,
    secrets::{EndpointSecrets, SealingError, SecretBox},
    send::WebhookTransport,
    signature::SigningSecret,
    target::{Policy, TargetUrl},
};
use crate::{
    ambient::Ambient,
    engine::{Ledger, LedgerError},
    ledger::{
        Operation, Prefix,
        rows::{
            event::EventType,
            webhook::{EndpointRow, EndpointStatus},
        },
        webhook::{DeleteEndpoint, SaveEndpoint, SavedEndpoint},
    },
    merchants::MerchantName,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, error, fmt, sync::Arc};
use wxpay_proto::wire::time::format_rfc3339;
use zeroize::Zeroizing;

/// The largest number of endpoints: each has a worker and a cursor.
const MAX_ENDPOINTS: usize = 1000;

/// The number of times that a change is made again because a delivery changed the endpoint meanwhile.
const MAX_CHANGES: usize = 8;

/// The operations on endpoints. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) ledger: Ledger,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) transport: Arc<dyn WebhookTransport>,
    pub(crate) secrets: Arc<dyn SecretBox>,
    /// The rules for URLs.
    pub(crate) policy: Policy,
}

/// The caller: recorded in the audit, and limited to merchants.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The API key's id, or `cli`.
    pub(crate) actor: String,
    /// The merchants whose endpoints the caller may see and change. An endpoint of all merchants requires
    /// [`Merchants::All`].
    pub(crate) merchants: Merchants,
}

/// A new endpoint.
#[derive(Clone, Debug)]
pub(crate) struct NewEndpoint {
    pub(crate) url: String,
    /// The merchant. `None`: all merchants of the caller.
    pub(crate) merchant: Option<MerchantName>,
    /// The types of events. None are all.
    pub(crate) types: Vec<EventType>,
}

/// Changes of an endpoint. A field that is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointChanges {
    pub(crate) url: Option<String>,
    pub(crate) types: Option<Vec<EventType>>,
    pub(crate) is_enabled: Option<bool>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordsPage<P> {
    pub(crate) data: Vec<Value>,
    /// The position after which the next page begins. `None` on the last page.
    pub(crate) next: Option<P>,
}

/// The error of an operation on endpoints.
#[derive(Clone, Debug)]
pub(crate) enum EndpointError {
    /// There is no such endpoint, or the caller may not see it.
    NoEndpoint,
    /// The endpoint receives no such event, or there is none.
    NoEvent,
    /// The caller's API key is not for this merchant.
    OtherMerchant,
    /// A field breaks a rule. The rule is the end of a sentence that begins with the field.
    Invalid {
        field: &'static str,
        rule: String,
    },
    /// There are as many endpoints as there may be.
    TooMany,
    /// The endpoint was changed by others at the same time, again and again.
    Contended,
    /// The secrets cannot be sealed or opened.
    Sealing(SealingError),
    Ledger(LedgerError),
}

impl EndpointError {
    fn invalid(field: &'static str, rule: impl fmt::Display) -> Self {
        Self::Invalid { field, rule: rule.to_string() }
    }
}

impl From<LedgerError> for EndpointError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<SealingError> for EndpointError {
    fn from(error: SealingError) -> Self {
        Self::Sealing(error)
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndpoint => f.write_str("there is no such webhook endpoint"),
            Self::NoEvent => f.write_str("there is no such event of the types and merchants of the endpoint"),
            Self::OtherMerchant => f.write_str("merchant must be one of the API key"),
            Self::Invalid { field, rule } => write!(f, "{field} {rule}"),
            Self::TooMany => {
                write!(f, "there are {MAX_ENDPOINTS} webhook endpoints already; delete one that is not used")
            }
            Self::Contended => {
                f.write_str("the webhook endpoint is changed by others; send the request again")
            }
            Self::Sealing(error) => write!(f, "the signing secrets cannot be stored or read: {error}"),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl error::Error for EndpointError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Sealing(error) => Some(error),
            Self::Ledger(error) => Some(error),
            Self::NoEndpoint
            | Self::NoEvent
            | Self::OtherMerchant
            | Self::Invalid { .. }
            | Self::TooMany
            | Self::Contended => None,
        }
    }
}

/// Each function fails with [`EndpointError::NoEndpoint`] for an endpoint that the caller may not see, and with
/// [`EndpointError::Ledger`] if the ledger fails.
impl Endpoints {
    /// Creates an endpoint, which receives the events from now on. The record has its secret, once.
    ///
    /// # Errors
    ///
    /// If the URL is refused, the caller is not for the merchant, or there are too many endpoints.
    pub(crate) async fn create(&self, caller: &Caller, new: NewEndpoint) -> Result<Value, EndpointError> {
        let merchant = merchant_of(caller, new.merchant)?;
        self.check_url(&new.url)?;
        if self.ledger.load(Prefix::<EndpointRow>::all()).await?.len() >= MAX_ENDPOINTS {
            return Err(EndpointError::TooMany);
        }
        let endpoint = format!("we_{}", hex::encode(self.random::<16>()));
        let secret = self.new_secret();
        let shown = secret.reveal();
        let sealed_secrets = EndpointSecrets::new(secret).seal(&*self.secrets, &endpoint, self.random())?;
        let row = EndpointRow {
            endpoint,
            merchant,
            url: new.url,
            types: types_text(&new.types),
            sealed_secrets,
            status: EndpointStatus::Enabled,
            failing_since: None,
            version: 0,
            created_at: self.ambient.now(),
        };
        let save = SaveEndpoint { row, seen: None, actor: caller.actor.clone() };
        match self.run(save).await? {
            SavedEndpoint::Saved(row) => {
                let mut record = record::endpoint(&row, 0);
                if let Some(record) = record.as_object_mut() {
                    record.insert("secret".into(), Value::from(shown.as_str()));
                }
                Ok(record)
            }
            // Ids have 128 random bits.
            SavedEndpoint::Stale(_) => Err(EndpointError::Contended),
        }
    }

    /// Lists endpoints by id, after this one.
    ///
    /// # Errors
    ///
    /// If the caller is not for the merchant.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        merchant: Option<&MerchantName>,
        after: Option<String>,
        limit: usize,
    ) -> Result<RecordsPage<String>, EndpointError> {
        if merchant.is_some_and(|merchant| !caller.merchants.allow(Some(merchant))) {
            return Err(EndpointError::OtherMerchant);
        }
        let mut rows = self.ledger.load(Prefix::<EndpointRow>::all()).await?;
        rows.retain(|row| {
            caller.merchants.allow(row.merchant.as_ref())
                && merchant.is_none_or(|merchant| row.merchant.as_ref() == Some(merchant))
                && after.as_ref().is_none_or(|after| row.endpoint > *after)
        });
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|row| row.endpoint.clone());
        let mut data = Vec::with_capacity(rows.len());
        for row in rows {
            data.push(self.record(&row).await?);
        }
        Ok(RecordsPage { data, next })
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    ///
    /// See above.
    pub(crate) async fn get(&self, caller: &Caller, endpoint: &str) -> Result<Value, EndpointError> {
        let row = self.find(caller, endpoint).await?;
        self.record(&row).await
    }

    /// Changes an endpoint. Enabling it sends the deferred events.
    ///
    /// # Errors
    ///
    /// If the URL is refused.
    pub(crate) async fn update(
        &self,
        caller: &Caller,
        endpoint: &str,
        changes: EndpointChanges,
    ) -> Result<Value, EndpointError> {
        if let Some(url) = &changes.url {
            self.check_url(url)?;
        }
        let saved = self.change(caller, endpoint, |row| {
            if let Some(url) = &changes.url {
                row.url.clone_from(url);
            }
            if let Some(types) = &changes.types {
                row.types = types_text(types);
            }
            if let Some(is_enabled) = changes.is_enabled {
                row.status = if is_enabled { EndpointStatus::Enabled } else { EndpointStatus::Disabled };
            }
            Ok(())
        });
        let row = saved.await?;
        self.record(&row).await
    }

    /// Deletes an endpoint, with its deferred events.
    ///
    /// # Errors
    ///
    /// See above.
    pub(crate) async fn delete(&self, caller: &Caller, endpoint: &str) -> Result<(), EndpointError> {
        self.find(caller, endpoint).await?;
        let delete = DeleteEndpoint { endpoint: endpoint.into(), actor: caller.actor.clone() };
        if self.run(delete).await? { Ok(()) } else { Err(EndpointError::NoEndpoint) }
    }

    /// Creates a new secret. The previous one signs too for 24 h.
    ///
    /// # Errors
    ///
    /// If the secrets cannot be opened and sealed.
    pub(crate) async fn rotate(&self, caller: &Caller, endpoint: &str) -> Result<Value, EndpointError> {
        let secret = self.new_secret();
        let shown = secret.reveal();
        let mut until = self.ambient.now();
        let rotated = self.change(caller, endpoint, |row| {
            let mut secrets = EndpointSecrets::open(&*self.secrets, endpoint, &row.sealed_secrets)?;
            // The text was made by `reveal`, so it is valid.
            let secret = SigningSecret::parse(&shown)
                .map_err(|error| EndpointError::Sealing(SealingError(error.to_string())))?;
            until = secrets.rotate(secret, self.ambient.now());
            row.sealed_secrets = secrets.seal(&*self.secrets, endpoint, self.random())?;
            Ok(())
        });
        rotated.await?;
        Ok(json!({ "secret": shown.as_str(), "previous_secret_until": format_rfc3339(until) }))
    }

    /// Sends a signed message of the type `endpoint.test` now, also to a disabled endpoint. Returns the result.
    ///
    /// # Errors
    ///
    /// If the secrets cannot be opened. A message that is not accepted is no error.
    pub(crate) async fn test(&self, caller: &Caller, endpoint: &str) -> Result<Value, EndpointError> {
        let row = self.find(caller, endpoint).await?;
        let target = Target::of(&row, &self.policy, &*self.secrets)?;
        let id = format!("evt_test_{}", hex::encode(self.random::<16>()));
        let body = test_json(&id, endpoint, self.ambient.now());
        let tried = target.send(&*self.transport, &*self.ambient, &id, body).await;
        Ok(record::test(&tried))
    }

    /// Returns an endpoint that the caller may see.
    async fn find(&self, caller: &Caller, endpoint: &str) -> Result<EndpointRow, EndpointError> {
        let row = self.ledger.load(EndpointRow::of(endpoint)).await?.pop();
        row.filter(|row| caller.merchants.allow(row.merchant.as_ref())).ok_or(EndpointError::NoEndpoint)
    }

    /// Reads an endpoint, changes it, and saves it, again if it was changed meanwhile.
    async fn change(
        &self,
        caller: &Caller,
        endpoint: &str,
        mut change: impl FnMut(&mut EndpointRow) -> Result<(), EndpointError>,
    ) -> Result<EndpointRow, EndpointError> {
        for _ in 0..MAX_CHANGES {
            let mut row = self.find(caller, endpoint).await?;
            let seen = Some(row.version);
            change(&mut row)?;
            match self.run(SaveEndpoint { row, seen, actor: caller.actor.clone() }).await? {
                SavedEndpoint::Saved(row) => return Ok(row),
                SavedEndpoint::Stale(None) => return Err(EndpointError::NoEndpoint),
                SavedEndpoint::Stale(Some(_)) => {}
            }
        }
        Err(EndpointError::Contended)
    }

    async fn record(&self, row: &EndpointRow) -> Result<Value, EndpointError> {
        let deferred =
            super::deliver::count_deferred_of(&self.ledger, &row.endpoint, record::MAX_COUNTED).await?;
        Ok(record::endpoint(row, deferred))
    }

    fn check_url(&self, url: &str) -> Result<(), EndpointError> {
        TargetUrl::parse(url, &self.policy).map(drop).map_err(|error| EndpointError::invalid("url", error))
    }

    fn new_secret(&self) -> SigningSecret {
        SigningSecret::from_random(&Zeroizing::new(self.random()))
    }

    /// Returns fresh random bytes, 32 at most.
    fn random<const N: usize>(&self) -> [u8; N] {
        let bytes = self.ambient.entropy().into_bytes();
        bytes.first_chunk().copied().unwrap_or([0; N])
    }

    async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, LedgerError> {
        self.ledger.run(operation, context(&*self.ambient)).await
    }
}

/// Returns the merchant of a new endpoint: the one that is named, or else all of a caller that is for all, or the only
/// one.
fn merchant_of(caller: &Caller, named: Option<MerchantName>) -> Result<Option<MerchantName>, EndpointError> {
    match (&caller.merchants, named) {
        (Merchants::All, named) => Ok(named),
        (Merchants::Only(_), Some(named)) if caller.merchants.allow(Some(&named)) => Ok(Some(named)),
        (Merchants::Only(_), Some(_)) => Err(EndpointError::OtherMerchant),
        (Merchants::Only(allowed), None) => match (allowed.first(), allowed.len()) {
            (Some(only), 1) => Ok(Some(only.clone())),
            _ => Err(EndpointError::invalid(
                "merchant",
                "is required, because the API key is for some merchants only",
            )),
        },
    }
}

fn types_text(types: &[EventType]) -> String {
    let types: BTreeSet<&str> = types.iter().map(|event_type| event_type.as_str()).collect();
    types.into_iter().collect::<Vec<_>>().join(",")
}
