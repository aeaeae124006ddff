//! Facts: the verified evidence about one order, and the conclusions from it.
//!
//! The facts are a set. The conclusions do not depend on the order in which they were learned.

use super::learn::LearnedPayment;
use crate::ledger::{
    Changes, Corrupt, OrderKey, Prefix, Rows, Subject, Table as _,
    rows::{
        case::CaseKind,
        order::{OrderRow, OrderStatus},
        payment::{EvidenceRow, PaymentRow, Source},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutTradeNo, TransactionId},
    payment::{Anomaly, Evidence, Payment, PaymentState},
    wire::time::format_rfc3339,
};

/// A verified fact about an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub(super) enum Fact {
    /// A payment.
    Payment {
        /// The content.
        payment: LearnedPayment,
        /// The owner of the transaction, if it is not this order.
        owner: Option<String>,
    },
    /// The order was closed, expired or failed before a payment was known.
    Ended {
        /// The status that it got.
        status: OrderStatus,
    },
    /// A paid order was reported as this, which contradicts the payment.
    Contradiction {
        /// The status that was reported.
        status: OrderStatus,
    },
}

impl Fact {
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.json()))
    }
}

/// The facts known of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts(BTreeSet<Fact>);

/// The subject of an anomaly: the kind of the case, and its cause within the order.
pub(super) type Finding = (CaseKind, String);

/// The conclusions from the facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conclusion {
    /// The status that the payments mean by themselves. `None` while the order is not placed.
    pub(super) payments: Option<OrderStatus>,
    /// Whether the order was closed, expired or failed.
    pub(super) has_ended: bool,
    /// The anomalies, with the data of their cases.
    pub(super) findings: BTreeMap<Finding, Value>,
}

impl Facts {
    /// Returns the loaded facts.
    pub(super) fn read(rows: &Rows) -> Result<Self, Corrupt> {
        let parse = |row: EvidenceRow| {
            serde_json::from_str(&row.evidence).map_err(|_| Corrupt::new(EvidenceRow::INFO.name, "evidence"))
        };
        rows.all::<EvidenceRow>()?.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Adds a fact. Returns whether it was unknown.
    pub(super) fn add(
        &mut self,
        changes: &mut Changes,
        key: &OrderKey,
        fact: Fact,
        source: Source,
        now: UnixTime,
    ) -> bool {
        if self.0.contains(&fact) {
            return false;
        }
        changes.put(&EvidenceRow {
            shard: key.shard(),
            merchant: key.merchant.clone(),
            out_trade_no: key.out_trade_no.clone(),
            digest: fact.digest(),
            source,
            evidence: fact.json(),
            first_seen: now,
        });
        self.0.insert(fact)
    }

    /// Removes that the order has ended: the shop places it again.
    pub(super) fn remove_end(&mut self, changes: &mut Changes, key: &OrderKey) {
        let ended: Vec<Fact> =
            self.0.iter().filter(|fact| matches!(fact, Fact::Ended { .. })).cloned().collect();
        for fact in ended {
            let row: Prefix<EvidenceRow> = EvidenceRow::of(key).and(&fact.digest());
            changes.delete(row);
            self.0.remove(&fact);
        }
    }

    /// Returns the payments of this order, without those of other orders.
    pub(super) fn own_payments(&self) -> impl Iterator<Item = &LearnedPayment> {
        self.0.iter().filter_map(|fact| match fact {
            Fact::Payment { payment, owner: None } => Some(payment),
            Fact::Payment { .. } | Fact::Ended { .. } | Fact::Contradiction { .. } => None,
        })
    }

    /// Returns whether the order was closed, expired or failed.
    pub(super) fn have_end(&self) -> bool {
        self.0.iter().any(|fact| matches!(fact, Fact::Ended { .. }))
    }

    /// Concludes from the facts.
    pub(super) fn conclude(&self, order: &OrderRow) -> Conclusion {
        let has_ended = self.have_end();
        let is_placed = order.status != OrderStatus::Unplaced;
        // An amount of zero is never ordered, so nothing pays an order that is not placed.
        let total = order.total.filter(|_| is_placed).unwrap_or(Fen::ZERO);
        let currency = order.currency.as_deref().unwrap_or_default();
        let mut state = PaymentState::new(order.out_trade_no.clone(), total);
        let mut findings = Findings { order, findings: BTreeMap::new() };
        for fact in &self.0 {
            match fact {
                Fact::Payment { payment, owner: Some(owner) } => {
                    findings.add(CaseKind::TransactionOfAnotherNumber, payment, Some(owner));
                }
                Fact::Payment { payment, owner: None } => {
                    if has_ended {
                        findings.add(CaseKind::PaidAfterClose, payment, None);
                    }
                    if is_placed && payment.currency != currency {
                        findings.add(CaseKind::AmountMismatch, payment, None);
                    } else {
                        // Evidence of another number cannot be here: the row's key names the order.
                        let _is_same_order = state.merge(&payment.evidence(order), &order.out_trade_no);
                    }
                    if self.contradict(payment) {
                        findings.add(CaseKind::ContradictoryEvidence, payment, None);
                    }
                }
                Fact::Ended { .. } => {}
                Fact::Contradiction { status } => findings.add_contradiction(*status),
            }
        }
        if is_placed {
            for anomaly in state.anomalies() {
                findings.add_anomaly(self, &anomaly, has_ended);
            }
        }
        let has_payments = self.0.iter().any(|fact| matches!(fact, Fact::Payment { .. }));
        let mut payments = OrderStatus::of_payment(&state.status());
        // The core knows nothing of currencies and of payments that belong to another number.
        if payments == OrderStatus::Open && has_payments {
            payments = OrderStatus::Anomalous;
        }
        Conclusion { payments: is_placed.then_some(payments), has_ended, findings: findings.findings }
    }

    /// Returns the rows of the payments, with the refunds of the rows that are stored. Of contradictory versions, one
    /// that pays the order goes first, then the earliest.
    pub(super) fn payment_rows(&self, order: &OrderRow, stored: &[PaymentRow]) -> Vec<PaymentRow> {
        let mut versions: BTreeMap<TransactionId, Vec<&LearnedPayment>> = BTreeMap::new();
        for payment in self.own_payments() {
            versions.entry(payment.transaction_id.clone()).or_default().push(payment);
        }
        let pays = |payment: &LearnedPayment| {
            order.total == Some(payment.total) && order.currency.as_ref() == Some(&payment.currency)
        };
        let row = |(id, versions): (TransactionId, Vec<&LearnedPayment>)| {
            let first =
                versions.iter().min_by_key(|version| (!pays(version), version.success_at, **version))?;
            let same = || versions.iter().filter(|version| version.money() == first.money());
            let stored = stored.iter().find(|row| row.transaction_id == id);
            Some(PaymentRow {
                shard: order.shard,
                merchant: order.merchant.clone(),
                out_trade_no: order.out_trade_no.clone(),
                transaction_id: id,
                total: first.total,
                payer_total: same().filter_map(|version| version.payer_total).min(),
                currency: first.currency.clone(),
                appid: same().filter_map(|version| version.appid.clone()).min(),
                bank_type: same().filter_map(|version| version.bank_type.clone()).min(),
                success_at: first.success_at,
                refund_reserved: stored.map_or(Fen::ZERO, |row| row.refund_reserved),
                refunded: stored.map_or(Fen::ZERO, |row| row.refunded),
            })
        };
        versions.into_iter().filter_map(row).collect()
    }

    /// Returns whether another version of a payment differs in its money or its time.
    fn contradict(&self, payment: &LearnedPayment) -> bool {
        self.own_payments()
            .any(|other| other.transaction_id == payment.transaction_id && other.money() != payment.money())
    }
}

impl LearnedPayment {
    /// Returns the values that must be equal in all evidence of one transaction.
    fn money(&self) -> (Fen, &str, UnixTime) {
        (self.total, &self.currency, self.success_at)
    }

