//! Routes of APIv3 merchants: apps, keys, certificates and sub-merchants.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{APP_ID, DIGITS, Field, Kind, LETTERS, optional, required},
    page::{BY_MCHID, LINK, page},
    problem::Problem,
    records::merchant::{CERTIFICATE, CertificateView, MERCHANT, MERCHANTS, MerchantView},
    route::{Body, Route, RouteGroup},
    schema::Schema,
};
use crate::{environment::Environment, gateway::Gateway, merchant::Merchant};
use serde_json::{Map, Value};
use wxpay_proto::id::{AppId, MchId, SerialNo};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "merchants",
    description: "APIv3 merchants. Only reveal_secrets_of_merchant returns secrets.",
    routes: &[
        Route::get("merchants", "list_merchants", "Lists the merchants.", MERCHANTS, |simulation, call| {
            let after = call.query.text("after");
            let merchants = simulation.gateway.merchants_after(after);
            let views =
                merchants.map(|merchant| (merchant.mchid(), MerchantView::of(merchant, call.now.wall)));
            Ok(page(call, views, |_| true))
        })
        .paged(BY_MCHID)
        .with_response_headers(LINK),
        Route::post(
            "merchants",
            "create_merchant",
            "Creates a merchant with keys, one app and one sub-merchant.",
            MERCHANT,
            create,
        )
        .with_body(Body::Optional(NEW_MERCHANT_FIELDS))
        .created()
        .with_problems(&[(409, "A merchant with this mchid exists.")]),
        Route::get(
            "merchants/{mchid}",
            "show_merchant",
            "Returns one merchant.",
            MERCHANT,
            |simulation, call| {
                let merchant = merchant(&simulation.gateway, call)?;
                Ok(ControlResponse::json(MerchantView::of(merchant, call.now.wall)))
            },
        )
        .with_problems(&[MERCHANT_NOT_FOUND]),
        Route::get(
            "merchants/{mchid}/environment",
            "reveal_secrets_of_merchant",
            "Returns THE MERCHANT'S SECRETS: the environment that wxpay sim exports, with PEM texts in \
             place of file names. WXPAY_BASE_URL is the origin of this request. WXPAY_TLS_CA_FILE is \
             omitted: a client of this route over TLS already trusts the CA.",
            Schema::StringMap,
            environment,
        )
        .with_problems(&[MERCHANT_NOT_FOUND]),
        Route::post(
            "merchants/{mchid}/apps/{appid}",
            "add_app",
            "Adds an app to the merchant. Has no effect if the merchant has the app.",
            MERCHANT,
            add_app,
        )
        .method("PUT")
        .with_problems(&[MERCHANT_NOT_FOUND, TOO_MANY_APPS]),
        Route::post(
            "merchants/{mchid}/sub_merchants/{sub_mchid}",
            "add_sub_merchant",
            "Adds a sub-merchant and its apps to the merchant, which acts as its service provider.",
            MERCHANT,
            add_sub_merchant,
        )
        .method("PUT")
        .with_body(Body::Optional(SUB_MERCHANT_FIELDS))
        .with_problems(&[MERCHANT_NOT_FOUND, TOO_MANY_APPS]),
        Route::post(
            "merchants/{mchid}/api_v3_key",
            "set_api_v3_key",
            "Sets the merchant's APIv3 key.",
            MERCHANT,
            set_key,
        )
        .method("PUT")
        .with_body(Body::Required(&[required("key", Kind::Text(32, 32, LETTERS), "32 letters and digits.")]))
        .with_problems(&[MERCHANT_NOT_FOUND]),
        Route::post(
            "merchants/{mchid}/api_v3_key",
            "remove_api_v3_key",
            "Removes the merchant's APIv3 key. Without it, no notification is sent.",
            MERCHANT,
            remove_key,
        )
        .method("DELETE")
        .with_problems(&[MERCHANT_NOT_FOUND]),
        Route::post(
            "merchants/{mchid}/certificates",
            "issue_certificate",
            "Issues another API certificate; the earlier ones stay valid. The merchant's environment \
             contains its private key.",
            CERTIFICATE,
            issue,
        )
        .created()
        .with_problems(&[MERCHANT_NOT_FOUND, TOO_MANY_CERTIFICATES]),
        Route::post(
            "merchants/{mchid}/certificates/{serial_no}",
            "revoke_certificate",
            "Revokes an API certificate. Requests that name it are refused.",
            MERCHANT,
            revoke,
        )
        .method("DELETE")
        .with_problems(&[(404, "The merchant or its certificate does not exist.")]),
    ],
};

/// Maximum number of a merchant's apps, and of its sub-merchants.
const MAX_APPS: usize = 1000;
/// Maximum number of a merchant's certificates, and of those that the platform lists for it.
pub(super) const MAX_CERTIFICATES: usize = 100;

