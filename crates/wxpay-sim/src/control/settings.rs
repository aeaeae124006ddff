//! Routes of the settings that can be changed while the gateway runs.

mod setting;
mod v1;
mod v3;

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::Field,
    route::{Body, Route, RouteGroup},
    schema::Schema,
};
use crate::settings::Settings;
use serde_json::Value;
use setting::Setting;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "settings",
    description: "The settings that can be changed while the gateway runs.",
    routes: &[
        Route::get("settings", "show_settings", "Returns the settings.", SETTINGS, |simulation, _| {
            Ok(ControlResponse::ok(values(simulation.gateway.settings())))
        }),
        Route::post(
            "settings",
            "change_settings",
            "Changes the settings that the body names.",
            SETTINGS,
            |simulation, call| Ok(change(simulation, call)),
        )
        .method("PATCH")
        .with_body(Body::Settings(fields)),
    ],
};

pub(super) const SETTINGS: Schema = Schema::Settings("Settings", fields);

/// Every setting.
fn table() -> impl Iterator<Item = &'static Setting> {
    v3::TABLE.iter().chain(v1::TABLE)
}

fn fields() -> Vec<Field> {
    table().map(|setting| setting.field).collect()
}

/// Returns the value of every setting.
pub(super) fn values(settings: &Settings) -> Value {
    let mut settings = settings.clone();
    let members = table().map(|setting| (String::from(setting.field.name), setting.value(&mut settings)));
    Value::Object(members.collect())
}

fn change(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let settings = simulation.gateway.settings_mut();
    for setting in table() {
        setting.change(settings, &call.body);
    }
    ControlResponse::ok(values(settings))
}
