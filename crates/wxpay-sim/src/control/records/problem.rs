//! Refusals, and what the program on the phone gets.

use super::super::shape::{Member, Record, Shape, always, sometimes};

pub(in crate::control) const PROBLEM: Record = Record {
    name: "Problem",
    about: "Why a call was refused, by RFC 9457. Nothing has changed.",
    members: MEMBERS,
};

const MEMBERS: &[Member] = &[
    always("title", Shape::Text, "What is wrong, in general."),
    always("status", Shape::Count, "The HTTP status."),
    always("detail", Shape::Text, "What is wrong here."),
    sometimes("field", Shape::Text, "The field at fault; `body` for the whole."),
    sometimes("rule", Shape::Text, "Its rule, as the end of a sentence that begins with the field's name."),
    sometimes("resp", Shape::Record(&RESP), "What the program on the phone gets."),
];

pub(in crate::control) const RESP: Record = Record {
    name: "PayResp",
    about: "What the program on the phone gets.",
    members: &[
        always("errCode", Shape::Integer, "0 paid, -1 an error, -2 the payer went back."),
        always("errStr", Shape::Text, "The reason, for -1."),
    ],
};
