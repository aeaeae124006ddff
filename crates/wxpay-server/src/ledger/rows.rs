//! Rows: one file per subject. `engine/schema.sql` creates their tables.

pub(crate) mod access;
pub(crate) mod case;
pub(crate) mod event;
pub(crate) mod inbox;
pub(crate) mod merchant;
pub(crate) mod number;
pub(crate) mod order;
pub(crate) mod payment;
pub(crate) mod refund;
pub(crate) mod task;
pub(crate) mod webhook;

use super::TableInfo;
use super::table::Table as _;

/// Every table of the ledger.
pub(crate) const TABLES: &[&TableInfo] = &[
    access::ApiKeyRow::INFO,
    access::AuditRow::INFO,
    access::IdempotencyRow::INFO,
    case::CaseRow::INFO,
    event::EventLogRow::INFO,
    event::EventRow::INFO,
    event::OutboxRow::INFO,
    inbox::CallRow::INFO,
    inbox::InboxRow::INFO,
    merchant::MerchantRow::INFO,
    merchant::TokenRow::INFO,
    number::NumberRow::INFO,
    order::DeliveryRow::INFO,
    order::OrderRow::INFO,
    payment::EvidenceRow::INFO,
    payment::PaymentRow::INFO,
    refund::RefundRow::INFO,
    task::LeaseRow::INFO,
    task::ProcessRow::INFO,
    task::TaskRow::INFO,
    webhook::AttemptRow::INFO,
    webhook::CursorRow::INFO,
    webhook::DeferredRow::INFO,
    webhook::EndpointRow::INFO,
];
