//! Schemas of problem details and of the payer's result.

use super::super::schema::{Member, Record, Schema, optional_member, required_member};

pub(in crate::control) const PROBLEM: Record = Record {
    name: "Problem",
    description: "Problem details (RFC 9457) of a rejected request. Nothing has changed.",
    members: MEMBERS,
};

const MEMBERS: &[Member] = &[
    required_member("title", Schema::Text, "The class of the problem."),
    required_member("status", Schema::Count, "The HTTP status."),
    required_member("detail", Schema::Text, "The problem of this request."),
    optional_member("field", Schema::Text, "The invalid field; `body` for the whole body."),
    optional_member(
        "rule",
        Schema::Text,
        "The rule: the end of a sentence that begins with the field's name.",
    ),
    optional_member(
        "causes",
        Schema::List(&Schema::Record(&CAUSE)),
        "The causes of refused payment parameters, the best first. They explain the refusal, and do not decide it.",
    ),
    optional_member("resp", Schema::Record(&RESP), "The result that the payer's client returns to the app."),
];

const CAUSE: Record = Record {
    name: "Cause",
    description: "A cause of an invalid signature or parameter.",
    members: &[
        required_member("id", Schema::Text, "The cause, as `wxpay explain` names it."),
        required_member("is_proved", Schema::Boolean, "True if it is proved, false if it is only likely."),
        required_member(
            "message",
            Schema::Text,
            "The description with the remedy, and the strings side by side if the signed one was found.",
        ),
    ],
};

pub(in crate::control) const RESP: Record = Record {
    name: "PayResp",
    description: "The result that the payer's client returns to the app or page.",
    members: &[
        required_member("errCode", Schema::Integer, "0 paid, -1 error, -2 cancelled by the payer."),
        required_member("errStr", Schema::Text, "The reason, for -1."),
    ],
};
