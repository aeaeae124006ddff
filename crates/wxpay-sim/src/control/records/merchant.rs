//! Schemas and views of merchants, certificates and platform keys. They contain no secret.

use super::super::shape::{Record, Shape, always};
use crate::{
    keys::Certificate,
    merchant::{Merchant, Mode, PlatformCertificate},
};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{AppId, MchId, PublicKeyId, SerialNo},
};

pub(in crate::control) const MERCHANTS: Shape = Shape::List(&MERCHANT);
pub(in crate::control) const MERCHANT: Shape = Shape::Record(&WHOLE);
const WHOLE: Record = Record {
    name: "Merchant",
    about: "A merchant, without its secrets.",
    members: &[
        always("mchid", Shape::Text, "The merchant's mchid."),
        always("appids", Shape::List(&Shape::Text), "The merchant's apps; the first one is its default."),
        always("certificates", Shape::List(&CERTIFICATE), "The merchant's API certificates, oldest first."),
        always("has_api_v3_key", Shape::Truth, "True if an APIv3 key is set."),
        always("sub_merchants", Shape::List(&Shape::Record(&SUB)), "The sub-merchants that it serves."),
        always("platform", PLATFORM, "The platform keys that the gateway uses with this merchant."),
    ],
};
const SUB: Record = Record {
    name: "SubMerchant",
    about: "A sub-merchant that a service provider acts for.",
    members: &[
        always("sub_mchid", Shape::Text, "The sub-merchant's mchid."),
        always("appids", Shape::List(&Shape::Text), "The sub-merchant's apps."),
    ],
};
pub(in crate::control) const CERTIFICATE: Shape = Shape::Record(&Record {
    name: "Certificate",
    about: "A certificate.",
    members: &[
        always("serial_no", Shape::Text, "The serial number."),
        always("effective_at", Shape::Seconds, "The start of validity."),
        always("expires_at", Shape::Seconds, "The end of validity."),
        always("pem", Shape::Maybe(&Shape::Text), "The certificate in PEM."),
    ],
});

/// View of a merchant, without its secrets.
#[derive(Serialize)]
pub(in crate::control) struct View {
    mchid: MchId,
    appids: Vec<AppId>,
    certificates: Vec<Shown>,
    has_api_v3_key: bool,
    sub_merchants: Vec<Sub>,
    platform: Platform,
}

#[derive(Serialize)]
struct Sub {
    sub_mchid: MchId,
    appids: Vec<AppId>,
}

/// View of a certificate.
#[derive(Serialize)]
pub(in crate::control) struct Shown {
    serial_no: SerialNo,
    effective_at: u64,
    expires_at: u64,
    pem: Option<String>,
}

impl Shown {
    pub(in crate::control) fn of(certificate: &Certificate) -> Self {
        Self {
            serial_no: certificate.serial().clone(),
            effective_at: certificate.effective().as_secs(),
            expires_at: certificate.expires().as_secs(),
            pem: certificate.pem().ok(),
        }
    }
}

impl View {
    pub(in crate::control) fn of(merchant: &Merchant, now: UnixTime) -> Self {
        let subs = merchant.subs().iter();
        Self {
            mchid: merchant.mchid().clone(),
            appids: merchant.appids().to_vec(),
            certificates: merchant.api_keys().iter().map(|own| Shown::of(&own.certificate)).collect(),
            has_api_v3_key: merchant.api_v3_key().is_some(),
            sub_merchants: subs
                .map(|(mchid, appids)| Sub { sub_mchid: mchid.clone(), appids: appids.clone() })
                .collect(),
            platform: Platform::of(merchant, now),
        }
    }
}

pub(in crate::control) const PLATFORM: Shape = Shape::Record(&KEYS);
const KEYS: Record = Record {
    name: "Platform",
    about: "The platform keys that the gateway uses with a merchant.",
    members: &[
        always(
            "mode",
            Shape::Word(modes),
            "The keys in use. `either` does not exist at WeChat Pay: the request selects the key.",
        ),
        always(
            "switching_since",
            Shape::Maybe(&Shape::Seconds),
            "The time at which the merchant started the switch.",
        ),
        always(
            "certificates",
            Shape::List(&Shape::Record(&LISTED)),
            "The certificates that the merchant can download now.",
        ),
        always(
            "public_key",
            Shape::Maybe(&Shape::Record(&PUBLIC_KEY)),
            "The WeChat Pay public key, once the merchant has obtained it.",
        ),
    ],
};
const LISTED: Record = Record {
    name: "PlatformCertificate",
    about: "A platform certificate.",
    members: &[
        always("signs_from", Shape::Seconds, "The time from which it signs; it is listed earlier."),
        always("certificate", CERTIFICATE, "The certificate."),
    ],
};
const PUBLIC_KEY: Record = Record {
    name: "PlatformPublicKey",
    about: "The WeChat Pay public key.",
    members: &[
        always("id", Shape::Text, "The id: PUB_KEY_ID_ and digits."),
        always("pem", Shape::Text, "The key in PEM."),
    ],
};

pub(in crate::control) fn modes() -> Vec<&'static str> {
    vec!["certificates", "obtained", "switching", "public_key", "either"]
}

/// View of the platform keys: their public halves.
#[derive(Serialize)]
pub(in crate::control) struct Platform {
    mode: &'static str,
    switching_since: Option<u64>,
    certificates: Vec<Listed>,
    public_key: Option<PublicKey>,
}

#[derive(Serialize)]
struct Listed {
    signs_from: u64,
    certificate: Shown,
}

#[derive(Serialize)]
struct PublicKey {
    id: PublicKeyId,
    pem: String,
}

impl Platform {
    pub(in crate::control) fn of(merchant: &Merchant, now: UnixTime) -> Self {
        let platform = merchant.platform();
        let (mode, since) = match platform.mode() {
            Mode::Certificates => ("certificates", None),
            Mode::Obtained => ("obtained", None),
            Mode::Switching { since } => ("switching", Some(since.as_secs())),
            Mode::PublicKey => ("public_key", None),
            Mode::Either => ("either", None),
        };
        let listed = |listed: &PlatformCertificate| Listed {
            signs_from: listed.signs_from.as_secs(),
            certificate: Shown::of(&listed.certificate),
        };
        let key = platform.public_key();
        Self {
            mode,
            switching_since: since,
            certificates: platform.certificates(now).map(listed).collect(),
            public_key: key.map(|key| PublicKey { id: key.id.clone(), pem: key.pair.public().pem() }),
        }
    }
}