    /// Returns the evidence for the core. The price goes in whole: the split between payer and coupons is not in every
    /// source, and evidence that differs in it only must not contradict itself.
    fn evidence(&self, order: &OrderRow) -> Evidence {
        let payment = Payment::new(self.transaction_id.clone(), self.total, Fen::ZERO, self.success_at);
        Evidence::from_storage(order.out_trade_no.clone(), payment)
    }

    /// Returns the data of a case about the payment.
    pub(super) fn case_data(&self, out_trade_no: &OutTradeNo) -> Value {
        json!({
            "out_trade_no": out_trade_no.as_str(),
            "transaction_id": self.transaction_id.as_str(),
            "total": self.total.get(),
            "currency": self.currency,
            "success_time": format_rfc3339(self.success_at),
        })
    }
}

/// The findings, as they are collected.
struct Findings<'a> {
    order: &'a OrderRow,
    findings: BTreeMap<Finding, Value>,
}

impl Findings<'_> {
    fn add(&mut self, kind: CaseKind, payment: &LearnedPayment, owner: Option<&str>) {
        let mut data = payment.case_data(&self.order.out_trade_no);
        if let (Some(data), Some(owner)) = (data.as_object_mut(), owner) {
            let owner =
                owner.parse::<Subject>().map_or_else(|()| owner.into(), |owner| owner.number().into());
            data.insert("owner".into(), Value::String(owner));
        }
        self.findings.entry((kind, payment.transaction_id.as_str().into())).or_insert(data);
    }

    fn add_contradiction(&mut self, status: OrderStatus) {
        let data = json!({ "out_trade_no": self.order.out_trade_no.as_str(), "reported_status": status });
        self.findings.insert((CaseKind::ContradictoryEvidence, status.as_str().into()), data);
    }

    fn add_anomaly(&mut self, facts: &Facts, anomaly: &Anomaly, has_ended: bool) {
        let (kind, payment) = match anomaly {
            Anomaly::AmountMismatch(payment) => (CaseKind::AmountMismatch, payment),
            // Each payment of an ended order has a case already.
            Anomaly::SecondPayment(payment) if !has_ended => (CaseKind::SecondPayment, payment),
            Anomaly::ConflictingPayment(payment) => (CaseKind::ContradictoryEvidence, payment),
            // The others are about refunds and foreign transactions, which the core is not given here.
            Anomaly::SecondPayment(_)
            | Anomaly::TransactionOfAnotherOrder { .. }
            | Anomaly::RefundsExceedPayment(_)
            | Anomaly::ConflictingRefund(_)
            | _ => return,
        };
        let learned = facts.own_payments().find(|each| each.transaction_id == *payment.transaction_id());
        if let Some(learned) = learned {
            self.add(kind, learned, None);
        }
    }
}