const TOO_MANY_APPS: (u16, &str) = (409, "The merchant has 1000 already.");
const TOO_MANY_CERTIFICATES: (u16, &str) = (409, "The merchant has 100 certificates already.");
pub(super) const MERCHANT_NOT_FOUND: (u16, &str) = (404, "The merchant does not exist.");
const NEW_MERCHANT_FIELDS: &[Field] = &[
    optional("mchid", Kind::Text(1, 32, DIGITS), "The merchant's mchid. Default: generated."),
    optional("appid", Kind::Form(&APP_ID), "The merchant's app. Default: generated."),
];
const SUB_MERCHANT_FIELDS: &[Field] =
    &[optional("appids", Kind::List(&Kind::Form(&APP_ID), 50), "The sub-merchant's apps. Default: none.")];

/// Returns the merchant that the path names.
pub(super) fn merchant<'a>(gateway: &'a Gateway, call: &Call<'_>) -> Result<&'a Merchant, Problem> {
    let mchid: MchId = call.path.required("mchid")?;
    gateway.merchant_by_mchid(&mchid).ok_or_else(merchant_not_found)
}

pub(super) fn merchant_not_found() -> Problem {
    Problem::not_found("merchant")
}

/// Refuses one more item of a merchant if it has the maximum: the gateway is locked while its record is written.
pub(super) fn check_count(count: usize, is_new: bool, max: usize) -> Result<(), Problem> {
    if is_new && count >= max {
        return Err(Problem::conflict("the merchant is full", &format!("the merchant has {max} already")));
    }
    Ok(())
}

fn create(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let (mchid, appid) = (call.body.optional::<MchId>("mchid")?, call.body.optional::<AppId>("appid")?);
    let gateway = &mut simulation.gateway;
    if mchid.as_ref().is_some_and(|mchid| gateway.merchant_by_mchid(mchid).is_some()) {
        return Err(Problem::conflict("the merchant exists", "a merchant with this mchid exists already"));
    }
    Ok(ControlResponse::json(MerchantView::of(&gateway.new_merchant_with(mchid, appid), call.now.wall)))
}

fn environment(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let mchid = merchant(&simulation.gateway, call)?.mchid().clone();
    let environment = Environment::of_merchant(
        &simulation.gateway,
        &mchid,
        call.base_url.unwrap_or_default(),
        call.now.wall,
    );
    let values =
        environment.and_then(|environment| environment.values().ok()).ok_or_else(merchant_not_found)?;
    let values = values.into_iter().filter(|(name, _)| *name != "WXPAY_BASE_URL" || call.base_url.is_some());
    let members: Map<String, Value> =
        values.map(|(name, value)| (String::from(name), Value::String(value))).collect();
    Ok(ControlResponse::ok(Value::Object(members)))
}

fn add_app(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let appid: AppId = call.path.required("appid")?;
    let found = merchant(&simulation.gateway, call)?;
    let is_new = !found.appids().contains(&appid);
    check_count(found.appids().len(), is_new, MAX_APPS)?;
    change(simulation, call, |merchant| if is_new { merchant.with_appid(appid) } else { merchant })
}

fn add_sub_merchant(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let sub_mchid: MchId = call.path.required("sub_mchid")?;
    let appids = call.body.texts("appids").into_iter().map(str::parse);
    let appids: Result<Vec<AppId>, _> = appids.collect();
    let appids = appids
        .map_err(|error: wxpay_proto::id::InvalidField| Problem::invalid_field("appids", error.rule()))?;
    let sub_merchants = merchant(&simulation.gateway, call)?.sub_merchants();
    check_count(sub_merchants.len(), !sub_merchants.contains_key(&sub_mchid), MAX_APPS)?;
    change(simulation, call, |merchant| merchant.with_sub_merchant(sub_mchid, appids))
}

fn set_key(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let key = call.body.text("key").map(String::from);
    change(simulation, call, |mut merchant| {
        merchant.set_api_v3_key(key);
        merchant
    })
}

fn remove_key(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    change(simulation, call, |mut merchant| {
        merchant.set_api_v3_key(None);
        merchant
    })
}

fn issue(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let merchant = merchant(&simulation.gateway, call)?;
    check_count(merchant.api_keys().len(), true, MAX_CERTIFICATES)?;
    let mchid = merchant.mchid().clone();
    let issued = simulation.gateway.issue_api_key(&mchid, call.now.wall).map_err(|_| merchant_not_found())?;
    Ok(ControlResponse::json(CertificateView::of(&issued.certificate)))
}

fn revoke(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let serial: SerialNo = call.path.required("serial_no")?;
    let merchant = merchant(&simulation.gateway, call)?;
    if !merchant.api_keys().iter().any(|key| *key.certificate.serial() == serial) {
        return Err(Problem::not_found("certificate"));
    }
    change(simulation, call, |mut merchant| {
        merchant.revoke_api_key(&serial);
        merchant
    })
}

fn change(
    simulation: &mut Simulation,
    call: &Call<'_>,
    change: impl FnOnce(Merchant) -> Merchant,
) -> Result<ControlResponse, Problem> {
    let merchant = change(merchant(&simulation.gateway, call)?.clone());
    let response = ControlResponse::json(MerchantView::of(&merchant, call.now.wall));
    simulation.gateway.add_merchant(merchant);
    Ok(response)
}
