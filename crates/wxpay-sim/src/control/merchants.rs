//! Routes of APIv3 merchants: apps, keys, certificates and sub-merchants.

use super::{
    Answer, Simulation,
    call::Call,
    field::{DIGITS, Field, Kind, LETTERS, may, must},
    problem::Problem,
    records::merchant::{CERTIFICATE, MERCHANT, MERCHANTS, Shown, View},
    route::{Body, Room, Route},
    shape::Shape,
};
use crate::{environment::Environment, gateway::Gateway, merchant::Merchant};
use serde_json::{Map, Value};
use wxpay_proto::id::{AppId, MchId, SerialNo};

pub(super) const ROOM: Room = Room {
    name: "merchants",
    about: "APIv3 merchants. Only reveal_secrets_of_merchant returns secrets.",
    routes: &[
        Route::get("merchants", "list_merchants", "Lists the merchants.", MERCHANTS, |simulation, call| {
            Ok(Answer::shown(all(simulation, call)))
        }),
        Route::post(
            "merchants",
            "create_merchant",
            "Creates a merchant with keys, one app and one sub-merchant.",
            MERCHANT,
            create,
        )
        .taking(Body::Optional(NAMES))
        .created()
        .or(&[(409, "A merchant with this mchid exists.")]),
        Route::get(
            "merchants/{mchid}",
            "show_merchant",
            "Returns one merchant.",
            MERCHANT,
            |simulation, call| {
                let merchant = merchant(&simulation.gateway, call)?;
                Ok(Answer::shown(View::of(merchant, call.now)))
            },
        )
        .or(&[NO_MERCHANT]),
        Route::get(
            "merchants/{mchid}/environment",
            "reveal_secrets_of_merchant",
            "Returns THE MERCHANT'S SECRETS: the environment that wxpay sim exports, with PEM texts in \
             place of file names. WXPAY_BASE_URL is the origin of this request. WXPAY_TLS_CA_FILE is \
             omitted: a client of this route over TLS already trusts the CA.",
            Shape::Texts,
            environment,
        )
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/apps/{appid}",
            "add_app",
            "Adds an app to the merchant. Has no effect if the merchant has the app.",
            MERCHANT,
            add_app,
        )
        .by("PUT")
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/sub_merchants/{sub_mchid}",
            "add_sub_merchant",
            "Adds a sub-merchant, with its apps, to the merchant as its service provider.",
            MERCHANT,
            add_sub,
        )
        .by("PUT")
        .taking(Body::Optional(SUB_APPS))
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/api_v3_key",
            "set_api_v3_key",
            "Sets the merchant's APIv3 key.",
            MERCHANT,
            set_key,
        )
        .by("PUT")
        .taking(Body::Required(&[must("key", Kind::Text(32, 32, LETTERS), "32 letters and digits.")]))
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/api_v3_key",
            "remove_api_v3_key",
            "Removes the merchant's APIv3 key. Without it, no notification is sent.",
            MERCHANT,
            remove_key,
        )
        .by("DELETE")
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/certificates",
            "issue_certificate",
            "Issues another API certificate; the earlier ones stay valid. The merchant's environment \
             contains its private key.",
            CERTIFICATE,
            issue,
        )
        .created()
        .or(&[NO_MERCHANT]),
        Route::post(
            "merchants/{mchid}/certificates/{serial_no}",
            "revoke_certificate",
            "Revokes an API certificate. Requests that name it are refused.",
            MERCHANT,
            revoke,
        )
        .by("DELETE")
        .or(&[(404, "The merchant or its certificate does not exist.")]),
    ],
};

pub(super) const NO_MERCHANT: (u16, &str) = (404, "The merchant does not exist.");
const NAMES: &[Field] = &[
    may("mchid", Kind::Text(1, 32, DIGITS), "The merchant's mchid. Default: generated."),
    may("appid", Kind::AppId, "The merchant's app. Default: generated."),
];
const SUB_APPS: &[Field] =
    &[may("appids", Kind::List(&Kind::AppId, 50), "The sub-merchant's apps. Default: none.")];

