//! Merchants, certificates and the platform's keys, as they are shown: nothing secret.

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
    about: "A merchant. It holds no secret.",
    members: &[
        always("mchid", Shape::Text, "Its number."),
        always("appids", Shape::List(&Shape::Text), "Its apps, the first one first."),
        always("certificates", Shape::List(&CERTIFICATE), "Its API certificates, the oldest first."),
        always("has_api_v3_key", Shape::Truth, "Whether an APIv3 key is set."),
        always("subs", Shape::List(&Shape::Record(&SUB)), "Whom it serves."),
        always("platform", PLATFORM, "The platform's keys towards it."),
    ],
};
const SUB: Record = Record {
    name: "SubMerchant",
    about: "A sub-merchant that a service provider acts for.",
    members: &[
        always("sub_mchid", Shape::Text, "Its number."),
        always("appids", Shape::List(&Shape::Text), "Its own apps."),
    ],
};
pub(in crate::control) const CERTIFICATE: Shape = Shape::Record(&Record {
    name: "Certificate",
    about: "A certificate.",
    members: &[
        always("serial_no", Shape::Text, "Its serial number."),
        always("effective_at", Shape::Seconds, "From when it is valid."),
        always("expires_at", Shape::Seconds, "Until when."),
        always("pem", Shape::Maybe(&Shape::Text), "The certificate in PEM."),
    ],
});

/// A merchant as it is shown.
#[derive(Serialize)]
pub(in crate::control) struct View {
    mchid: MchId,
    appids: Vec<AppId>,
    certificates: Vec<Shown>,
    has_api_v3_key: bool,
    subs: Vec<Sub>,
    platform: Platform,
}

#[derive(Serialize)]
struct Sub {
    sub_mchid: MchId,
    appids: Vec<AppId>,
}

/// A certificate as it is shown.
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
            subs: subs
                .map(|(mchid, appids)| Sub { sub_mchid: mchid.clone(), appids: appids.clone() })
                .collect(),
            platform: Platform::of(merchant, now),
        }
    }
}

pub(in crate::control) const PLATFORM: Shape = Shape::Record(&KEYS);
const KEYS: Record = Record {
    name: "Platform",
    about: "The platform's keys towards a merchant.",
    members: &[
        always(
            "mode",
            Shape::Word(modes),
            "Which keys are used; either is not WeChat Pay's: as the request says.",
        ),
        always("switching_since", Shape::Maybe(&Shape::Seconds), "When the merchant started the switch."),
        always("certificates", Shape::List(&Shape::Record(&LISTED)), "What the merchant can download now."),
        always(
            "public_key",
            Shape::Maybe(&Shape::Record(&PUBLIC_KEY)),
            "The public key, once it is obtained.",
        ),
    ],
};
const LISTED: Record = Record {
    name: "PlatformCertificate",
    about: "A platform certificate.",
    members: &[
        always("signs_from", Shape::Seconds, "From when it signs; it is listed before."),
        always("certificate", CERTIFICATE, "The certificate."),
    ],
};
const PUBLIC_KEY: Record = Record {
    name: "PlatformPublicKey",
    about: "The platform's public key.",
    members: &[
        always("id", Shape::Text, "PUB_KEY_ID_ and digits."),
        always("pem", Shape::Text, "The key in PEM."),
    ],
};

pub(in crate::control) fn modes() -> Vec<&'static str> {
    vec!["certificates", "obtained", "switching", "public_key", "either"]
}

/// The platform's keys as they are shown: their public halves.
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
