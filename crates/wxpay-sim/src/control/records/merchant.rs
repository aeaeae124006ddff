//! Schemas and views of merchants, certificates and platform keys. They contain no secret.

use super::super::schema::{Record, SECONDS, Schema, required_member};
use crate::{
    keys::Certificate,
    merchant::{KeyMode, Merchant, PlatformCertificate},
};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{AppId, MchId, PublicKeyId, SerialNo},
};

pub(in crate::control) const MERCHANTS: Schema = Schema::List(&MERCHANT);
pub(in crate::control) const MERCHANT: Schema = Schema::Record(&MERCHANT_RECORD);
const MERCHANT_RECORD: Record = Record {
    name: "Merchant",
    description: "A merchant, without its secrets.",
    members: &[
        required_member("mchid", Schema::Text, "The merchant's mchid."),
        required_member(
            "appids",
            Schema::List(&Schema::Text),
            "The merchant's apps; the first one is its default.",
        ),
        required_member(
            "certificates",
            Schema::List(&CERTIFICATE),
            "The merchant's API certificates, oldest first.",
        ),
        required_member("has_api_v3_key", Schema::Boolean, "True if an APIv3 key is set."),
        required_member(
            "sub_merchants",
            Schema::List(&Schema::Record(&SUB_MERCHANT)),
            "The sub-merchants that it serves.",
        ),
        required_member("platform", PLATFORM, "The platform keys that the gateway uses with this merchant."),
    ],
};
const SUB_MERCHANT: Record = Record {
    name: "SubMerchant",
    description: "A sub-merchant that a service provider acts for.",
    members: &[
        required_member("sub_mchid", Schema::Text, "The sub-merchant's mchid."),
        required_member("appids", Schema::List(&Schema::Text), "The sub-merchant's apps."),
    ],
};
pub(in crate::control) const CERTIFICATE: Schema = Schema::Record(&Record {
    name: "Certificate",
    description: "A certificate.",
    members: &[
        required_member("serial_no", Schema::Text, "The serial number."),
        required_member("effective_at", SECONDS, "The start of validity."),
        required_member("expires_at", SECONDS, "The end of validity."),
        required_member("pem", Schema::Nullable(&Schema::Text), "The certificate in PEM."),
    ],
});

/// View of a merchant, without its secrets.
#[derive(Serialize)]
pub(in crate::control) struct MerchantView {
    mchid: MchId,
    appids: Vec<AppId>,
    certificates: Vec<CertificateView>,
    has_api_v3_key: bool,
    sub_merchants: Vec<SubMerchantView>,
    platform: PlatformView,
}

#[derive(Serialize)]
struct SubMerchantView {
    sub_mchid: MchId,
    appids: Vec<AppId>,
}

/// View of a certificate.
#[derive(Serialize)]
pub(in crate::control) struct CertificateView {
    serial_no: SerialNo,
    effective_at: u64,
    expires_at: u64,
    pem: Option<String>,
}

impl CertificateView {
    pub(in crate::control) fn of(certificate: &Certificate) -> Self {
        Self {
            serial_no: certificate.serial().clone(),
            effective_at: certificate.not_before().as_secs(),
            expires_at: certificate.not_after().as_secs(),
            pem: certificate.pem().ok(),
        }
    }
}

impl MerchantView {
    pub(in crate::control) fn of(merchant: &Merchant, now: UnixTime) -> Self {
        let sub_merchants = merchant.sub_merchants().iter();
        Self {
            mchid: merchant.mchid().clone(),
            appids: merchant.appids().to_vec(),
            certificates: merchant
                .api_keys()
                .iter()
                .map(|key| CertificateView::of(&key.certificate))
                .collect(),
            has_api_v3_key: merchant.api_v3_key().is_some(),
            sub_merchants: sub_merchants
                .map(|(mchid, appids)| SubMerchantView { sub_mchid: mchid.clone(), appids: appids.clone() })
                .collect(),
            platform: PlatformView::of(merchant, now),
        }
    }
}

pub(in crate::control) const PLATFORM: Schema = Schema::Record(&PLATFORM_RECORD);
const PLATFORM_RECORD: Record = Record {
    name: "Platform",
    description: "The platform keys that the gateway uses with a merchant.",
    members: &[
        required_member(
            "mode",
            Schema::Enum(modes),
            "The keys in use. `either` does not exist at WeChat Pay: the request selects the key.",
        ),
        required_member(
            "switching_since",
            Schema::Nullable(&SECONDS),
            "The time at which the merchant started the switch.",
        ),
        required_member(
            "certificates",
            Schema::List(&Schema::Record(&PLATFORM_CERTIFICATE)),
            "The certificates that the merchant can download now.",
        ),
        required_member(
            "public_key",
            Schema::Nullable(&Schema::Record(&PUBLIC_KEY)),
            "The WeChat Pay public key, once the merchant has obtained it.",
        ),
    ],
};
const PLATFORM_CERTIFICATE: Record = Record {
    name: "PlatformCertificate",
    description: "A platform certificate.",
    members: &[
        required_member("signs_from", SECONDS, "The time from which it signs; it is listed earlier."),
        required_member("certificate", CERTIFICATE, "The certificate."),
    ],
};
const PUBLIC_KEY: Record = Record {
    name: "PlatformPublicKey",
    description: "The WeChat Pay public key.",
    members: &[
        required_member("id", Schema::Text, "The id: PUB_KEY_ID_ and digits."),
        required_member("pem", Schema::Text, "The key in PEM."),
    ],
};

pub(in crate::control) fn modes() -> Vec<&'static str> {
    vec!["certificates", "obtained", "switching", "public_key", "either"]
}

/// View of the platform keys: their public halves.
#[derive(Serialize)]
pub(in crate::control) struct PlatformView {
    mode: &'static str,
    switching_since: Option<u64>,
    certificates: Vec<PlatformCertificateView>,
    public_key: Option<PublicKey>,
}

#[derive(Serialize)]
struct PlatformCertificateView {
    signs_from: u64,
    certificate: CertificateView,
}

#[derive(Serialize)]
struct PublicKey {
    id: PublicKeyId,
    pem: String,
}

impl PlatformView {
    pub(in crate::control) fn of(merchant: &Merchant, now: UnixTime) -> Self {
        let platform = merchant.platform();
        let (mode, switching_since) = match platform.mode() {
            KeyMode::Certificates => ("certificates", None),
            KeyMode::Obtained => ("obtained", None),
            KeyMode::Switching { since } => ("switching", Some(since.as_secs())),
            KeyMode::PublicKey => ("public_key", None),
            KeyMode::Either => ("either", None),
        };
        let certificate = |certificate: &PlatformCertificate| PlatformCertificateView {
            signs_from: certificate.signs_from.as_secs(),
            certificate: CertificateView::of(&certificate.certificate),
        };
        let key = platform.public_key();
        Self {
            mode,
            switching_since,
            certificates: platform.certificates(now).map(certificate).collect(),
            public_key: key.map(|key| PublicKey { id: key.id.clone(), pem: key.key_pair.public().pem() }),
        }
    }
}