/// Returns views of all merchants.
pub(super) fn all(simulation: &Simulation, call: &Call<'_>) -> Vec<View> {
    simulation.gateway.merchants().map(|merchant| View::of(merchant, call.now)).collect()
}

/// Returns the merchant that the path names.
pub(super) fn merchant<'a>(gateway: &'a Gateway, call: &Call<'_>) -> Result<&'a Merchant, Problem> {
    let mchid: MchId = call.path.named("mchid")?;
    gateway.merchant_of(&mchid).ok_or_else(unknown)
}

pub(super) fn unknown() -> Problem {
    Problem::unknown("merchant")
}

fn create(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let (mchid, appid) = (call.body.parsed::<MchId>("mchid")?, call.body.parsed::<AppId>("appid")?);
    let gateway = &mut simulation.gateway;
    if mchid.as_ref().is_some_and(|mchid| gateway.merchant_of(mchid).is_some()) {
        return Err(Problem::conflict("the merchant exists", "a merchant with this mchid exists already"));
    }
    Ok(Answer::shown(View::of(&gateway.new_merchant_named(mchid, appid), call.now)))
}

fn environment(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = merchant(&simulation.gateway, call)?.mchid().clone();
    let told = Environment::of_merchant(&simulation.gateway, &mchid, call.base.unwrap_or_default(), call.now);
    let values = told.and_then(|told| told.values().ok()).ok_or_else(unknown)?;
    let values = values.into_iter().filter(|(name, _)| *name != "WXPAY_BASE_URL" || call.base.is_some());
    let members: Map<String, Value> =
        values.map(|(name, value)| (String::from(name), Value::String(value))).collect();
    Ok(Answer::ok(Value::Object(members)))
}

fn add_app(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let appid: AppId = call.path.named("appid")?;
    changed(simulation, call, |merchant| {
        if merchant.has_app(appid.as_str()) { merchant } else { merchant.with_appid(appid) }
    })
}

fn add_sub(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let sub_mchid: MchId = call.path.named("sub_mchid")?;
    let appids = call.body.texts("appids").into_iter().map(str::parse);
    let appids: Result<Vec<AppId>, _> = appids.collect();
    let appids =
        appids.map_err(|error: wxpay_proto::id::InvalidField| Problem::field("appids", error.rule()))?;
    changed(simulation, call, |merchant| merchant.with_sub(sub_mchid, appids))
}

fn set_key(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let key = call.body.text("key").map(String::from);
    changed(simulation, call, |mut merchant| {
        merchant.set_api_v3_key(key);
        merchant
    })
}

fn remove_key(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    changed(simulation, call, |mut merchant| {
        merchant.set_api_v3_key(None);
        merchant
    })
}

fn issue(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let mchid = merchant(&simulation.gateway, call)?.mchid().clone();
    let issued = simulation.gateway.issue_api_key(&mchid, call.now).map_err(|_| unknown())?;
    Ok(Answer::shown(Shown::of(&issued.certificate)))
}

fn revoke(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let serial: SerialNo = call.path.named("serial_no")?;
    let merchant = merchant(&simulation.gateway, call)?;
    if !merchant.api_keys().iter().any(|own| *own.certificate.serial() == serial) {
        return Err(Problem::unknown("certificate"));
    }
    changed(simulation, call, |mut merchant| {
        merchant.revoke_api_key(&serial);
        merchant
    })
}

fn changed(
    simulation: &mut Simulation,
    call: &Call<'_>,
    change: impl FnOnce(Merchant) -> Merchant,
) -> Result<Answer, Problem> {
    let merchant = change(merchant(&simulation.gateway, call)?.clone());
    let shown = Answer::shown(View::of(&merchant, call.now));
    simulation.gateway.enrol(merchant);
    Ok(shown)
}
