//! Routes of the document, of notifications, and for operating the server.

use super::{Group, Handler, Route, public};
use crate::api::operation::Operation;
use wxpay_openapi::{Body, Record, Schema, Security, required_member};

pub(super) const DOCUMENT: Group = Group {
    name: "document",
    description: "This document.",
    routes: &[
        public("api/openapi.json", "get_document", "Returns this document.", Schema::Object, |_| {
            Ok(Operation::GetDocument)
        }),
        public("docs", "get_docs", "Returns this document as a page.", Schema::Text, |_| {
            Ok(Operation::GetDocs)
        })
        .with_media_type("text/html"),
    ],
};

pub(super) const NOTIFICATIONS: Group = Group {
    name: "notifications",
    description: "For WeChat Pay only: the URLs to which it sends its notifications.",
    routes: &[Route::post(
        "notify/{merchant}/{kind}",
        "receive_notification",
        "Receives a notification of WeChat Pay. Its signature is the authentication. The responses have WeChat Pay's \
        form; in APIv1 they are the texts success and fail.",
        Schema::Object,
        Handler { scope: None, make: |input| input.notification().map(Operation::Notification) },
    )
    .with_security(Security::Public)
    .with_body(Body::Raw("*/*"))
    .with_other_statuses(&[
        (204, "The notification is stored."),
        (400, "The notification cannot be read, or is of another merchant or kind than its path."),
        (401, "The notification is not verified."),
        (404, "The path names no merchant."),
    ])
    .with_problems(&[NOT_STORED])],
};

const NOT_STORED: (u16, &str) =
    (503, "The notification is not stored, or its content cannot be read; WeChat Pay sends it again.");

pub(super) const OPERATION: Group = Group {
    name: "operation",
    description: "Health and metrics. They may have a listener of their own.",
    routes: &[
        public("livez", "get_liveness", "Returns 200 while the process works.", LIVENESS, |_| {
            Ok(Operation::GetLiveness)
        }),
        public(
            "readyz",
            "get_readiness",
            "Returns 200 while the server can take requests.",
            READINESS,
            |_| Ok(Operation::GetReadiness),
        )
        .with_other_statuses(&[(503, "The server cannot take requests: the failed checks say why.")]),
        public("metrics", "get_metrics", "Returns metrics for Prometheus.", Schema::Text, |_| {
            Ok(Operation::GetMetrics)
        })
        .with_media_type("application/openmetrics-text")
        .with_problems(&[(404, "Metrics have a listener of their own.")]),
    ],
};
const LIVENESS: Schema = Schema::Record(&Record {
    name: "Liveness",
    description: "The process works.",
    members: &[required_member("status", Schema::Enum(|| vec!["live"]), "The status.")],
});
const READINESS: Schema = Schema::Record(&Record {
    name: "Readiness",
    description: "The results of the checks.",
    members: &[
        required_member("status", Schema::Enum(|| vec!["ready", "not ready"]), "The status."),
        required_member(
            "checks",
            Schema::Object,
            "The result of each check by its name: its status, ok or failed, and the cause of a failure.",
        ),
    ],
});
