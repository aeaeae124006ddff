//! Adding and deleting profit-sharing receivers.
//!
//! `POST /v3/profitsharing/receivers/add`, `POST /v3/profitsharing/receivers/delete`.

use super::account::Account;
use crate::{
    error::Error,
    id::{AppId, InvalidField, MchId},
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        field::{self, open_enum},
        merchant::Merchant,
        party::Party,
        seal::{RequestWriter, Sealed, Sensitive},
        verify::{Verified, malformed},
    },
    wire::json::object,
    world::World,
};

open_enum! {
    /// The receiver's relation to the merchant.
    RelationType {
        /// A service provider.
        ServiceProvider = "SERVICE_PROVIDER",
        /// A store.
        Store = "STORE",
        /// An employee.
        Staff = "STAFF",
        /// The owner of the store.
        StoreOwner = "STORE_OWNER",
        /// A business partner.
        Partner = "PARTNER",
        /// The head office.
        Headquarter = "HEADQUARTER",
        /// The brand.
        Brand = "BRAND",
        /// A distributor.
        Distributor = "DISTRIBUTOR",
        /// A customer.
        User = "USER",
        /// A supplier.
        Supplier = "SUPPLIER",
        /// A custom relation: see [`AddReceiver::with_custom_relation`].
        Custom = "CUSTOM",
    }
}

/// Adds a receiver. Only added receivers can receive an amount. Adding a receiver again changes nothing.
#[derive(Clone, Debug)]
pub struct AddReceiver {
    appid: AppId,
    party: Party,
    account: Account,
    relation_type: RelationType,
    custom_relation: Option<String>,
    name: Option<Sensitive>,
}

/// Deletes a receiver, which then receives no more amounts. Deleting a receiver again changes nothing.
#[derive(Clone, Debug)]
pub struct DeleteReceiver {
    appid: AppId,
    party: Party,
    account: Account,
}

impl AddReceiver {
    /// Creates the operation that adds this receiver. `appid` is the requesting merchant's app: the openid of
    /// a [`PersonalOpenid`](Account::PersonalOpenid) belongs to it.
    ///
    /// # Errors
    ///
    /// When a [`PersonalSubOpenid`](Account::PersonalSubOpenid) is given, but `party` has no `sub_appid`. When the
    /// relation is [`Custom`](RelationType::Custom): use [`with_custom_relation`](Self::with_custom_relation).
    pub fn new(
        appid: AppId,
        party: Party,
        account: Account,
        relation_type: RelationType,
    ) -> Result<Self, InvalidField> {
        account.check_party(&party)?;
        if relation_type == RelationType::Custom {
            return Err(InvalidField::new("custom_relation", "is required for CUSTOM"));
        }
        Ok(Self { appid, party, account, relation_type, custom_relation: None, name: None })
    }

    /// Creates the operation that adds this receiver with a custom relation of 1 to 10 characters.
    ///
    /// # Errors
    ///
    /// When a [`PersonalSubOpenid`](Account::PersonalSubOpenid) is given, but `party` has no `sub_appid`. When the
    /// custom relation is invalid.
    pub fn with_custom_relation(
        appid: AppId,
        party: Party,
        account: Account,
        custom_relation: &str,
    ) -> Result<Self, InvalidField> {
        account.check_party(&party)?;
        let rule = InvalidField::new("custom_relation", "must be 1 to 10 characters");
        let custom_relation = Some(field::text(custom_relation, 10, rule)?);
        let relation_type = RelationType::Custom;
        Ok(Self { appid, party, account, relation_type, custom_relation, name: None })
    }

    /// Sets the receiver's name, which WeChat Pay checks. It is sent encrypted. For a merchant, the full name is
    /// required.
    #[must_use]
    pub fn name(self, name: Sensitive) -> Self {
        Self { name: Some(name), ..self }
    }
}

impl DeleteReceiver {
    /// Creates the operation that deletes this receiver.
    ///
    /// # Errors
    ///
    /// When a [`PersonalSubOpenid`](Account::PersonalSubOpenid) is given, but `party` has no `sub_appid`.
    pub fn new(appid: AppId, party: Party, account: Account) -> Result<Self, InvalidField> {
        account.check_party(&party)?;
        Ok(Self { appid, party, account })
    }
}

#[derive(serde::Serialize)]
struct ReceiverIdentity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    appid: &'a AppId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_appid: Option<&'a AppId>,
    #[serde(rename = "type")]
    kind: &'a str,
    account: &'a str,
}

impl<'a> ReceiverIdentity<'a> {
    fn of(appid: &'a AppId, party: &'a Party, account: &'a Account) -> Self {
        let (kind, account) = account.to_wire();
        Self { sub_mchid: party.sub_mchid(), appid, sub_appid: party.sub_appid(), kind, account }
    }
}

