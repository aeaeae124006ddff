//! Schemas of problem details and of the payer's result.

use super::super::shape::{Member, Record, Shape, always, sometimes};

pub(in crate::control) const PROBLEM: Record = Record {
    name: "Problem",
    about: "Problem details (RFC 9457) of a rejected request. Nothing has changed.",
    members: MEMBERS,
};

const MEMBERS: &[Member] = &[
    always("title", Shape::Text, "The class of the problem."),
    always("status", Shape::Count, "The HTTP status."),
    always("detail", Shape::Text, "The problem of this request."),
    sometimes("field", Shape::Text, "The invalid field; `body` for the whole body."),
    sometimes("rule", Shape::Text, "The rule: the end of a sentence that begins with the field's name."),
    sometimes("resp", Shape::Record(&RESP), "The result that the payer's client returns to the app."),
];

pub(in crate::control) const RESP: Record = Record {
    name: "PayResp",
    about: "The result that the payer's client returns to the app or page.",
    members: &[
        always("errCode", Shape::Integer, "0 paid, -1 error, -2 cancelled by the payer."),
        always("errStr", Shape::Text, "The reason, for -1."),
    ],
};
