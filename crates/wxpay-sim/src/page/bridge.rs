//! The payer's client in a shop's own page: it takes the signed payment parameters.

use super::{PageRequest, PageResponse, plain, text::value};
use crate::control::{ROOT, Simulation};
use serde_json::json;

/// Shows the payment request, or acts as the payer. Any page may call it: it acts only by the merchant's signature.
pub(super) fn answer(simulation: &mut Simulation, request: &PageRequest<'_>) -> PageResponse {
    let act = value(request.query, "act").unwrap_or_default();
    let path = match act.as_str() {
        "show" => "payer/show",
        "pay" => "payer/pay",
        "cancel" => "payer/cancel",
        "wrong_password" => "payer/fail?reason=wrong_password",
        "not_enough" => "payer/fail?reason=not_enough",
        _ => {
            return shared(plain(
                400,
                r#"{"detail":"act must be show, pay, cancel, wrong_password or not_enough"}"#,
            ));
        }
    };
    if request.method != "POST" {
        return shared(plain(405, r#"{"detail":"the method must be POST"}"#));
    }
    if !request.signed_in {
        let detail = "this simulator requires its control token: sign in on its page and pay there";
        return shared(plain(401, &json!({ "detail": detail }).to_string()));
    }
    let response = simulation.control("POST", &format!("{ROOT}{path}"), request.body, request.real);
    let mut answer = shared(plain(response.status, &response.body.to_string()));
    answer.notifications_first = response.notifications_first;
    answer.refused_parameters = Some(response).filter(|response| response.refused.is_some());
    answer
}

/// Lets pages of other sites read the response. Cookies are not sent with such a request.
fn shared(mut response: PageResponse) -> PageResponse {
    response.headers.retain(|(name, _)| *name != "content-type");
    response.headers.push(("content-type", "application/json".into()));
    response.headers.push(("access-control-allow-origin", "*".into()));
    response.headers.push(("cross-origin-resource-policy", "cross-origin".into()));
    response
}
