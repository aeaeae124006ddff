//! Routes of cases.

use super::{Group, NO_MERCHANT, NOT_SENT, UNKNOWN, read, write};
use crate::api::{
    fields::{MERCHANT_FILTER, PAGE, TEXT},
    keys::Scope,
    operation::Operation,
    records::{CASE, CASES, remedies},
};
use wxpay_openapi::{Body, Field, Kind, optional, required};

const NO_CASE: (u16, &str) = (404, "There is no such case.");

pub(super) const GROUP: Group = Group {
    name: "cases",
    description: "What a person must decide: second payments, payments after the close, abnormal refunds.",
    routes: &[
        read("api/cases", "list_cases", "Lists cases, newest first.", CASES, Scope::OrdersRead, |input| {
            input.list_cases().map(Operation::ListCases)
        })
        .with_query(FILTERS)
        .paged(PAGE)
        .with_problems(&[NO_MERCHANT]),
        read("api/cases/{case_id}", "get_case", "Returns the case.", CASE, Scope::OrdersRead, |input| {
            input.id("case_id").map(Operation::GetCase)
        })
        .with_problems(&[NO_CASE]),
        write(
            "api/cases/{case_id}/resolve",
            "resolve_case",
            "Carries out a remedy, and resolves the case.",
            CASE,
            Scope::RefundsWrite,
            |input| input.resolve_case().map(Operation::ResolveCase),
        )
        .with_body(Body::Required(RESOLUTION))
        .with_problems(&[
            NO_CASE,
            (409, "The remedy failed: a refund, for example, is still abnormal. The case stays open."),
            NOT_SENT,
            UNKNOWN,
        ]),
    ],
};

const FILTERS: &[Field] = &[
    MERCHANT_FILTER,
    optional("status", Kind::Enum(|| vec!["open", "resolved"]), "Only cases of this status."),
];
const RESOLUTION: &[Field] = &[
    required(
        "remedy",
        Kind::Enum(remedies),
        "The remedy. `refund`: refund the payment. `accept`: leave it as it is. `retry`: of a refused refund, send it again; \
            of an abnormal refund, query it again, and resolve the case if it is no longer abnormal: nothing is sent; of a \
            disabled endpoint, enable it.",
    ),
    optional("note", Kind::Text(1, 500, TEXT), "A note for the audit log."),
];
