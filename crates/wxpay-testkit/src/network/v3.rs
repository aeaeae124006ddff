//! APIv3 over the simulated network: merchants with the gateway's keys, and delivery of notifications.

use super::SimNetwork;
use crate::{drive::Driver, null::NullProvider, watch::watched};
use std::sync::Arc;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{CryptoProvider, InvalidKey, PrivateKey, PublicKey, SymmetricKey},
    secret::Secret,
    v3::{Ack, ApiV3Key, Builder, Merchant, Notification, RawNotification},
};
use wxpay_sim::{
    Gateway,
    merchant::Merchant as SimMerchant,
    notifications::{Delivery, DeliveryResult},
};

/// Returns the crypto provider that matches a gateway's keys. Its keys must not be used under the lock of a memory.
pub fn provider(gateway: &Gateway) -> Arc<dyn CryptoProvider> {
    if gateway.settings().v3.key_source.is_fake() { watched(FakeSignatures) } else { watched(AwsLc) }
}

/// A provider with the signatures of the gateway's fake keys, which take little time, and with real AES-GCM.
#[derive(Debug)]
struct FakeSignatures;

impl CryptoProvider for FakeSignatures {
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        NullProvider.private_key(der)
    }

    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        NullProvider.public_key(spki)
    }

    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        AwsLc.symmetric_key(key)
    }
}

/// Returns the builder of a gateway's merchant, with its latest certificate. Platform keys must still be set.
pub fn builder(gateway: &Gateway, sim_merchant: &SimMerchant) -> Builder {
    let provider = provider(gateway);
    let api_key = sim_merchant.api_keys().last().unwrap();
    let private_key = provider.private_key(&Secret::new(api_key.key_pair.private_der())).unwrap();
    let api_v3_key = ApiV3Key::new(sim_merchant.api_v3_key().unwrap().expose().clone()).unwrap();
    let (mchid, serial_no) = (sim_merchant.mchid().clone(), api_key.certificate.serial().clone());
    Merchant::builder(provider, mchid, serial_no, private_key, &api_v3_key)
}

/// Returns the builder of a gateway's merchant that trusts the WeChat Pay public key only.
pub fn public_key_builder(gateway: &Gateway, sim_merchant: &SimMerchant) -> Builder {
    let key = sim_merchant.platform().public_key().unwrap();
    let public = provider(gateway).public_key(&key.key_pair.public().der()).unwrap();
    builder(gateway, sim_merchant).public_key(key.id.clone(), public)
}

/// Returns a notification in the form that the merchant receives.
pub fn raw_notification(delivery: &Delivery) -> RawNotification {
    delivery.headers().iter().fold(RawNotification::new(delivery.body().to_vec()), |raw, (name, value)| {
        raw.header(name, value.as_bytes())
    })
}

impl SimNetwork {
    /// Delivers every notification that is due. Passes the verified ones to `on_notification`, and the merchant's
    /// response to the gateway.
    pub fn deliver_due_v3(
        &mut self,
        driver: &mut Driver,
        merchant: &Merchant,
        mut on_notification: impl FnMut(Notification) -> Ack,
    ) {
        let mut due = std::mem::take(&mut self.early);
        due.extend(self.gateway.due_deliveries(driver.now));
        for delivery in due {
            let ack = match driver.run(merchant.verify_notification(raw_notification(&delivery)), self) {
                Ok(notification) => {
                    assert!(!delivery.is_forged(), "a tampered notification was accepted");
                    on_notification(notification)
                }
                Err(error) => Ack::for_error(&error),
            };
            let reply = ack.response();
            let result = DeliveryResult::Response { status: reply.status(), body: reply.body().to_vec() };
            self.gateway.record_delivery(delivery.id(), &result, driver.now);
        }
    }
}
