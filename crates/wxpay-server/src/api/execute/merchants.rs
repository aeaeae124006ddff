//! Merchants. Those of the settings are read-only here.

use super::{Answer, Caller, page};
use crate::{
    api::{
        cursor::List,
        keys::Merchants,
        operation::{CreateMerchant, MerchantSecrets, Page, SetMerchantKeys, UpdateMerchant},
        problem::Problem,
        service::Api,
    },
    ledger::{
        merchants::{DeleteMerchant, DeletedMerchant, SaveMerchant, SavedMerchant},
        rows::merchant::MerchantRow,
    },
    merchants::{Merchant, MerchantKeys, MerchantName, MerchantSettings, Origin, RegistryError},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Api {
    pub(super) async fn create_merchant(
        &self,
        caller: &Caller,
        merchant: CreateMerchant,
    ) -> Result<Answer, Problem> {
        require_all(caller)?;
        let name: MerchantName = merchant.merchant.parse()?;
        if let Some(known) = self.app().merchant(&name) {
            return Err(match known.origin() {
                Origin::Settings => read_only(),
                Origin::Api { .. } => taken(),
            });
        }
        let settings = settings(merchant.settings)?;
        self.save(caller, name, settings, keys(merchant.keys), None).await
    }

    pub(super) fn list_merchants(&self, caller: &Caller, list: &Page) -> Result<Answer, Problem> {
        let after: Option<String> =
            list.cursor.as_ref().map(super::super::cursor::Cursor::position).transpose()?;
        let mut merchants: Vec<Arc<Merchant>> = self.app().merchants().all();
        merchants.retain(|merchant| {
            let name = merchant.name();
            caller.allows(name) && after.as_deref().is_none_or(|after| name.as_str() > after)
        });
        let has_more = page::cut(&mut merchants, list.limit);
        let next = merchants.last().filter(|_| has_more).map(|merchant| merchant.name().to_string());
        let data: Vec<Value> = merchants.iter().map(|merchant| merchant.to_json()).collect();
        Ok(page::page(List::Merchants, &data, next.as_ref()))
    }

    pub(super) fn get_merchant(&self, caller: &Caller, name: &str) -> Result<Answer, Problem> {
        Ok(Answer::ok(self.visible(caller, name)?.to_json()))
    }

    pub(super) async fn replace_merchant(
        &self,
        caller: &Caller,
        update: UpdateMerchant,
    ) -> Result<Answer, Problem> {
        let (name, row) = self.stored_merchant(caller, &update.merchant).await?;
        let keys = self.merged_keys(&row, update.keys)?;
        self.save(caller, name, settings(update.settings)?, keys, Some(row.version)).await
    }

    pub(super) async fn update_merchant(
        &self,
        caller: &Caller,
        update: UpdateMerchant,
    ) -> Result<Answer, Problem> {
        let (name, row) = self.stored_merchant(caller, &update.merchant).await?;
        let keys = self.merged_keys(&row, update.keys)?;
        let mut members: Map<String, Value> = stored(&row)?;
        // Each of the two is enough, and they must agree: a new one replaces the other.
        for (given, other) in [("serial_no", "certificate"), ("certificate", "serial_no")] {
            if update.settings.contains_key(given) {
                members.remove(other);
            }
        }
        members.extend(update.settings);
        self.save(caller, name, settings(members)?, keys, Some(row.version)).await
    }

    pub(super) async fn set_merchant_keys(
        &self,
        caller: &Caller,
        update: SetMerchantKeys,
    ) -> Result<Answer, Problem> {
        let (name, row) = self.stored_merchant(caller, &update.merchant).await?;
        let keys = self.merged_keys(&row, update.keys)?;
        self.save(caller, name, stored(&row)?, keys, Some(row.version)).await
    }

    pub(super) async fn delete_merchant(&self, caller: &Caller, name: &str) -> Result<Answer, Problem> {
        let (name, _) = self.stored_merchant(caller, name).await?;
        let delete = DeleteMerchant { merchant: name.clone(), actor: caller.actor.clone() };
        match self.app().run(delete).await? {
            // Another request deleted it.
            DeletedMerchant::Deleted | DeletedMerchant::NotFound => {}
            DeletedMerchant::HasOrders => return Err(has_orders()),
        }
        self.app().merchants().remove(&name).map_err(|error| registry_problem(&error))?;
        Ok(Answer::empty())
    }

    async fn save(
        &self,
        caller: &Caller,
        name: MerchantName,
        settings: MerchantSettings,
        keys: MerchantKeys,
        seen: Option<u64>,
    ) -> Result<Answer, Problem> {
        let vault = self.app().vault();
        let nonce = crate::merchants::seal::nonce(self.app().ambient().entropy());
        let merchant = Merchant::build(name, Origin::Api { version: 0 }, settings, &keys, &vault.upstream)
            .map_err(first)?;
        self.app().merchants().check(&merchant).map_err(|error| registry_problem(&error))?;
        let now = self.app().now();
        let row = MerchantRow::seal(&merchant, &keys, 0, now, &vault.sealing, nonce).map_err(|error| {
            Problem::conflict("not_sealed", "The keys cannot be sealed", error.to_string())
        })?;
        let save = SaveMerchant { row, seen, actor: caller.actor.clone() };
        match self.app().run(save).await? {
            SavedMerchant::Saved(_) => {}
            SavedMerchant::Stale(_) if seen.is_none() => return Err(taken()),
            SavedMerchant::Stale(_) => return Err(changed()),
            SavedMerchant::MchidTaken(_) => return Err(mchid_taken()),
        }
        self.app().reload_merchants().await?;
        let saved = self.app().merchant(merchant.name()).ok_or_else(changed)?;
        Ok(Answer::ok(saved.to_json()))
    }

    fn visible(&self, caller: &Caller, name: &str) -> Result<Arc<Merchant>, Problem> {
        let found = name.parse().ok().and_then(|name: MerchantName| self.app().merchant(&name));
        found.filter(|merchant| caller.allows(merchant.name())).ok_or_else(|| Problem::not_found("merchant"))
    }

    /// Returns the row of a merchant of the API. One whose keys cannot be opened is not in the registry, but has a row.
    async fn stored_merchant(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<(MerchantName, MerchantRow), Problem> {
        let not_found = || Problem::not_found("merchant");
        let name: MerchantName = name.parse().map_err(|_| not_found())?;
        if !caller.allows(&name) {
            return Err(not_found());
        }
        let row = self.app().ledger().load(MerchantRow::of(&name)).await?.into_iter().next();
        match (row, self.app().merchant(&name)) {
            (Some(row), _) => Ok((name, row)),
            (None, Some(_)) => Err(read_only()),
            (None, None) => Err(not_found()),
        }
    }

    /// Returns the keys of a merchant, with those that a request sets. Keys that cannot be opened any more, because their
    /// sealing key is lost, are replaced by the request's, not completed.
    fn merged_keys(&self, row: &MerchantRow, given: MerchantSecrets) -> Result<MerchantKeys, Problem> {
        let given = keys(given);
        match row.keys(&self.app().vault().sealing) {
            Ok(known) => Ok(given.or(known)),
            Err(_) if !given.names().is_empty() => Ok(given),
            Err(error) => Err(Problem::conflict(
                "not_opened",
                "The stored keys cannot be opened",
                format!("{error}; or set all keys anew"),
            )),
        }
    }
}

/// Returns the stored settings of a merchant.
fn stored<T: DeserializeOwned>(row: &MerchantRow) -> Result<T, Problem> {
    serde_json::from_str(&row.settings)
        .map_err(|_| Problem::conflict("merchant_unreadable", "The merchant cannot be read", UNREADABLE))
}

const UNREADABLE: &str = "delete the merchant, and create it again";

fn require_all(caller: &Caller) -> Result<(), Problem> {
    match caller.merchants {
        Merchants::All => Ok(()),
        Merchants::Only(_) => Err(Problem::other_merchant()),
    }
}

fn settings(members: Map<String, Value>) -> Result<MerchantSettings, Problem> {
    // Every member was checked against its field; what remains is a fault of the table of fields.
    serde_json::from_value(Value::Object(members))
        .map_err(|_| Problem::invalid_field("body", "must have the members of a merchant"))
}

fn keys(secrets: MerchantSecrets) -> MerchantKeys {
    let MerchantSecrets {
        private_key,
        api_v3_key,
        previous_api_v3_key,
        app_secret,
        pay_sign_key,
        partner_key,
    } = secrets;
    MerchantKeys { private_key, api_v3_key, previous_api_v3_key, app_secret, pay_sign_key, partner_key }
}

fn first(faults: Vec<crate::invalid::Invalid>) -> Problem {
    let others = faults.len().saturating_sub(1);
    let Some(fault) = faults.into_iter().next() else { return Problem::invalid_field("body", "is invalid") };
    let rule = match others {
        0 => fault.advice(),
        _ => format!("{} (and {others} more faults)", fault.advice()),
    };
    Problem::invalid_field(fault.field().to_owned(), rule)
}

fn read_only() -> Problem {
    let detail = "the merchant is configured in the settings: change it there, and reload the server";
    Problem::conflict("read_only", "The merchant is read-only", detail)
}

fn taken() -> Problem {
    Problem::conflict("merchant_exists", "The merchant exists", "update it, or choose another name")
}

fn mchid_taken() -> Problem {
    let rule = "must belong to one merchant only";
    let detail = format!("mchid {rule}: another merchant has it; update that one");
    Problem::conflict("mchid_taken", "The mchid is taken", detail).with_field("mchid", rule)
}

fn has_orders() -> Problem {
    let detail = "its notifications would be refused, and its refunds impossible; remove its webhook endpoints and API keys instead";
    Problem::conflict("merchant_has_orders", "The merchant has orders", detail)
}

fn changed() -> Problem {
    let detail = "somebody else changed the merchant meanwhile: read it, and try again";
    Problem::conflict("merchant_changed", "The merchant was changed", detail)
}

fn registry_problem(error: &RegistryError) -> Problem {
    match error {
        RegistryError::ReadOnly(_) => read_only(),
        RegistryError::NameTaken(_) => taken(),
        RegistryError::NumberTaken { .. } => mchid_taken(),
    }
}

impl Merchant {
    /// Returns the merchant as the API shows it, without its secrets.
    fn to_json(&self) -> Value {
        let settings = self.settings();
        let sub_merchants: Vec<Value> = settings
            .sub_merchants
            .iter()
            .map(|sub| json!({ "sub_mchid": sub.sub_mchid, "sub_appid": sub.sub_appid }))
            .collect();
        let apps: Vec<Value> = settings
            .apps
            .iter()
            .map(|app| json!({ "appid": app.appid, "name": app.name, "channels": app.channels }))
            .collect();
        let v1 = settings
            .v1
            .as_ref()
            .map(|v1| json!({ "appid": v1.appid, "partner": v1.partner, "charset": self.v1_charset().wire_name() }));
        let (source, version) = match self.origin() {
            Origin::Settings => ("file", 0),
            Origin::Api { version } => ("api", version),
        };
        json!({
            "object": "merchant",
            "merchant": self.name().as_str(),
            "mchid": settings.mchid,
            "serial_no": self.v3().map(|v3| v3.serial_no().as_str()),
            "public_key_id": settings.public_key_id,
            "platform_certificates": settings.platform_certificates || !settings.trusted_certificates.is_empty(),
            "partner": settings.partner,
            "sub_merchants": sub_merchants,
            "apps": apps,
            "v1": v1,
            "keys": self.key_names(),
            "source": source,
            "version": version,
        })
    }
}
