//! The shop that all conversations use: it calls operations, is paid, and receives notifications.

use super::{DAY, public_key_merchant, receive_notifications, setting};
use std::{io::Read as _, time::Duration};
use wxpay_proto::{
    Error, Fen,
    exchange::Flow,
    id::{AppId, MchId, NotifyUrl, OpenId, OutTradeNo, TransactionId},
    v3::{BillFile, Download, Endpoint, Merchant, Notification, Party, Sensitive, pay::order},
};
use wxpay_sim::{
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, Payer},
    ledger::v3::TransactionRecord,
    payer::v3::PaymentRequest,
};
use wxpay_testkit::{
    drive::{Driver, Network as _},
    network::SimNetwork,
};

pub(super) struct Shop {
    pub(super) lab: Driver,
    pub(super) wire: SimNetwork,
    pub(super) me: Merchant,
}

impl Shop {
    pub(super) fn open() -> Self {
        let (lab, wire) = setting();
        let me = public_key_merchant(&wire);
        Self { lab, wire, me }
    }

    pub(super) fn run<F: Flow<Output: core::fmt::Debug>>(&mut self, flow: F) -> Result<F::Output, Error> {
        self.lab.run(flow, &mut self.wire)
    }

    /// Calls an operation that must succeed.
    pub(super) fn call<E: Endpoint<Output: core::fmt::Debug>>(&mut self, endpoint: E) -> E::Output {
        self.run(self.me.call(endpoint)).unwrap()
    }

    /// Calls an operation that must fail.
    pub(super) fn call_err<E: Endpoint<Output: core::fmt::Debug>>(&mut self, endpoint: E) -> Error {
        self.run(self.me.call(endpoint)).unwrap_err()
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.lab.wait(Duration::from_secs(seconds));
    }

    /// Waits for one and a half days, when today's bills are available.
    pub(super) fn wait_for_bills(&mut self) {
        self.lab.wait(DAY + DAY / 2);
    }

    /// Receives the notifications of the next minute.
    pub(super) fn heard(&mut self) -> Vec<Notification> {
        receive_notifications(&mut self.lab, &mut self.wire, &self.me)
    }

    /// Injects a fault: the operation is carried out, and every reply to it is lost.
    pub(super) fn lose_replies(&mut self, label: &str) {
        let operation = Operation::from_name(label).unwrap();
        self.wire.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(operation));
    }

    pub(super) fn appid(&self) -> AppId {
        self.wire.gateway.merchant().appids()[0].clone()
    }

    /// Returns the partner's sub-merchant, which has an app of its own.
    pub(super) fn partner(&self) -> Party {
        let (sub_mchid, appids) = self.wire.gateway.merchant().sub_merchants().first_key_value().unwrap();
        Party::Partner { sub_mchid: sub_mchid.clone(), sub_appid: appids.first().cloned() }
    }

    pub(super) fn sub_mchid(&self) -> MchId {
        self.partner().sub_mchid().unwrap().clone()
    }

    pub(super) fn openid(&self) -> OpenId {
        self.wire.gateway.payer().clone()
    }

    pub(super) fn order(&self, number: &OutTradeNo, fen: u64) -> order::Builder {
        order::Order::builder(self.appid(), number.clone(), Fen::new(fen), "千足金箍棒", notify_url())
    }

    /// Pays an order.
    pub(super) fn pay(&mut self, number: &OutTradeNo) -> TransactionId {
        let named = OrderRef::OutTradeNo(number.clone());
        let paid = self.wire.gateway.pay_transaction(&named, &Payer::default(), self.lab.now).unwrap();
        paid.transaction.payments[0].transaction_id.clone()
    }

    /// Pays with payment parameters, whose signature the payer's client verifies.
    pub(super) fn pay_with_params(&mut self, parameters: &serde_json::Value) -> TransactionRecord {
        let parameters = serde_json::to_vec(parameters).unwrap();
        let bill = PaymentRequest::parse(&self.wire.gateway, &parameters, self.lab.now).unwrap();
        bill.pay(&mut self.wire.gateway, &Payer::default(), self.lab.now).unwrap().1.transaction
    }

    /// Downloads a file and checks its digest.
    pub(super) fn prepare_download(&mut self, statement: &BillFile) -> Result<String, Error> {
        self.download_changed(statement, |bytes| bytes)
    }

    /// Downloads a file through a network that changes it, and checks its digest.
    pub(super) fn download_changed(
        &mut self,
        statement: &BillFile,
        change: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Result<String, Error> {
        let Download { transmit, digest_check: mut check, is_gzip, .. } =
            self.run(self.me.prepare_download(statement))?;
        let (reply, took) = self.wire.send(transmit, self.lab.now);
        self.lab.wait(took);
        let reply = reply.map_err(Download::transport_error)?;
        if reply.status() != 200 {
            return Err(Download::reply_error(&reply));
        }
        let bytes = change(unzipped(reply.body(), is_gzip));
        check.update(&bytes);
        check.finish().map_err(Download::digest_error)?;
        Ok(String::from_utf8(bytes).unwrap())
    }
}

pub(super) fn unzipped(bytes: &[u8], is_gzip: bool) -> Vec<u8> {
    let mut unzipped = Vec::new();
    if is_gzip {
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut unzipped).unwrap();
    } else {
        unzipped.extend_from_slice(bytes);
    }
    unzipped
}

pub(super) fn notify_url() -> NotifyUrl {
    "https://shop.example/notify/v3".parse().unwrap()
}

pub(super) fn sensitive(text: &str) -> Sensitive {
    Sensitive::new(text.into()).unwrap()
}
