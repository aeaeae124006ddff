//! The shop of all conversations: it calls operations, is paid, and receives notifications.

use super::{DAY, public_key_merchant, receive_notifications, setup};
use std::{io::Read as _, time::Duration};
use wxpay_proto::{
    Error, Fen,
    exchange::Flow,
    id::{AppId, MchId, NotifyUrl, OpenId, OutTradeNo, TransactionId},
    v3::{BillFile, Download, Endpoint, Merchant, Notification, Party, Sensitive, pay::Order},
};
use wxpay_sim::{
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, Payer},
    ledger::OrderRecord,
    payer::PaymentRequest,
};
use wxpay_testkit::{
    drive::{Driver, Network as _},
    network::SimNetwork,
};

pub(super) struct Shop {
    pub(super) driver: Driver,
    pub(super) network: SimNetwork,
    pub(super) merchant: Merchant,
}

impl Shop {
    pub(super) fn open() -> Self {
        let (driver, network) = setup();
        let merchant = public_key_merchant(&network);
        Self { driver, network, merchant }
    }

    pub(super) fn run<F: Flow<Output: core::fmt::Debug>>(&mut self, flow: F) -> Result<F::Output, Error> {
        self.driver.run(flow, &mut self.network)
    }

    /// Calls an operation that must succeed.
    pub(super) fn call<E: Endpoint<Output: core::fmt::Debug>>(&mut self, endpoint: E) -> E::Output {
        self.run(self.merchant.call(endpoint)).unwrap()
    }

    /// Calls an operation that must fail.
    pub(super) fn call_err<E: Endpoint<Output: core::fmt::Debug>>(&mut self, endpoint: E) -> Error {
        self.run(self.merchant.call(endpoint)).unwrap_err()
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.driver.wait(Duration::from_secs(seconds));
    }

    /// Waits for one and a half days, when today's bills are available.
    pub(super) fn wait_for_bills(&mut self) {
        self.driver.wait(DAY + DAY / 2);
    }

    /// Receives the notifications of the next minute.
    pub(super) fn receive_notifications(&mut self) -> Vec<Notification> {
        receive_notifications(&mut self.driver, &mut self.network, &self.merchant)
    }

    /// Injects a fault: the operation is carried out, and every reply to it is lost.
    pub(super) fn lose_replies(&mut self, label: &str) {
        let operation = Operation::from_name(label).unwrap();
        self.network.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(operation));
    }

    pub(super) fn appid(&self) -> AppId {
        self.network.gateway.merchant().appids()[0].clone()
    }

    /// Returns the partner's sub-merchant, which has an app of its own.
    pub(super) fn partner(&self) -> Party {
        let (sub_mchid, appids) = self.network.gateway.merchant().sub_merchants().first_key_value().unwrap();
        Party::Partner { sub_mchid: sub_mchid.clone(), sub_appid: appids.first().cloned() }
    }

    pub(super) fn sub_mchid(&self) -> MchId {
        self.partner().sub_mchid().unwrap().clone()
    }

    pub(super) fn openid(&self) -> OpenId {
        self.network.gateway.payer().clone()
    }

    pub(super) fn order(&self, number: &OutTradeNo, fen: u64) -> Order {
        Order::new(number.clone(), Fen::new(fen), "千足金箍棒")
            .unwrap()
            .appid(self.appid())
            .notify_url(notify_url())
    }

    /// Pays an order.
    pub(super) fn pay(&mut self, number: &OutTradeNo) -> TransactionId {
        let order = OrderRef::OutTradeNo(number.clone());
        let paid = self.network.gateway.pay(&order, &Payer::default(), self.driver.now).unwrap();
        paid.order.payments[0].transaction_id.clone()
    }

    /// Pays with payment parameters, whose signature the payer's client verifies.
    pub(super) fn pay_with_params(&mut self, parameters: &serde_json::Value) -> OrderRecord {
        let parameters = serde_json::to_vec(parameters).unwrap();
        let request = PaymentRequest::parse(&mut self.network.gateway, &parameters, self.driver.now).unwrap();
        request.pay(&mut self.network.gateway, &Payer::default(), self.driver.now).unwrap().1.order
    }

    /// Downloads a file and checks its digest.
    pub(super) fn download(&mut self, bill_file: &BillFile) -> Result<String, Error> {
        self.download_modified(bill_file, |bytes| bytes)
    }

    /// Downloads a file through a network that modifies it, and checks its digest.
    pub(super) fn download_modified(
        &mut self,
        bill_file: &BillFile,
        modify: impl FnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Result<String, Error> {
        let Download { transmit, mut digest_check, is_gzip, .. } =
            self.run(self.merchant.prepare_download(bill_file))?;
        let (reply, elapsed) = self.network.send(transmit, self.driver.now);
        self.driver.wait(elapsed);
        let reply = reply.map_err(Download::transport_error)?;
        if reply.status() != 200 {
            return Err(Download::reply_error(&reply));
        }
        let bytes = modify(unzip(reply.body(), is_gzip));
        digest_check.update(&bytes);
        digest_check.finish().map_err(Download::digest_error)?;
        Ok(String::from_utf8(bytes).unwrap())
    }
}

pub(super) fn unzip(bytes: &[u8], is_gzip: bool) -> Vec<u8> {
    if !is_gzip {
        return bytes.to_vec();
    }
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut unzipped).unwrap();
    unzipped
}

pub(super) fn notify_url() -> NotifyUrl {
    "https://shop.example/notify/v3".parse().unwrap()
}

pub(super) fn sensitive(text: &str) -> Sensitive {
    Sensitive::new(text.into()).unwrap()
}
