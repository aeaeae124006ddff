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
            disabled endpoint, enable it. `redirect`: send an abnormal refund to another account; the case is resolved when \
            the refund succeeds.",
    ),
    optional(
        "destination",
        Kind::Object(&[
            required(
                "type",
                Kind::Enum(|| vec!["USER_BANK_CARD", "MERCHANT_BANK_CARD"]),
                "A bank card of the payer; or the merchant's own, who then pays the payer by other means.",
            ),
            optional(
                "bank_type",
                Kind::Text(1, 16, TEXT),
                "The bank's code in WeChat Pay's documentation, such as `CMB_DEBIT`.",
            ),
            optional(
                "bank_account",
                Kind::Text(1, 64, TEXT),
                "The number of the payer's card. It is not stored.",
            ),
            optional("real_name", Kind::Text(1, 64, TEXT), "The payer's name. It is not stored."),
        ]),
        "Where the refund goes. Required for `redirect`; a card of the payer with its bank, number and name.",
    ),
    optional("note", Kind::Text(1, 500, TEXT), "A note for the audit log."),
];
