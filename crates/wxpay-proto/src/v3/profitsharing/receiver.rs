//! Adding and deleting profit-sharing receivers.
//!
//! `POST /v3/profitsharing/receivers/add`, `POST /v3/profitsharing/receivers/delete`.

use super::account::Account;
use crate::{id::AppId, v3::prelude::*};

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

body! {
    /// Adds a receiver. Only added receivers can receive an amount. Adding a receiver again changes nothing.
    #[derive(Clone)]
    pub struct AddReceiver {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        /// Sets the requesting merchant's app: the openid of a [`PersonalOpenid`](Account::PersonalOpenid) belongs to it.
        /// The default is the [merchant's](crate::v3::Builder::appid).
        optional appid: AppId = appid_or_default,
        computed sub_appid: &AppId,
        required account: Account = flattened,
        /// Sets the receiver's name, which WeChat Pay checks. It is sent encrypted. For a merchant, the full name is
        /// required.
        optional name: Sensitive,
        required relation_type: RelationType,
        text custom_relation: Chars<10>,
    }
    Debug { party, account, relation_type }
}

body! {
    /// Deletes a receiver, which then receives no more amounts. Deleting a receiver again changes nothing.
    #[derive(Clone)]
    pub struct DeleteReceiver {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        /// Sets the requesting merchant's app: the openid of a [`PersonalOpenid`](Account::PersonalOpenid) belongs to it.
        /// The default is the [merchant's](crate::v3::Builder::appid).
        optional appid: AppId = appid_or_default,
        computed sub_appid: &AppId,
        required account: Account = flattened,
    }
    Debug { party, account }
}

impl AddReceiver {
    /// Creates the operation that adds this receiver.
    ///
    /// A [`PersonalSubOpenid`](Account::PersonalSubOpenid) requires a [party](Self::party()) with a `sub_appid`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the relation is [`Custom`](RelationType::Custom): use
    /// [`with_custom_relation`](Self::with_custom_relation).
    pub fn new(account: Account, relation_type: RelationType) -> Result<Self, InvalidField> {
        if relation_type == RelationType::Custom {
            return Err(InvalidField::new("custom_relation", "is required for CUSTOM"));
        }
        Ok(Self::required(account, relation_type))
    }

    /// Creates the operation that adds this receiver with a custom relation of 1 to 10 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the custom relation is invalid.
    pub fn with_custom_relation(
        account: Account,
        custom_relation: impl AsRef<str>,
    ) -> Result<Self, InvalidField> {
        let custom_relation = Some(Chars::new("custom_relation", custom_relation)?);
        Ok(Self { custom_relation, ..Self::required(account, RelationType::Custom) })
    }

    fn sub_appid(&self) -> Option<&AppId> {
        self.party.sub_appid()
    }
}

impl DeleteReceiver {
    /// Creates the operation that deletes this receiver.
    ///
    /// A [`PersonalSubOpenid`](Account::PersonalSubOpenid) requires a [party](Self::party()) with a `sub_appid`.
    pub fn new(account: Account) -> Self {
        Self::required(account)
    }

    fn sub_appid(&self) -> Option<&AppId> {
        self.party.sub_appid()
    }
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
    require(
        account.to_wire() == (parsed.kind.as_str(), parsed.account.as_str()),
        "account",
        "must be that of the requested receiver",
    )
}

impl Endpoint for AddReceiver {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        self.account.check_party(&self.party)?;
        writer.post("v3.profitsharing.add_receiver", "/v3/profitsharing/receivers/add", self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        check_reply(reply, &self.account)
    }
}

impl Endpoint for DeleteReceiver {
    type Output = ();

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        self.account.check_party(&self.party)?;
        writer.post("v3.profitsharing.delete_receiver", "/v3/profitsharing/receivers/delete", self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
        check_reply(reply, &self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake;
    use core::error::Error as _;

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
        let add = AddReceiver::new(merchant(), RelationType::Store).unwrap().appid(appid());
        let (line, body) = fake::drafted(&add);
        assert_eq!(line, "POST /v3/profitsharing/receivers/add");
        assert_eq!(
            body,
            r#"{"appid":"wx8888888888888888","type":"MERCHANT_ID","account":"86693852","relation_type":"STORE"}"#
        );
        let add = AddReceiver::with_custom_relation(person(), "代理商")
            .unwrap()
            .appid(appid())
            .party(partner())
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
        let delete = DeleteReceiver::new(person()).appid(appid()).party(partner());
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
        let add = AddReceiver::new(merchant(), RelationType::Custom);
        assert_eq!(add.unwrap_err().field(), "custom_relation");
        for relation in ["", "一二三四五六七八九十一"] {
            let add = AddReceiver::with_custom_relation(merchant(), relation);
            assert_eq!(add.unwrap_err().field(), "custom_relation");
        }
        let add = AddReceiver::new(person(), RelationType::Staff).unwrap().appid(appid());
        let delete = DeleteReceiver::new(person()).appid(appid());
        let receivers: [&dyn Endpoint<Output = ()>; 2] = [&add, &delete];
        for receiver in receivers {
            let error = fake::drafted_by(&fake::merchant(), receiver).unwrap_err();
            let cause = error.source().unwrap().to_string();
            assert_eq!(cause, "sub_appid is required for PERSONAL_SUB_OPENID");
        }
    }
}
