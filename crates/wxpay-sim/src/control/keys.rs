//! The platform's keys towards a merchant: shown, rotated, migrated.

use super::{
    Answer, Simulation,
    call::Call,
    field::{Kind, must},
    merchants::{CERTIFICATE, NO_MERCHANT, Shown, merchant, unknown},
    problem::Problem,
    route::{Body, Room, Route},
    rules,
    shape::{Record, Shape, always},
};
use crate::{
    faults::Step,
    merchant::{Merchant, Misstep, Mode, PlatformCertificate},
};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{MchId, PublicKeyId},
};

pub(super) const ROOM: Room = Room {
    name: "keys",
    about: "The platform's keys towards a merchant, and the migration from certificates to the public key.",
    routes: &[
        Route::get(
            "merchants/{mchid}/platform",
            "show_platform_keys",
            "The platform's keys towards the merchant.",
            PLATFORM,
            |simulation, call| {
                let merchant = merchant(&simulation.gateway, call)?;
                Ok(Answer::shown(Platform::of(merchant, call.now)))
            },
        )
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/platform/migrate",
            "migrate_platform_keys",
            "The merchant takes a step of the migration: certificates – obtain – switch – void; roll_back takes switch back.",
            PLATFORM,
            migrate,
        )
        .taking(Body::Required(&[must(
            "step",
            Kind::OneOf(rules::steps),
            "Which. Certificates can be voided from the seventh day of the switch on.",
        )]))
        .or(&[NO_MERCHANT, MISSTEP]),
        Route::post(
            "merchants/{mchid}/platform/rotate",
            "rotate_platform_certificate",
            "Lists a new platform certificate, which signs a day later.",
            PLATFORM,
            rotate,
        )
        .or(&[NO_MERCHANT, MISSTEP]),
        Route::post(
            "merchants/{mchid}/platform/mode",
            "set_platform_mode",
            "Uses other keys at once, whatever was before: for setting a scene.",
            PLATFORM,
            set_mode,
        )
        .by("PUT")
        .taking(Body::Required(&[must("mode", Kind::OneOf(modes), "Which keys.")]))
        .or(&[NO_MERCHANT]),
    ],
};

const MISSTEP: (u16, &str) = (409, "The migration does not allow this now.");
pub(super) const PLATFORM: Shape = Shape::Record(&KEYS);
static KEYS: Record = Record {
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
static LISTED: Record = Record {
    name: "PlatformCertificate",
    about: "A platform certificate.",
    members: &[
        always("signs_from", Shape::Seconds, "From when it signs; it is listed before."),
        always("certificate", CERTIFICATE, "The certificate."),
    ],
};
static PUBLIC_KEY: Record = Record {
    name: "PlatformPublicKey",
    about: "The platform's public key.",
    members: &[
        always("id", Shape::Text, "PUB_KEY_ID_ and digits."),
        always("pem", Shape::Text, "The key in PEM."),
    ],
};

fn modes() -> Vec<&'static str> {
    vec!["certificates", "obtained", "switching", "public_key", "either"]
}

/// The platform's keys as they are shown: their public halves.
#[derive(Serialize)]
pub(super) struct Platform {
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
    pub(super) fn of(merchant: &Merchant, now: UnixTime) -> Self {
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

fn migrate(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let step = call.body.text("step").and_then(Step::named);
    let step = step.ok_or_else(|| Problem::missing_field("step"))?;
    changed(simulation, call, |merchant| {
        let platform = merchant.platform_mut();
        match step {
            Step::Obtain => platform.obtain(),
            Step::Switch => platform.switch(call.now),
            Step::RollBack => platform.roll_back(),
            Step::Void => platform.void(call.now),
        }
    })
}

fn rotate(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = merchant(&simulation.gateway, call)?.mchid().clone();
    simulation.gateway.rotate_certificate(&mchid, call.now).map_err(misstep)?;
    changed(simulation, call, |_| Ok(()))
}

fn set_mode(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mode = match call.body.text("mode") {
        Some("certificates") => Mode::Certificates,
        Some("obtained") => Mode::Obtained,
        Some("switching") => Mode::Switching { since: call.now },
        Some("public_key") => Mode::PublicKey,
        _ => Mode::Either,
    };
    changed(simulation, call, |merchant| {
        merchant.platform_mut().set_mode(mode);
        Ok(())
    })
}

fn changed(
    simulation: &mut Simulation,
    call: &Call<'_>,
    change: impl FnOnce(&mut Merchant) -> Result<(), Misstep>,
) -> Result<Answer, Problem> {
    let mchid: MchId = call.path.named("mchid")?;
    let merchant = simulation.gateway.merchant_mut(&mchid).ok_or_else(unknown)?;
    change(merchant).map_err(misstep)?;
    Ok(Answer::shown(Platform::of(merchant, call.now)))
}

fn misstep(misstep: Misstep) -> Problem {
    Problem::conflict("a step that cannot be taken", &misstep.to_string())
}
