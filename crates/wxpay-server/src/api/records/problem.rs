//! Problem details.

use wxpay_openapi::{Record, Schema, optional_member, required_member};

pub(crate) const PROBLEM: Record = Record {
    name: "Problem",
    description: "Problem details (RFC 9457).",
    members: &[
        required_member("type", Schema::Text, "A URN of the code."),
        required_member("title", Schema::Text, "The class of the problem."),
        required_member("status", Schema::Count, "The HTTP status."),
        required_member("detail", Schema::Text, "The problem of this request, and the remedy."),
        required_member("code", Schema::Text, "The code of the class, for programs."),
        optional_member(
            "field",
            Schema::Text,
            "The path of the invalid field, such as amount.total; body for the whole body.",
        ),
        optional_member(
            "rule",
            Schema::Text,
            "The rule, as the end of a sentence that begins with the field.",
        ),
        optional_member(
            "fate",
            Schema::Enum(|| vec!["not_sent", "refused", "unknown"]),
            "The fate of the request to WeChat Pay. `unknown`: it may have been carried out; never use another number.",
        ),
        optional_member("refusal", Schema::Record(&REFUSAL), "WeChat Pay's refusal."),
        optional_member(
            "wechat_request_id",
            Schema::Text,
            "WeChat Pay's id of the request, for its support.",
        ),
        optional_member("request_id", Schema::Text, "This server's id of the request, as in its logs."),
        required_member("retryable", Schema::Boolean, "True if the same request may succeed later."),
    ],
};
const REFUSAL: Record = Record {
    name: "Refusal",
    description: "A refusal by WeChat Pay.",
    members: &[
        required_member("code", Schema::Text, "WeChat Pay's code."),
        required_member("message", Schema::Text, "WeChat Pay's message."),
    ],
};