#[derive(serde::Serialize)]
struct AddBody<'a> {
    #[serde(flatten)]
    receiver: ReceiverIdentity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Sealed>,
    relation_type: &'a RelationType,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_relation: Option<&'a str>,
}

object! {
    struct Reply {
        kind: String as "type",
        account: String,
    }
}

/// Checks that the reply is about the requested receiver.
fn check_reply(reply: Verified<'_>, account: &Account) -> Result<(), Error> {
    let parsed: Reply = reply.read()?;
    if account.to_wire() == (parsed.kind.as_str(), parsed.account.as_str()) {
        Ok(())
    } else {
        Err(malformed().caused_by(InvalidField::new("account", "must be that of the requested receiver")))
    }
}

impl Endpoint for AddReceiver {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = AddBody {
            receiver: ReceiverIdentity::of(&self.appid, &self.party, &self.account),
            name: writer.seal_opt(self.name.as_ref())?,
            relation_type: &self.relation_type,
            custom_relation: self.custom_relation.as_deref(),
        };
        Ok(Draft::post("v3.profitsharing.add_receiver", "/v3/profitsharing/receivers/add", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        check_reply(reply, &self.account)
    }
}

impl Endpoint for DeleteReceiver {
    type Output = ();

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let body = ReceiverIdentity::of(&self.appid, &self.party, &self.account);
        Ok(Draft::post("v3.profitsharing.delete_receiver", "/v3/profitsharing/receivers/delete", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        check_reply(reply, &self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;

    fn appid() -> AppId {
        "wx8888888888888888".parse().unwrap()
    }

    fn merchant() -> Account {
        Account::Merchant("86693852".parse().unwrap())
    }

    fn person() -> Account {
        Account::PersonalSubOpenid("planted-openid".parse().unwrap())
    }

    fn partner() -> Party {
        let sub_appid = Some("wx8888888888888889".parse().unwrap());
        Party::Partner { sub_mchid: "1900000109".parse().unwrap(), sub_appid }
    }

    #[test]
    fn add_receiver_names_account_and_relation_and_seals_the_name() {
        let add = AddReceiver::new(appid(), Party::Direct, merchant(), RelationType::Store).unwrap();
        let (line, body) = fake::drafted(&add);
        assert_eq!(line, "POST /v3/profitsharing/receivers/add");
        assert_eq!(
            body,
            r#"{"appid":"wx8888888888888888","type":"MERCHANT_ID","account":"86693852","relation_type":"STORE"}"#
        );
        let add = AddReceiver::with_custom_relation(appid(), partner(), person(), "代理商")
            .unwrap()
            .name(Sensitive::new("张三".into()).unwrap());
        assert_eq!(
            fake::drafted(&add).1,
            format!(
                r#"{{"sub_mchid":"1900000109","appid":"wx8888888888888888","sub_appid":"wx8888888888888889","type":"PERSONAL_SUB_OPENID","account":"planted-openid","name":"{}","relation_type":"CUSTOM","custom_relation":"代理商"}}"#,
                fake::sealed("张三")
            )
        );
        let printed = format!("{add:?}");
        assert!(!printed.contains("planted") && !printed.contains("张三"), "{printed}");
    }

    #[test]
    fn delete_receiver_names_the_account() {
        let delete = DeleteReceiver::new(appid(), partner(), person()).unwrap();
        let (line, body) = fake::drafted(&delete);
        assert_eq!(line, "POST /v3/profitsharing/receivers/delete");
        assert_eq!(
            body,
            r#"{"sub_mchid":"1900000109","appid":"wx8888888888888888","sub_appid":"wx8888888888888889","type":"PERSONAL_SUB_OPENID","account":"planted-openid"}"#
        );
        assert!(fake::read(&delete, r#"{"type":"PERSONAL_SUB_OPENID","account":"planted-openid"}"#).is_ok());
        assert!(fake::read(&delete, r#"{"type":"PERSONAL_OPENID","account":"planted-openid"}"#).is_err());
    }

    #[test]
    fn an_invalid_receiver_is_rejected() {
        let add = AddReceiver::new(appid(), Party::Direct, merchant(), RelationType::Custom);
        assert_eq!(add.unwrap_err().field(), "custom_relation");
        for relation in ["", "一二三四五六七八九十一"] {
            let add = AddReceiver::with_custom_relation(appid(), Party::Direct, merchant(), relation);
            assert_eq!(add.unwrap_err().field(), "custom_relation");
        }
        let add = AddReceiver::new(appid(), Party::Direct, person(), RelationType::Staff);
        assert_eq!(add.unwrap_err().field(), "sub_appid");
        assert_eq!(DeleteReceiver::new(appid(), Party::Direct, person()).unwrap_err().field(), "sub_appid");
    }
}
