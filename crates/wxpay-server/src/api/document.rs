//! The `OpenAPI` 3.1 document of the interface, and its page.

use super::{
    MAX_BODY_BYTES,
    records::PROBLEM,
    routes::{SCHEME, TABLE},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wxpay_openapi::{CommonProblem, Document, Header, Schema, html_page};

const DESCRIPTION: &str = "A payment server for WeChat Pay. It places orders, receives WeChat Pay's notifications, \
    queries what is in doubt, and reports events. Amounts are whole numbers of fen; times are RFC 3339, rendered in \
    China's time zone. Unknown fields are refused, and null counts as absent. Responses may get more members; clients \
    must ignore those that they do not know. Lists are returned page by page, by opaque cursors. A problem names the \
    field and its rule, and `retryable` says whether the same request may succeed later. After a 503 or a 504, send the \
    same request again, with the same number. The statuses 500 and 502 are never sent by this server.";

/// Builds the document.
pub(crate) fn document() -> Value {
    let too_large = format!("The body has more than {MAX_BODY_BYTES} bytes.");
    let problem = |name, status, condition| CommonProblem {
        name,
        status: Some(status),
        needs_body: false,
        needs_security: false,
        condition,
        headers: REQUEST_ID,
    };
    Document {
        title: "wxpay",
        summary: "A payment server for WeChat Pay",
        description: DESCRIPTION,
        version: env!("CARGO_PKG_VERSION"),
        server: "This server.",
        security: json!([{ SCHEME: [] }]),
        security_schemes: json!({ SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "wxk_…",
            "description": "An API key, as `Authorization: Bearer wxk_…`. Create one with `wxpay api-key create`.",
        } }),
        problem: &PROBLEM,
        invalid: (422, "A field is invalid, or WeChat Pay refused the request (refusal)."),
        problems: &[
            problem("Unreadable", 400, "The request cannot be read."),
            CommonProblem {
                needs_security: true,
                headers: AUTHENTICATE,
                ..problem("Unauthorized", 401, "An API key is required.")
            },
            CommonProblem {
                needs_security: true,
                ..problem("Forbidden", 403, "The API key does not have the scope, or is not for the merchant.")
            },
            CommonProblem { status: None, ..problem("UnknownPath", 404, "The server has no such path.") },
            CommonProblem {
                status: None,
                headers: ALLOW,
                ..problem("MethodNotAllowed", 405, "The path does not have the method.")
            },
            CommonProblem { needs_body: true, ..problem("BodyTimeout", 408, "The body is not complete in time.") },
            CommonProblem { needs_body: true, ..problem("BodyTooLarge", 413, &too_large) },
            CommonProblem {
                needs_body: true,
                ..problem("UnsupportedMediaType", 415, "The body is not declared as application/json.")
            },
            CommonProblem {
                needs_security: true,
                headers: RETRY_AFTER,
                ..problem("RateLimited", 429, "The API key sends too many requests.")
            },
            CommonProblem {
                headers: RETRY_AFTER,
                ..problem("Unavailable", 503, "The server or its ledger is not available. Nothing was changed.")
            },
        ],
        response_headers: REQUEST_ID,
    }
    .build(&TABLE)
}

const REQUEST_ID_HEADER: Header = Header {
    name: "Request-Id",
    schema: Schema::Text,
    description: "The id of the request, as in the logs.",
};
const REQUEST_ID: &[Header] = &[REQUEST_ID_HEADER];
const ALLOW: &[Header] = &[
    REQUEST_ID_HEADER,
    Header { name: "Allow", schema: Schema::Text, description: "The methods of the path." },
];
const AUTHENTICATE: &[Header] = &[
    REQUEST_ID_HEADER,
    Header { name: "WWW-Authenticate", schema: Schema::Text, description: "The scheme, Bearer." },
];
const RETRY_AFTER: &[Header] = &[
    REQUEST_ID_HEADER,
    Header { name: "Retry-After", schema: Schema::Count, description: "The number of seconds to wait." },
];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
    code{font-family:ui-monospace,monospace;background:#f0f2f4;padding:0 .2em}small{color:#57606a;overflow-wrap:anywhere}\
    section{border-top:1px solid #d0d7de;margin-top:1.5rem}nav ul{display:flex;flex-wrap:wrap;gap:0 1rem;padding:0;list-style:none}\
    dd{margin:0 0 .4rem 1.5rem}h4{margin:.8rem 0 .2rem}.scope{color:#57606a}\
    @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}code{background:#21262d}a{color:#58a6ff}section{border-color:#30363d}}";

/// The page of the document.
#[derive(Debug)]
pub(crate) struct DocsPage {
    /// The HTML.
    pub(crate) html: String,
    /// The header `Content-Security-Policy`: it allows the page's own style sheet and nothing else.
    pub(crate) content_security_policy: String,
}

/// Renders the page of the document.
pub(crate) fn docs_page() -> DocsPage {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    DocsPage {
        html: html_page(&document(), STYLE),
        content_security_policy: format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    }
}

#[cfg(test)]
mod tests;
