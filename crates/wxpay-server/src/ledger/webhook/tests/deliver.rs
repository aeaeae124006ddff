use super::*;

#[test]
fn later_events_of_a_subject_wait_for_one_that_failed() {
    let mut world = World::with_endpoint();
    let deferred = world.fail(&event("A1", 1));
    assert_eq!((deferred.row.attempts, deferred.row.next_at), (1, world.now.after(Duration::from_mins(1))));
    assert_eq!(world.wait(&event("A1", 3)).next_at, NEVER);
    assert_eq!(world.wait(&event("A1", 5)).next_at, NEVER);
    world.pass(60);
    assert_eq!(world.due(), [1]);
    world.delivered(&event("A1", 1));
    assert_eq!(world.due(), [3]);
    world.delivered(&event("A1", 3));
    assert_eq!(world.due(), [5]);
    world.delivered(&event("A1", 5));
    assert_eq!(world.deferred(), []);
}

#[test]
fn subjects_do_not_wait_for_each_other() {
    let mut world = World::with_endpoint();
    world.fail(&event("A1", 1));
    world.pass(1);
    // Nothing of B1 is deferred, so that it is due at once.
    assert_eq!(world.wait(&event("B1", 2)).next_at, world.now);
    assert_eq!(world.due(), [2]);
    world.delivered(&event("B1", 2));
    assert_eq!(world.deferred().len(), 1);
}

#[test]
fn an_event_that_is_given_up_stays_visible_and_later_ones_go_on() {
    let mut world = World::with_endpoint();
    world.fail(&event("A1", 1));
    world.wait(&event("A1", 2));
    world.give_up(&event("A1", 1));
    assert_eq!(world.due(), [2]);
    let first = &world.deferred()[0];
    assert_eq!((first.position, first.gave_up, first.attempts), (1, true, 2));
    world.delivered(&event("A1", 2));
    // The next event of the subject does not wait for the one that was given up.
    assert_eq!(world.wait(&event("A1", 4)).next_at, world.now);
}

#[test]
fn a_replayed_event_is_delivered_before_later_ones_of_its_subject() {
    let mut world = World::with_endpoint();
    world.give_up(&event("A1", 1));
    world.fail(&event("A1", 4));
    assert_eq!(world.replay(&[event("B1", 3), event("A1", 2), event("A1", 1), event("A1", 1)]), Some(3));
    let due: Vec<u64> = world.due();
    assert_eq!(due, [1, 3]);
    let first = &world.deferred()[0];
    assert_eq!((first.gave_up, first.attempts), (false, 0));
    world.delivered(&event("A1", 1));
    world.delivered(&event("A1", 2));
    assert_eq!(world.due(), [4, 3]);
    assert_eq!(world.audited(), ["webhook_endpoint.create", "webhook_endpoint.replay"]);
}

#[test]
fn a_replay_is_bounded() {
    let mut world = World::with_endpoint();
    let events: Vec<EventRef> = (0..501).map(|position| event("A1", position)).collect();
    assert_eq!(world.replay(&events), Some(500));
    assert_eq!(world.deferred().len(), 500);
    assert_eq!(world.due(), [0]);
}

#[test]
fn the_time_of_the_first_failure_is_kept_until_a_success() {
    let mut world = World::with_endpoint();
    let start = world.now;
    assert_eq!(world.fail(&event("A1", 1)).endpoint.failing_since, Some(start));
    world.pass(60);
    let again = world.fail(&event("A1", 1));
    assert_eq!((again.endpoint.failing_since, again.row.first_failed_at), (Some(start), start));
    assert_eq!(again.row.attempts, 2);
    assert_eq!(world.endpoint().failing_since, Some(start));
    world.delivered(&event("B1", 2));
    assert_eq!(world.endpoint().failing_since, None);
    let attempts = world.store.scan(&Scan::<AttemptRow>::of("attempts_recent", 10));
    assert_eq!(attempts.len(), 3);
}

#[test]
fn a_cursor_never_goes_back() {
    let mut world = World::with_endpoint();
    let advance = |position| AdvanceCursor { endpoint: "we_1".into(), log: 0, month: 202_311, position };
    assert_eq!(world.run(&advance(7)).unwrap().position, 7);
    assert_eq!(world.run(&advance(5)).unwrap().position, 7);
    assert_eq!(world.store.load(CursorRow::of("we_1"))[0].position, 7);
}

#[test]
fn nothing_is_written_about_a_deleted_endpoint() {
    let mut world = World::with_endpoint();
    world.fail(&event("A1", 1));
    assert!(world.run(&DeleteEndpoint { endpoint: "we_1".into(), actor: "key_1".into() }));
    assert_eq!(world.deferred(), []);
    let before = world.store.clone();
    world.delivered(&event("A1", 1));
    world.give_up(&event("A1", 1));
    let defer = DeferEvent { endpoint: "we_1".into(), event: event("A1", 1), failure: None };
    assert_eq!(world.run(&defer), None);
    assert_eq!(world.replay(&[event("A1", 1)]), None);
    let advance = AdvanceCursor { endpoint: "we_1".into(), log: 0, month: 202_311, position: 9 };
    assert_eq!(world.run(&advance), None);
    assert_eq!(world.store, before);
}
