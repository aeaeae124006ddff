//! `Wechatpay-Serial` of requests: the name of the platform key that encrypted their fields.
//!
//! Operations and fields that require it are declared in their tables. Everywhere else the header is ignored: some
//! merchants' programs send the serial number of their own certificate.

use super::errors::{self, Refusal};
use crate::{keys::KeyPair, merchant::Merchant};
use wxpay_proto::UnixTime;

/// Returns the private half of the named key.
///
/// # Errors
///
/// The refusal of a request without the header, or with a name that is not one of the merchant's platform keys.
pub(super) fn named_key<'a>(
    merchant: &'a Merchant,
    serial: Option<&str>,
    wall: UnixTime,
) -> Result<&'a KeyPair, Refusal> {
    let serial = serial.filter(|serial| !serial.is_empty());
    let serial = serial.ok_or_else(|| errors::SERIAL_MISSING.with_reason("Wechatpay-Serial is required"))?;
    merchant.platform().decryption_key(serial, wall).ok_or_else(|| {
        errors::SERIAL_UNKNOWN.with_reason("Wechatpay-Serial names no platform key of the merchant")
    })
}
