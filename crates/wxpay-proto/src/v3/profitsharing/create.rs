//! Creation of a profit sharing.
//!
//! `POST /v3/profitsharing/orders`.

use super::{account::Account, profit_sharing::ProfitSharing};
use crate::{
    error::{Error, PendingOperation},
    id::{AppId, InvalidField, MchId, OutOrderNo, TransactionId},
    money::Fen,
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        field,
        merchant::Merchant,
        party::Party,
        seal::{RequestWriter, Sealed, Sensitive},
        verify::Verified,
    },
    world::World,
};
use core::fmt;

/// Shares a payment with its receivers. Returns the profit sharing, which is usually still in progress.
#[derive(Clone, Debug)]
pub struct CreateProfitSharing {
    appid: AppId,
    party: Party,
    transaction_id: TransactionId,
    out_order_no: OutOrderNo,
    receivers: Vec<ReceiverAmount>,
    remainder: Remainder,
}

/// The use of the amount that is not shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the remainder is unfrozen, or it is not")]
pub enum Remainder {
    /// Unfreezes the remainder for the merchant: no more of the payment can be shared.
    Unfreeze,
    /// Keeps the remainder frozen, to be shared later.
    KeepFrozen,
}

/// The amount for one receiver. `Debug` omits the texts: they may contain names of people.
#[derive(Clone)]
pub struct ReceiverAmount {
    account: Account,
    amount: Fen,
    description: String,
    name: Option<Sensitive>,
}

impl ReceiverAmount {
    /// Creates an amount for this receiver, in fen, and its purpose in 1 to 80 characters.
    pub fn new(account: Account, amount: Fen, description: impl Into<String>) -> Self {
        Self { account, amount, description: description.into(), name: None }
    }

    /// Sets the receiver's real name, which WeChat Pay checks. It is sent encrypted.
    #[must_use]
    pub fn name(self, name: Sensitive) -> Self {
        Self { name: Some(name), ..self }
    }

    fn check(&self) -> Result<(), InvalidField> {
        field::amount(self.amount, "amount")?;
        check_description(&self.description)
    }
}

impl fmt::Debug for ReceiverAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverAmount")
            .field("account", &self.account)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// Checks the description of an amount: 1 to 80 characters.
pub(super) fn check_description(text: &str) -> Result<(), InvalidField> {
    let rule = InvalidField::new("description", "must be 1 to 80 characters, none beyond U+FFFF");
    field::text(text, 80, rule).map(|_| ())
}

/// The maximum number of receivers of one profit sharing.
const MAX_RECEIVERS: usize = 50;

impl CreateProfitSharing {
    /// Creates the operation that shares this payment under this number. `appid` is the requesting
    /// merchant's app: the openid of a [`PersonalOpenid`](Account::PersonalOpenid) belongs to it.
    ///
    /// # Errors
    ///
    /// When there is no receiver, or there are more than 50. When an amount or a description is invalid. When a
    /// [`PersonalSubOpenid`](Account::PersonalSubOpenid) is given, but `party` has no `sub_appid`.
    pub fn new(
        appid: AppId,
        party: Party,
        transaction_id: TransactionId,
        out_order_no: OutOrderNo,
        receivers: Vec<ReceiverAmount>,
        remainder: Remainder,
    ) -> Result<Self, InvalidField> {
        if !(1..=MAX_RECEIVERS).contains(&receivers.len()) {
            return Err(InvalidField::new("receivers", "must have 1 to 50 entries"));
        }
        receivers.iter().try_for_each(ReceiverAmount::check)?;
        receivers.iter().try_for_each(|receiver| receiver.account.check_party(&party))?;
        Ok(Self { appid, party, transaction_id, out_order_no, receivers, remainder })
    }
}

