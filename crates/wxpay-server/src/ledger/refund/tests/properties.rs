use super::*;
use proptest::prelude::*;

const NUMBERS: [&str; 4] = ["R1", "R2", "R3", "A1"];

#[derive(Clone, Debug)]
enum Action {
    Reserve(usize, u64, usize),
    Begin(usize),
    End(usize, bool, RefundCall),
    Learn(usize, RefundStatus),
    Query(usize, bool),
    Pass(u64),
}

fn status() -> impl Strategy<Value = RefundStatus> {
    proptest::sample::select(RefundStatus::ALL)
}

fn call() -> impl Strategy<Value = RefundCall> {
    prop_oneof![Just(RefundCall::NotSent), Just(RefundCall::Unknown), any::<bool>().prop_map(refused),]
}

fn action() -> impl Strategy<Value = Action> {
    let number = || 0..NUMBERS.len();
    prop_oneof![
        4 => (number(), 1..120_u64, 0..2_usize).prop_map(|(number, amount, of)| Action::Reserve(number, amount, of)),
        1 => number().prop_map(Action::Begin),
        3 => (number(), any::<bool>(), call()).prop_map(|(number, last, call)| Action::End(number, last, call)),
        2 => (number(), status()).prop_map(|(number, status)| Action::Learn(number, status)),
        2 => (number(), any::<bool>()).prop_map(|(number, fails)| Action::Query(number, fails)),
        1 => (1..100_u64).prop_map(Action::Pass),
    ]
}

impl World {
    fn act(&mut self, action: &Action) {
        match action {
            Action::Reserve(number, amount, of) => {
                self.reserve_of(NUMBERS[*number], *amount, Some(transaction(*of)));
            }
            Action::Begin(number) => {
                self.begin(NUMBERS[*number]);
            }
            Action::End(number, is_last, result) => {
                let last = self.state().refund_call(&refund_no(NUMBERS[*number]));
                let call = if *is_last { last } else { last.saturating_sub(1) };
                self.end_of(NUMBERS[*number], call, result.clone());
            }
            Action::Learn(number, status) => {
                // WeChat Pay reports what was sent to it, and does not take back what it closed.
                let number = NUMBERS[*number];
                let known = self.state().refund(&refund_no(number)).cloned();
                let exists =
                    |refund: &RefundRow| refund.may_exist_upstream && refund.status != RefundStatus::Closed;
                if let Some(known) = known.filter(exists) {
                    let transaction_id = known.transaction_id;
                    let report =
                        RefundReport { transaction_id, ..report(number, known.amount.get(), *status) };
                    self.learn(&report);
                }
            }
            Action::Query(number, true) => drop(self.query_failed(NUMBERS[*number])),
            Action::Query(number, false) => drop(self.query_absent(NUMBERS[*number])),
            Action::Pass(seconds) => self.pass(*seconds),
        }
    }
}

fn reports() -> impl Strategy<Value = Vec<RefundReport>> {
    let one = (0..3_usize, 1..3_u64, status(), 0..2_usize);
    let one = one.prop_map(|(number, tens, status, of)| RefundReport {
        transaction_id: transaction(of),
        ..report(NUMBERS[number], tens.saturating_mul(10), status)
    });
    proptest::collection::vec(one, 1..8)
}

proptest! {
    #[test]
    fn no_interleaving_of_requests_and_results_exceeds_a_payment(
        actions in proptest::collection::vec(action(), 1..60),
    ) {
        let mut world = World::paid(&[100, 50]);
        for action in &actions {
            world.act(action);
            let state = world.state();
            for payment in &state.payments {
                let sum = |wanted: fn(RefundStatus) -> bool| -> u64 {
                    let of_payment = state.refunds.iter()
                        .filter(|refund| refund.transaction_id == payment.transaction_id);
                    of_payment.filter(|refund| wanted(refund.status)).map(|refund| refund.amount.get()).sum()
                };
                prop_assert_eq!(payment.refund_reserved.get(), sum(RefundStatus::is_reserved));
                prop_assert_eq!(payment.refunded.get(), sum(|status| status == RefundStatus::Success));
                let taken = payment.refund_reserved.get().saturating_add(payment.refunded.get());
                prop_assert!(taken <= payment.total.get(), "{action:?}");
            }
            for refund in &state.refunds {
                let number = refund.out_refund_no.as_str();
                // Whatever may exist keeps its reservation, and is polled until it is final.
                prop_assert!(!refund.may_exist_upstream || refund.status != RefundStatus::Pending
                    || refund.status.is_reserved());
                prop_assert_eq!(world.task(number).is_some(), !refund.status.is_final());
            }
            prop_assert_eq!(world.cases().iter().filter(|case| case.kind == CaseKind::RefundExceedsPayment).count(), 0);
        }
    }

    #[test]
    fn a_refund_in_doubt_is_never_released_by_a_refusal(
        actions in proptest::collection::vec(action(), 1..60),
    ) {
        let mut world = World::paid(&[100, 50]);
        for action in &actions {
            let before = world.state();
            world.act(action);
            if matches!(action, Action::Learn(..)) {
                continue;
            }
            for refund in before.refunds.iter().filter(|refund| refund.in_doubt) {
                let now = world.refund(refund.out_refund_no.as_str());
                prop_assert_eq!(now.status, RefundStatus::Pending);
                prop_assert!(now.may_exist_upstream);
                prop_assert_eq!(now.amount, refund.amount);
            }
        }
    }

    #[test]
    fn reports_give_the_same_rows_in_any_order_and_however_often(
        (reports, mut shuffled) in reports().prop_flat_map(|reports| {
            (Just(reports.clone()), Just(reports).prop_shuffle())
        }),
        repeated in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        is_reserved: bool,
    ) {
        let again: Vec<RefundReport> =
            repeated.iter().map(|index| index.get(&reports).clone()).collect();
        shuffled.extend(again);
        let rows = |reports: &[RefundReport]| {
            let mut world = World::paid(&[100, 50]);
            if is_reserved {
                world.reserve("R1", 10);
            }
            for report in reports {
                world.learn(report);
            }
            (world.state().refunds, world.state().payments)
        };
        prop_assert_eq!(rows(&reports), rows(&shuffled));
    }

    #[test]
    fn success_stays_whatever_follows(
        actions in proptest::collection::vec(action(), 1..30),
        late in reports(),
    ) {
        let mut world = World::paid(&[100, 50]);
        world.reserve("R1", 20);
        world.learn(&report("R1", 20, RefundStatus::Success));
        for action in &actions {
            world.act(action);
        }
        for report in &late {
            world.learn(report);
        }
        let refund = world.refund("R1");
        prop_assert_eq!(refund.status, RefundStatus::Success);
        prop_assert_eq!(refund.transaction_id, transaction(0));
        prop_assert!(world.state().payments[0].refunded >= Fen::new(20));
    }
}
