//! Creation of a profit sharing.
//!
//! `POST /v3/profitsharing/orders`.

use super::{account::Account, profit_sharing::ProfitSharing, query::QueryProfitSharing};
use crate::{
    id::{AppId, OutOrderNo, TransactionId},
    v3::{field::Entries, prelude::*},
};

body! {
    /// Shares a payment with its receivers. Returns the profit sharing, which is usually still in progress.
    #[derive(Clone)]
    pub struct CreateProfitSharing {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        /// Sets the requesting merchant's app: the openid of a [`PersonalOpenid`](Account::PersonalOpenid) belongs to it.
        /// The default is the [merchant's](crate::v3::Builder::appid).
        optional appid: AppId = appid_or_default,
        computed sub_appid: &AppId,
        required transaction_id: TransactionId,
        required out_order_no: OutOrderNo,
        required receivers: Entries<ReceiverAmount>,
        required unfreeze_unsplit: bool,
    }
    Debug { party, transaction_id, out_order_no, receivers, unfreeze_unsplit }
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

body! {
    /// The amount for one receiver.
    #[derive(Clone)]
    pub struct ReceiverAmount {
        required account: Account = flattened,
        /// Sets the receiver's real name, which WeChat Pay checks. It is sent encrypted.
        optional name: Sensitive,
        required amount: Fen,
        required description: Chars<80>,
    }
    Debug { account, amount }
}

impl ReceiverAmount {
    /// Creates an amount for this receiver, in fen, and its purpose in 1 to 80 characters.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the amount or the description is invalid.
    pub fn new(account: Account, amount: Fen, description: impl AsRef<str>) -> Result<Self, InvalidField> {
        let amount = field::amount(amount, "amount")?;
        Ok(Self::required(account, amount, Chars::new("description", description)?))
    }
}

impl CreateProfitSharing {
    /// Creates the operation that shares this payment under this number.
    ///
    /// A [`PersonalSubOpenid`](Account::PersonalSubOpenid) requires a [party](Self::party()) with a `sub_appid`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if there is no receiver, or there are more than 50.
    pub fn new(
        transaction_id: TransactionId,
        out_order_no: OutOrderNo,
        receivers: Vec<ReceiverAmount>,
        remainder: Remainder,
    ) -> Result<Self, InvalidField> {
        let receivers = Entries::new("receivers", receivers)?;
        Ok(Self::required(transaction_id, out_order_no, receivers, remainder == Remainder::Unfreeze))
    }

    fn sub_appid(&self) -> Option<&AppId> {
        self.party.sub_appid()
    }
}

impl Endpoint for CreateProfitSharing {
    type Output = ProfitSharing;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let mut accounts = self.receivers.as_slice().iter().map(|receiver| &receiver.account);
        accounts.try_for_each(|account| account.check_party(&self.party))?;
        writer.post("v3.profitsharing.create", "/v3/profitsharing/orders", self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<ProfitSharing, Error> {
        ProfitSharing::read_of(reply, &self.transaction_id, &self.out_order_no)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        let (transaction_id, number) = (self.transaction_id.clone(), self.out_order_no.clone());
        QueryProfitSharing::new(transaction_id, number).party(self.party.clone()).pending()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        error::Fate,
        v3::{
            fake,
            profitsharing::profit_sharing::{FailReason, ReceiverResult, SharingState},
        },
    };
    use core::error::Error as _;

    fn receiver() -> ReceiverAmount {
        let account = Account::Merchant("86693852".parse().unwrap());
        ReceiverAmount::new(account, Fen::new(888), "分给商户A").unwrap()
    }

    fn create(
        receivers: Vec<ReceiverAmount>,
        remainder: Remainder,
    ) -> Result<CreateProfitSharing, InvalidField> {
        let (transaction_id, number) = ("4208450740201411110007820472".parse()?, "P20150806125346".parse()?);
        let create = CreateProfitSharing::new(transaction_id, number, receivers, remainder)?;
        Ok(create.appid("wx8888888888888888".parse()?))
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
        let create = create(vec![receiver()], Remainder::KeepFrozen).unwrap();
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
        let receiver = ReceiverAmount::new(person, Fen::new(1), "分给员工").unwrap();
        let receiver = receiver.name(Sensitive::new("张三".into()).unwrap());
        let create = create(vec![receiver], Remainder::Unfreeze).unwrap().party(party);
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
        let create_with = |receivers| create(receivers, Remainder::Unfreeze).map(drop);
        for (result, error) in [
            (create_with(vec![]), "receivers must have 1 to 50 entries"),
            (create_with(vec![receiver(); 51]), "receivers must have 1 to 50 entries"),
            (ReceiverAmount::new(merchant(), Fen::ZERO, "x").map(drop), "amount must be 1 to 2147483647 fen"),
            (
                ReceiverAmount::new(merchant(), Fen::new(1), "").map(drop),
                "description must be 1 to 80 characters, none beyond U+FFFF",
            ),
        ] {
            assert_eq!(result.unwrap_err().to_string(), error);
        }
        assert!(create_with(vec![receiver(); 50]).is_ok());
    }

    #[test]
    fn an_openid_of_the_sub_merchants_app_requires_that_app() {
        let person = Account::PersonalSubOpenid("o1".parse().unwrap());
        let receiver = ReceiverAmount::new(person, Fen::new(1), "x").unwrap();
        let create = create(vec![receiver], Remainder::Unfreeze).unwrap();
        for party in [Party::Direct, Party::partner("1900000109".parse().unwrap())] {
            let error = fake::drafted_by(&fake::merchant(), &create.clone().party(party)).unwrap_err();
            assert_eq!(error.fate(), Some(Fate::NotSent));
            let cause = error.source().unwrap().to_string();
            assert_eq!(cause, "sub_appid is required for PERSONAL_SUB_OPENID");
        }
    }

    #[test]
    fn a_profit_sharing_reply_has_the_result_of_each_receiver() {
        let create = create(vec![receiver()], Remainder::Unfreeze).unwrap();
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
