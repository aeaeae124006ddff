use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Outcome {
    Delivered,
    Failed,
    GivenUp,
}

proptest! {
    /// The sender's rule: an event is sent if nothing earlier of its subject is deferred; a deferred one if it is due.
    #[test]
    fn deliveries_of_a_subject_are_in_order_and_none_is_lost(
        orders in proptest::collection::vec(0..3_usize, 1..20),
        outcomes in proptest::collection::vec(
            prop_oneof![3 => Just(Outcome::Delivered), 3 => Just(Outcome::Failed), 1 => Just(Outcome::GivenUp)],
            80,
        ),
    ) {
        let names = ["A1", "B1", "C1"];
        let events: Vec<EventRef> =
            orders.iter().zip(1..).map(|(order, position)| event(names[*order], position)).collect();
        let mut world = World::with_endpoint();
        let mut outcomes = outcomes.into_iter().chain(std::iter::repeat(Outcome::Delivered));
        let mut ended: Vec<EventRef> = Vec::new();
        for event in &events {
            world.pass(20);
            let due: Vec<u64> = world.due();
            // At most one event of a subject is due.
            let due: Vec<EventRef> =
                events.iter().filter(|event| due.contains(&event.position)).cloned().collect();
            let subjects: std::collections::BTreeSet<&Subject> = due.iter().map(|event| &event.subject).collect();
            prop_assert_eq!(subjects.len(), due.len());
            for event in &due {
                try_one(&mut world, event, &outcomes.next().unwrap(), &mut ended);
            }
            if world.deferred().iter().any(|row| row.subject == event.subject && !row.gave_up) {
                world.wait(event);
            } else {
                try_one(&mut world, event, &outcomes.next().unwrap(), &mut ended);
            }
        }
        for _ in 0..200 {
            world.pass(60);
            let due: Vec<u64> = world.due();
            for event in events.iter().filter(|event| due.contains(&event.position)) {
                try_one(&mut world, event, &outcomes.next().unwrap(), &mut ended);
            }
        }
        prop_assert_eq!(ended.len(), events.len(), "every event ends once");
        for name in names {
            let of_subject = |events: &[EventRef]| -> Vec<u64> {
                let subject = event(name, 0).subject;
                events.iter().filter(|event| event.subject == subject).map(|event| event.position).collect()
            };
            prop_assert_eq!(of_subject(&ended), of_subject(&events));
        }
    }
}

fn try_one(world: &mut World, event: &EventRef, outcome: &Outcome, ended: &mut Vec<EventRef>) {
    match outcome {
        Outcome::Delivered => world.delivered(event),
        Outcome::GivenUp => world.give_up(event),
        Outcome::Failed => {
            world.fail(event);
            return;
        }
    }
    ended.push(event.clone());
}