impl Account {
    /// Checks that the party has a `sub_appid` if the account's openid belongs to it.
    ///
    /// # Errors
    ///
    /// When the `sub_appid` is missing.
    pub(super) fn check_party(&self, party: &Party) -> Result<(), InvalidField> {
        if matches!(self, Self::PersonalSubOpenid(_)) && party.sub_appid().is_none() {
            return Err(InvalidField::new("sub_appid", "is required for PERSONAL_SUB_OPENID"));
        }
        Ok(())
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    appid: &'a AppId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_appid: Option<&'a AppId>,
    transaction_id: &'a TransactionId,
    out_order_no: &'a OutOrderNo,
    receivers: Vec<ReceiverBody<'a>>,
    unfreeze_unsplit: bool,
}

#[derive(serde::Serialize)]
struct ReceiverBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Sealed>,
    amount: Fen,
    description: &'a str,
}

impl ReceiverAmount {
    fn body(&self, writer: &mut RequestWriter<'_, '_>) -> Result<ReceiverBody<'_>, Error> {
        let (kind, account) = self.account.to_wire();
        let name = writer.seal_opt(self.name.as_ref())?;
        Ok(ReceiverBody { kind, account, name, amount: self.amount, description: &self.description })
    }
}

impl Endpoint for CreateProfitSharing {
    type Output = ProfitSharing;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let receivers = self.receivers.iter().map(|receiver| receiver.body(writer));
        let receivers = receivers.collect::<Result<Vec<_>, Error>>()?;
        let body = Body {
            sub_mchid: self.party.sub_mchid(),
            appid: &self.appid,
            sub_appid: self.party.sub_appid(),
            transaction_id: &self.transaction_id,
            out_order_no: &self.out_order_no,
            receivers,
            unfreeze_unsplit: self.remainder == Remainder::Unfreeze,
        };
        Ok(Draft::post("v3.profitsharing.create", "/v3/profitsharing/orders", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<ProfitSharing, Error> {
        ProfitSharing::read_of(reply, &self.transaction_id, &self.out_order_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(PendingOperation::ProfitSharing {
            transaction_id: self.transaction_id.clone(),
            out_order_no: self.out_order_no.clone(),
            sub_mchid: self.party.sub_mchid().cloned(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::v3::{
        fake,
        profitsharing::profit_sharing::{FailReason, ReceiverResult, SharingState},
    };

    fn receiver() -> ReceiverAmount {
        let account = Account::Merchant("86693852".parse().unwrap());
        ReceiverAmount::new(account, Fen::new(888), "分给商户A")
    }

    fn create(
        party: Party,
        receivers: Vec<ReceiverAmount>,
        remainder: Remainder,
    ) -> Result<CreateProfitSharing, InvalidField> {
        let appid = "wx8888888888888888".parse().unwrap();
        let (transaction_id, number) = ("4208450740201411110007820472", "P20150806125346");
        CreateProfitSharing::new(
            appid,
            party,
            transaction_id.parse().unwrap(),
            number.parse().unwrap(),
            receivers,
            remainder,
        )
    }

    /// Returns a reply with one successful receiver and one that was closed.
    pub(in crate::v3::profitsharing) fn reply_body(transaction_id: &str, out_order_no: &str) -> String {
        format!(
            r#"{{"sub_mchid":"1900000109","transaction_id":"{transaction_id}","out_order_no":"{out_order_no}",
            "order_id":"3008450740201411110007820472","state":"FINISHED","receivers":[{{"amount":100,
            "description":"分给商户1900000110","type":"MERCHANT_ID","account":"1900000110","result":"SUCCESS",
            "detail_id":"36011111111111111111111","create_time":"2015-05-20T13:29:35+08:00",
            "finish_time":"2015-05-20T13:29:36+08:00"}},{{"amount":1,"description":"","type":"PERSONAL_OPENID",
            "account":"planted-openid","result":"CLOSED","fail_reason":"NO_RELATION",
            "create_time":"2015-05-20T13:29:35+08:00","finish_time":""}}]}}"#
        )
    }

    #[test]
    fn a_minimal_profit_sharing_has_the_required_fields_only() {
        let create = create(Party::Direct, vec![receiver()], Remainder::KeepFrozen).unwrap();
        let (line, body) = fake::drafted(&create);
        assert_eq!(line, "POST /v3/profitsharing/orders");
        assert_eq!(
            body,
            concat!(
                r#"{"appid":"wx8888888888888888","transaction_id":"4208450740201411110007820472","out_order_no":"P20150806125346","#,
                r#""receivers":[{"type":"MERCHANT_ID","account":"86693852","amount":888,"description":"分给商户A"}],"unfreeze_unsplit":false}"#,
            )
        );
    }

    #[test]
    fn a_full_profit_sharing_of_a_partner_seals_names() {
        let sub_appid = Some("wx8888888888888889".parse().unwrap());
        let party = Party::Partner { sub_mchid: "1900000109".parse().unwrap(), sub_appid };
        let person = Account::PersonalSubOpenid("planted-openid".parse().unwrap());
        let receiver =
            ReceiverAmount::new(person, Fen::new(1), "分给员工").name(Sensitive::new("张三".into()).unwrap());
        let create = create(party, vec![receiver], Remainder::Unfreeze).unwrap();
        assert_eq!(
            fake::drafted(&create).1,
            format!(
                r#"{{"sub_mchid":"1900000109","appid":"wx8888888888888888","sub_appid":"wx8888888888888889","transaction_id":"4208450740201411110007820472","out_order_no":"P20150806125346","receivers":[{{"type":"PERSONAL_SUB_OPENID","account":"planted-openid","name":"{}","amount":1,"description":"分给员工"}}],"unfreeze_unsplit":true}}"#,
                fake::sealed("张三")
            )
        );
        let printed = format!("{create:?}");
        assert!(
            !printed.contains("planted") && !printed.contains("张三") && !printed.contains("员工"),
            "{printed}"
        );
    }

    #[test]
    fn an_invalid_profit_sharing_is_rejected_with_field_and_rule() {
        let merchant = || Account::Merchant("86693852".parse().unwrap());
        let person = Account::PersonalSubOpenid("o1".parse().unwrap());
        for (receivers, error) in [
            (vec![], "receivers must have 1 to 50 entries"),
            (vec![receiver(); 51], "receivers must have 1 to 50 entries"),
            (vec![ReceiverAmount::new(merchant(), Fen::ZERO, "x")], "amount must be 1 to 2147483647 fen"),
            (
                vec![ReceiverAmount::new(merchant(), Fen::new(1), "")],
                "description must be 1 to 80 characters, none beyond U+FFFF",
            ),
            (
                vec![ReceiverAmount::new(person, Fen::new(1), "x")],
                "sub_appid is required for PERSONAL_SUB_OPENID",
            ),
        ] {
            assert_eq!(create(Party::Direct, receivers, Remainder::Unfreeze).unwrap_err().to_string(), error);
        }
        assert!(create(Party::Direct, vec![receiver(); 50], Remainder::Unfreeze).is_ok());
    }

    #[test]
    fn a_profit_sharing_reply_has_the_result_of_each_receiver() {
        let create = create(Party::Direct, vec![receiver()], Remainder::Unfreeze).unwrap();
        let body = reply_body("4208450740201411110007820472", "P20150806125346");
        let profit_sharing = fake::read(&create, &body).unwrap();
        assert_eq!(profit_sharing.state, SharingState::Finished);
        let [paid, closed] = &profit_sharing.receivers[..] else { panic!("expected two receivers") };
        assert_eq!(
            (&paid.account, paid.amount),
            (&Account::Merchant("1900000110".parse().unwrap()), Fen::new(100))
        );
        assert_eq!(
            (&paid.result, paid.finish_time.unwrap().as_secs()),
            (&ReceiverResult::Success, 1_432_099_776)
        );
        assert_eq!(
            (&closed.result, closed.fail_reason.as_ref()),
            (&ReceiverResult::Closed, Some(&FailReason::NoRelation))
        );
        assert_eq!(closed.finish_time, None);
        assert!(!format!("{profit_sharing:?}").contains("planted"));

        for (transaction_id, number) in
            [("4208450740201411110007820472", "P1"), ("4208450740201411110007820473", "P20150806125346")]
        {
            assert!(fake::read(&create, &reply_body(transaction_id, number)).is_err());
        }
    }
}
