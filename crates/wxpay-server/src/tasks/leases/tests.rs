//! Several processes on one ledger, in virtual time.

use super::*;
use crate::testing::TestWorld;
use std::collections::BTreeSet;
use tokio::{task::JoinHandle, time::sleep};

/// The time that a look takes at most.
const INSTANT: Duration = Duration::from_millis(10);

struct Process {
    app: App,
    running: JoinHandle<()>,
}

impl Process {
    fn start(world: &TestWorld, name: &str) -> Self {
        let app = world.beside(name);
        let running = tokio::spawn(app.leases().clone().run(app.clone()));
        Self { app, running }
    }

    fn name(&self) -> &str {
        &self.app.settings().process
    }

    /// Returns the leases under which it works.
    fn held(&self) -> BTreeSet<String> {
        names().filter(|name| self.app.leases().claim(name).is_some()).collect()
    }

    /// Stops it as a crash does.
    fn kill(self) {
        self.running.abort();
    }

    /// Stops it as a signal does.
    async fn stop(self) {
        self.app.shutdown().begin_shutdown();
        self.running.await.unwrap();
        self.app.leases().release(&self.app).await;
    }
}

/// Returns the owners of the leases, by the ledger.
async fn owners(world: &TestWorld) -> BTreeMap<String, String> {
    world.rows::<LeaseRow>().await.into_iter().map(|row| (row.name, row.owner)).collect()
}

/// Asserts that each lease is held by the process that it belongs to, by the ledger and by the processes.
async fn assert_spread(world: &TestWorld, processes: &[&Process]) {
    let live: Vec<&str> = processes.iter().map(|process| process.name()).collect();
    let owners = owners(world).await;
    for name in names() {
        let holder = spread::holder(&name, &live).unwrap();
        assert_eq!(owners[&name], holder, "{name}");
        for process in processes {
            assert_eq!(process.held().contains(&name), process.name() == holder, "{name} {}", process.name());
        }
    }
    let count = u32::try_from(live.len()).unwrap();
    assert!(processes.iter().all(|process| process.app.leases().live_processes().get() == count));
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn leases_are_spread_over_the_processes_that_come() {
    let world = TestWorld::new();
    let one = Process::start(&world, "p1");
    sleep(LOOK).await;
    assert_spread(&world, &[&one]).await;
    let other = Process::start(&world, "p2");
    // The first holds all, and looks when it renews; the second takes what is given back at its next look.
    sleep(RENEWAL + LOOK + INSTANT).await;
    assert_spread(&world, &[&one, &other]).await;
    let third = Process::start(&world, "p3");
    sleep(LOOK * 2 + INSTANT).await;
    assert_spread(&world, &[&one, &other, &third]).await;
}

#[tokio::test(start_paused = true)]
async fn leases_of_a_killed_process_are_taken_within_12_seconds_and_not_before_their_end() {
    let world = TestWorld::new();
    let (one, other) = (Process::start(&world, "p1"), Process::start(&world, "p2"));
    sleep(seconds(20)).await;
    assert_spread(&world, &[&one, &other]).await;
    let lost = one.held();
    one.kill();
    // It was renewed up to three seconds ago.
    sleep(seconds(6)).await;
    assert!(lost.is_disjoint(&other.held()));
    sleep(seconds(6)).await;
    assert_spread(&world, &[&other]).await;
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_given_back_are_taken_at_the_next_look() {
    let world = TestWorld::new();
    let (one, other) = (Process::start(&world, "p1"), Process::start(&world, "p2"));
    sleep(seconds(20)).await;
    one.stop().await;
    sleep(LOOK + INSTANT).await;
    assert_spread(&world, &[&other]).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_moves_while_the_processes_are_the_same() {
    let world = TestWorld::new();
    let processes = ["p1", "p2", "p3"].map(|name| Process::start(&world, name));
    sleep(seconds(10)).await;
    let versions = || async {
        let rows = world.rows::<LeaseRow>().await;
        rows.into_iter().map(|row| (row.name, row.version)).collect::<Vec<_>>()
    };
    let before = versions().await;
    let held = processes.iter().map(Process::held).collect::<Vec<_>>();
    for _ in 0..200 {
        sleep(Duration::from_millis(500)).await;
        assert_eq!(processes.iter().map(Process::held).collect::<Vec<_>>(), held);
    }
    assert_eq!(versions().await, before);
}

#[tokio::test(start_paused = true)]
async fn no_lease_has_two_holders_while_processes_come_and_go() {
    let world = TestWorld::new();
    let mut processes: Vec<Process> = Vec::new();
    let mut number = 0_usize;
    for step in 0..400_usize {
        match step % 50 {
            0 => {
                number += 1;
                processes.push(Process::start(&world, &format!("p{number}")));
            }
            27 if processes.len() > 1 => processes.remove(step % processes.len()).kill(),
            41 if processes.len() > 2 => processes.remove(0).stop().await,
            _ => {}
        }
        sleep(Duration::from_millis(330)).await;
        let mut all = BTreeSet::new();
        for process in &processes {
            for name in process.held() {
                assert!(all.insert(name.clone()), "{name} has two holders");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_stops_before_its_leases_end_if_it_cannot_renew_them() {
    let world = TestWorld::new();
    let one = Process::start(&world, "p1");
    sleep(seconds(20)).await;
    assert_eq!(one.held().len(), names().count());
    let last = world.rows::<LeaseRow>().await[0].until;
    // It hangs, as under a debugger.
    let Process { app, running } = one;
    running.abort();
    let left = last.since(world.ambient.true_now());
    sleep(left.checked_sub(MARGIN).unwrap()).await;
    assert!(names().all(|name| app.leases().claim(&name).is_none()));
    assert!(app.leases().shards().is_empty() && !app.leases().has_event_log());
}

#[tokio::test(start_paused = true)]
async fn a_process_alone_writes_once_per_renewal_and_reads_no_more() {
    let world = TestWorld::new();
    let _one = Process::start(&world, "p1");
    sleep(seconds(1)).await;
    let before = world.app.ledger().metrics().operations;
    sleep(RENEWAL * 20).await;
    assert_eq!(world.app.ledger().metrics().operations - before, 20);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_cut_off_takes_part_again() {
    let world = TestWorld::new();
    let (one, other) = (Process::start(&world, "p1"), Process::start(&world, "p2"));
    sleep(seconds(20)).await;
    world.model.fail_next(12);
    sleep(seconds(15)).await;
    assert!(one.held().is_empty() && other.held().is_empty());
    sleep(seconds(30)).await;
    assert_spread(&world, &[&one, &other]).await;
}
