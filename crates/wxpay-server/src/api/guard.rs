//! Authentication of `/api`.

use crate::problem::Problem;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use wxpay_proto::secret::Secret;

/// Passes a request on if it carries the API token, or if no token is configured; otherwise answers 401.
pub(super) async fn check(
    State(token): State<Arc<Option<Secret<String>>>>,
    request: Request,
    next: Next,
) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if token.as_ref().as_ref().is_none_or(|token| is_bearer(shown, token)) {
        return next.run(request).await;
    }
    let title = "The API token is missing or wrong";
    let detail = "the header authorization must be: Bearer TOKEN";
    let mut refusal = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title, detail).into_response();
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    refusal
}

/// Compares in a time that depends on the lengths only, so that timing does not reveal the token.
fn is_bearer(shown: Option<&[u8]>, token: &Secret<String>) -> bool {
    let Some((scheme, shown)) = shown.and_then(|shown| shown.split_at_checked(7)) else { return false };
    scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(shown.ct_eq(token.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens() {
        let token = Secret::new("0123456789abcdef".to_owned());
        assert!(is_bearer(Some(b"Bearer 0123456789abcdef"), &token));
        assert!(is_bearer(Some(b"bearer 0123456789abcdef"), &token));
        for shown in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef ",
            "0123456789abcdef",
        ] {
            assert!(!is_bearer(Some(shown.as_bytes()), &token), "{shown}");
        }
        assert!(!is_bearer(None, &token));
    }
}
