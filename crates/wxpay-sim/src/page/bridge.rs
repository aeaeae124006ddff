//! The payer's client in a shop's own page: it takes the signed payment parameters.

use super::{PageRequest, PageResponse, plain, text::value, words};
use crate::{
    control::{ROOT, Simulation},
    payer::ParameterCause,
};
use serde_json::{Value, json};
use wxpay_explain::Language;

/// Shows the payment request, or acts as the payer. Any page may call it: it acts only by the merchant's signature. `lang`
/// is the language of the causes of a refusal, English by default: programs call it too.
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
    let mut response = simulation.control("POST", &format!("{ROOT}{path}"), request.body, request.real);
    if let Some(refusal) = &response.refused {
        let language = value(request.query, "lang").as_deref().and_then(words::named).unwrap_or_default();
        translate(&mut response.body, &refusal.causes, language);
    }
    let mut answer = shared(plain(response.status, &response.body.to_string()));
    answer.notifications_first = response.notifications_first;
    answer.refused_parameters = Some(response).filter(|response| response.refused.is_some());
    answer
}

/// Shows the causes of refused parameters in a language.
fn translate(body: &mut Value, causes: &[ParameterCause], language: Language) {
    let shown = body.get_mut("causes").and_then(Value::as_array_mut).into_iter().flatten();
    for (shown, cause) in shown.zip(causes) {
        if let Some(message) = shown.get_mut("message") {
            *message = cause.message_in(language).into();
        }
    }
}

/// Lets pages of other sites read the response. Cookies are not sent with such a request.
fn shared(mut response: PageResponse) -> PageResponse {
    response.headers.retain(|(name, _)| *name != "content-type");
    response.headers.push(("content-type", "application/json".into()));
    response.headers.push(("access-control-allow-origin", "*".into()));
    response.headers.push(("cross-origin-resource-policy", "cross-origin".into()));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_shown_in_the_language_of_the_page() {
        let cause = |id, message: &str, chinese: &str| ParameterCause {
            id,
            is_proved: true,
            message: message.into(),
            chinese: chinese.into(),
        };
        let causes = [cause("one", "first", "甲"), cause("two", "second", "乙")];
        let english = json!({ "detail": "refused", "causes": serde_json::to_value(&causes).unwrap() });
        let mut body = english.clone();
        translate(&mut body, &causes, Language::English);
        assert_eq!(body, english);
        translate(&mut body, &causes, Language::Chinese);
        assert_eq!(body["causes"][0], json!({ "id": "one", "is_proved": true, "message": "甲" }));
        assert_eq!((&body["causes"][1]["message"], &body["detail"]), (&json!("乙"), &json!("refused")));
    }
}
