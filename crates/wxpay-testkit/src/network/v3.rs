//! The third generation over the same wire: merchants as the gateway knows them, and its notices.

use super::Wire;
use crate::{drive::Lab, null::NullProvider};
use std::sync::Arc;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{
    crypto::{CryptoProvider, InvalidKey, PrivateKey, PublicKey, SymmetricKey},
    secret::Secret,
    v3::{Ack, ApiV3Key, Builder, Merchant, Notification, RawNotification},
};
use wxpay_sim::{
    Gateway,
    merchant::Merchant as Known,
    notifications::{Delivery, DeliveryResult},
};

/// The cryptography that fits a gateway's keys.
#[must_use]
pub fn provider(gateway: &Gateway) -> Arc<dyn CryptoProvider> {
    if gateway.settings().v3.ring.is_quick() { Arc::new(Quick) } else { Arc::new(AwsLc) }
}

/// Signatures that cost nothing, as the gateway's quick keys make them, and real boxes.
#[derive(Debug)]
struct Quick;

impl CryptoProvider for Quick {
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

/// A merchant as a gateway knows it, believing certificates, to be told more.
#[must_use]
pub fn builder(gateway: &Gateway, known: &Known) -> Builder {
    let provider = provider(gateway);
    let api_key = known.api_keys().last().unwrap();
    let private_key = provider.private_key(&Secret::new(api_key.pair.private_der())).unwrap();
    let api_v3_key = ApiV3Key::new(known.api_v3_key().unwrap().expose().clone()).unwrap();
    let (mchid, serial_no) = (known.mchid().clone(), api_key.certificate.serial().clone());
    Merchant::builder(provider, mchid, serial_no, private_key, &api_v3_key)
}

/// The same, believing the public key alone.
#[must_use]
pub fn public_key_builder(gateway: &Gateway, known: &Known) -> Builder {
    let key = known.platform().public_key().unwrap();
    let public = provider(gateway).public_key(&key.pair.public().der()).unwrap();
    builder(gateway, known).public_key(key.id.clone(), public)
}

/// A notice as its receiver gets it.
#[must_use]
pub fn received(delivery: &Delivery) -> RawNotification {
    delivery
        .headers()
        .iter()
        .fold(RawNotification::new(delivery.body().to_vec()), |received, (name, value)| {
            received.with(name, value.as_bytes())
        })
}

impl Wire {
    /// Delivers every notice that is due, and hands the verified ones on. What is answered reaches the gateway.
    pub fn deliver_due_v3(
        &mut self,
        lab: &mut Lab,
        me: &Merchant,
        mut on_notification: impl FnMut(Notification) -> Ack,
    ) {
        let mut due = std::mem::take(&mut self.early);
        due.extend(self.gateway.due(lab.now));
        for delivery in due {
            let ack = match lab.run(me.verify_notification(received(&delivery)), self) {
                Ok(notification) => {
                    assert!(!delivery.is_forged(), "a tampered notice was believed");
                    on_notification(notification)
                }
                Err(error) => Ack::for_error(&error),
            };
            let reply = ack.response();
            let result = DeliveryResult::Answered { status: reply.status(), body: reply.body().to_vec() };
            self.gateway.delivered(delivery.id(), &result, lab.now);
        }
    }
}
