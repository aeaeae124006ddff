//! Routes of the platform keys of a merchant: certificate rotation and migration to the public key.

use super::{
    Answer, Simulation,
    call::Call,
    field::{Kind, must},
    merchants::{NO_MERCHANT, merchant, unknown},
    problem::Problem,
    records::merchant::{PLATFORM, Platform, modes},
    route::{Body, Room, Route},
    rules,
};
use crate::{
    faults::Step,
    merchant::{Merchant, Misstep, Mode},
};
use wxpay_proto::id::MchId;

pub(super) const ROOM: Room = Room {
    name: "keys",
    about: "The platform keys of a merchant, and the migration from platform certificates to the public key.",
    routes: &[
        Route::get(
            "merchants/{mchid}/platform",
            "show_platform_keys",
            "Returns the platform keys that the gateway uses with the merchant.",
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
            "Takes a step of the migration as the merchant: obtain, switch, void; roll_back reverts switch.",
            PLATFORM,
            migrate,
        )
        .taking(Body::Required(&[must(
            "step",
            Kind::OneOf(rules::steps),
            "The step. void is possible from the seventh day after switch.",
        )]))
        .or(&[NO_MERCHANT, MISSTEP]),
        Route::post(
            "merchants/{mchid}/platform/rotate",
            "rotate_platform_certificate",
            "Lists a new platform certificate, which signs from one day later.",
            PLATFORM,
            rotate,
        )
        .or(&[NO_MERCHANT, MISSTEP]),
        Route::post(
            "merchants/{mchid}/platform/mode",
            "set_platform_mode",
            "Sets the keys in use at once, without the steps of a migration.",
            PLATFORM,
            set_mode,
        )
        .by("PUT")
        .taking(Body::Required(&[must("mode", Kind::OneOf(modes), "The keys to use.")]))
        .or(&[NO_MERCHANT]),
    ],
};

const MISSTEP: (u16, &str) = (409, "The migration does not allow this now.");
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
    Problem::conflict("the step is not possible", &misstep.to_string())
}
