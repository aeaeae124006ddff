//! Placing an order: `genprepay`, then the second signature.
//!
//! Source: [the rules of APIv1](crate::manual::protocol#apiv1).

use super::{
    api_reply::{ApiReply, malformed},
    app::AppParams,
    call::{Call, Endpoint},
    merchant::Merchant,
    order::Order,
    package::Package,
    query::pending_order,
    signature::{self, Sha1Sign, StringToSign},
};
use crate::{
    clock::UnixTime, error::Error, exchange::sealed::Sealed, pending::PendingOperation, prelude::*,
    wire::json, world::World,
};
use core::fmt;

/// The operation `genprepay`, which returns the parameters for the app. A retry is harmless: the operation moves no
/// money, and a second request with the same number is for the same order.
#[derive(Clone, Debug)]
pub struct CreatePrepay(Order);

/// A signed order as sent, for debugging: package, signature and body.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SignedPrepay {
    appid: String,
    traceid: String,
    noncestr: String,
    package: String,
    /// The time of signing, in seconds since 1970; a number, as in the document.
    timestamp: u64,
    app_signature: Sha1Sign,
    sign_method: &'static str,
}

/// Omits the `traceid`: it may identify a person.
impl fmt::Debug for SignedPrepay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedPrepay")
            .field("app_signature", &self.app_signature)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

#[derive(serde::Deserialize)]
struct Reply {
    prepayid: Option<String>,
}

impl Merchant {
    /// Places an order. Returns the parameters for the app.
    pub fn prepay(&self, order: Order) -> Call<CreatePrepay> {
        Call::new(self.clone(), CreatePrepay(order))
    }
}

impl SignedPrepay {
    /// Signs an order twice: first the package with MD5, then the whole request with SHA-1.
    pub fn sign(merchant: &Merchant, order: &Order, now: UnixTime, noncestr: String) -> Self {
        let package = Package::from_order(order, merchant).into_text();
        let timestamp = now.as_secs().to_string();
        let fields = fields(merchant.appid().as_str(), &noncestr, &package, &timestamp, order.traceid());
        let app_signature = signature::sha1(fields, merchant.pay_sign_key());
        Self {
            appid: merchant.appid().to_string(),
            traceid: order.traceid().into(),
            noncestr,
            package,
            timestamp: now.as_secs(),
            app_signature,
            sign_method: "sha1",
        }
    }

    /// Returns the package, which ends with its MD5 signature.
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Returns the SHA-1 signature over the request.
    pub fn app_signature(&self) -> Sha1Sign {
        self.app_signature
    }

    /// Returns the string that [`app_signature`](Self::app_signature) signs.
    pub fn string_to_sign(&self, merchant: &Merchant) -> StringToSign {
        let timestamp = self.timestamp.to_string();
        let fields = fields(&self.appid, &self.noncestr, &self.package, &timestamp, &self.traceid);
        signature::sha1_string(fields, merchant.pay_sign_key())
    }

    /// Returns the request's body.
    pub fn body(&self) -> Vec<u8> {
        json::write(self)
    }
}

fn fields<'a>(
    appid: &'a str,
    noncestr: &'a str,
    package: &'a str,
    timestamp: &'a str,
    traceid: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    [
        ("appid", appid),
        ("noncestr", noncestr),
        ("package", package),
        ("timestamp", timestamp),
        ("traceid", traceid),
    ]
    .into_iter()
}

impl Sealed for CreatePrepay {}

impl Endpoint for CreatePrepay {
    type Output = AppParams;

    const LABEL: &'static str = "v1.genprepay";
    const PATH: &'static str = "/pay/genprepay";

    fn body(&self, merchant: &Merchant, world: &mut World<'_>) -> Vec<u8> {
        SignedPrepay::sign(merchant, &self.0, world.now, world.entropy.nonce()).body()
    }

    fn read(
        &self,
        merchant: &Merchant,
        reply: ApiReply<'_>,
        world: &mut World<'_>,
    ) -> Result<AppParams, Error> {
        let Reply { prepayid } = reply.parse()?;
        let prepayid =
            prepayid.ok_or_else(malformed)?.parse().map_err(|fault| malformed().caused_by(fault))?;
        Ok(AppParams::sign(merchant, prepayid, world.now, world.entropy.nonce()))
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        Some(pending_order(self.0.out_trade_no()))
    }
}
