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
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if token.as_ref().as_ref().is_none_or(|token| is_bearer(authorization, token)) {
        return next.run(request).await;
    }
    let title = "The API token is missing or wrong";
    let detail = "the header authorization must be: Bearer TOKEN";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Returns whether the `authorization` header carries the token. Compares in a time that depends on the lengths only,
/// so that timing does not reveal the token.
fn is_bearer(authorization: Option<&[u8]>, token: &Secret<String>) -> bool {
    let Some((scheme, received)) = authorization.and_then(|value| value.split_at_checked(7)) else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(received.ct_eq(token.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_bearer_token_is_accepted() {
        let token = Secret::new("0123456789abcdef".to_owned());
        assert!(is_bearer(Some(b"Bearer 0123456789abcdef"), &token));
        assert!(is_bearer(Some(b"bearer 0123456789abcdef"), &token));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef ",
            "0123456789abcdef",
        ] {
            assert!(!is_bearer(Some(wrong.as_bytes()), &token), "{wrong}");
        }
        assert!(!is_bearer(None, &token));
    }
}
