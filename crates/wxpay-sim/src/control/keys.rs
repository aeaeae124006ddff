//! Routes of the platform keys of a merchant: certificate rotation and migration to the public key.

use super::{
    ControlResponse, Simulation,
    call::Call,
    fault_rules,
    field::{Kind, required},
    merchants::{MAX_CERTIFICATES, MERCHANT_NOT_FOUND, check_count, merchant, merchant_not_found},
    problem::Problem,
    records::merchant::{PLATFORM, PlatformView, modes},
    route::{Body, Route, RouteGroup},
};
use crate::{
    faults::MigrationStep,
    merchant::{KeyMode, Merchant, MigrationError},
};
use wxpay_proto::id::MchId;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "keys",
    description: "The platform keys of a merchant, and the migration from platform certificates to the public key.",
    routes: &[
        Route::get(
            "merchants/{mchid}/platform",
            "show_platform_keys",
            "Returns the platform keys that the gateway uses with the merchant.",
            PLATFORM,
            |simulation, call| {
                let merchant = merchant(&simulation.gateway, call)?;
                Ok(ControlResponse::json(PlatformView::of(merchant, call.now.business)))
            },
        )
        .with_problems(&[MERCHANT_NOT_FOUND]),
        Route::post(
            "merchants/{mchid}/platform/migrate",
            "migrate_platform_keys",
            "Takes a step of the migration as the merchant: obtain, switch, void; roll_back reverts switch.",
            PLATFORM,
            migrate,
        )
        .with_body(Body::Required(&[required(
            "step",
            Kind::Enum(fault_rules::steps),
            "The step. void is possible from the seventh day after switch.",
        )]))
        .with_problems(&[MERCHANT_NOT_FOUND, MIGRATION_CONFLICT]),
        Route::post(
            "merchants/{mchid}/platform/rotate",
            "rotate_platform_certificate",
            "Lists a new platform certificate, which signs from one day later.",
            PLATFORM,
            rotate,
        )
        .with_problems(&[
            MERCHANT_NOT_FOUND,
            (409, "The migration does not allow this now, or 100 certificates are listed already."),
        ]),
        Route::post(
            "merchants/{mchid}/platform/mode",
            "set_platform_mode",
            "Sets the keys in use at once, without the steps of a migration.",
            PLATFORM,
            set_mode,
        )
        .method("PUT")
        .with_body(Body::Required(&[required("mode", Kind::Enum(modes), "The keys to use.")]))
        .with_problems(&[MERCHANT_NOT_FOUND]),
    ],
};

const MIGRATION_CONFLICT: (u16, &str) = (409, "The migration does not allow this now.");

fn migrate(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let step = call.body.text("step").and_then(MigrationStep::from_name);
    let step = step.ok_or_else(|| Problem::missing_field("step"))?;
    change(simulation, call, |merchant| {
        let platform = merchant.platform_mut();
        match step {
            MigrationStep::Obtain => platform.obtain_public_key(),
            MigrationStep::Switch => platform.start_switch(call.now.business),
            MigrationStep::RollBack => platform.roll_back(),
            MigrationStep::Void => platform.void_certificates(call.now.business),
        }
    })
}

fn rotate(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let merchant = merchant(&simulation.gateway, call)?;
    check_count(merchant.platform().certificates(call.now.wall).count(), true, MAX_CERTIFICATES)?;
    let mchid = merchant.mchid().clone();
    simulation.gateway.rotate_certificate(&mchid, call.now).map_err(migration_error)?;
    change(simulation, call, |_| Ok(()))
}

fn set_mode(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let mode = match call.body.text("mode") {
        Some("certificates") => KeyMode::Certificates,
        Some("obtained") => KeyMode::Obtained,
        Some("switching") => KeyMode::Switching { since: call.now.business },
        Some("public_key") => KeyMode::PublicKey,
        _ => KeyMode::Either,
    };
    change(simulation, call, |merchant| {
        merchant.platform_mut().set_mode(mode);
        Ok(())
    })
}

fn change(
    simulation: &mut Simulation,
    call: &Call<'_>,
    change: impl FnOnce(&mut Merchant) -> Result<(), MigrationError>,
) -> Result<ControlResponse, Problem> {
    let mchid: MchId = call.path.required("mchid")?;
    let merchant = simulation.gateway.merchant_mut(&mchid).ok_or_else(merchant_not_found)?;
    change(merchant).map_err(migration_error)?;
    Ok(ControlResponse::json(PlatformView::of(merchant, call.now.business)))
}

fn migration_error(error: MigrationError) -> Problem {
    Problem::conflict("the step is not possible", &error.to_string())
}
