//! The spread of leases over the live processes, by rendezvous hashing: each lease belongs to the process with the highest
//! score for its name. Every process computes the same without asking another, and a process that comes or goes moves
//! its own leases only.

use sha2::{Digest as _, Sha256};

/// Returns the process that a lease belongs to. `None` if there is none.
pub(super) fn holder<'a>(lease: &str, processes: &[&'a str]) -> Option<&'a str> {
    processes.iter().copied().max_by_key(|process| (score(lease, process), *process))
}

/// Returns the first eight bytes of SHA-256(process ‖ 0 ‖ lease).
fn score(lease: &str, process: &str) -> u64 {
    let digest = Sha256::new().chain_update(process).chain_update([0]).chain_update(lease).finalize();
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::Shard, tasks::leases::name_of};
    use std::collections::BTreeMap;

    fn spread<'a>(processes: &[&'a str]) -> BTreeMap<String, &'a str> {
        Shard::all().map(name_of).map(|name| (name.clone(), holder(&name, processes).unwrap())).collect()
    }

    #[test]
    fn a_score_does_not_change_with_the_version_of_the_server() {
        // Computed with Python: hashlib.sha256(b"p1\0shard:0").digest()[:8]
        assert_eq!(score("shard:0", "p1"), SCORE);
        assert_eq!(holder("shard:0", &[]), None);
    }

    const SCORE: u64 = 0xadc4_6438_fc6b_315d;

    #[test]
    fn the_order_of_the_processes_does_not_matter_and_each_has_a_share() {
        let before = spread(&["p1", "p2", "p3", "p4"]);
        assert_eq!(before, spread(&["p3", "p1", "p4", "p2"]));
        for process in ["p1", "p2", "p3", "p4"] {
            let share = before.values().filter(|holder| **holder == process).count();
            assert!((6..=28).contains(&share), "{process} has {share} of 64 shards");
        }
    }

    #[test]
    fn a_process_that_comes_or_goes_moves_its_own_leases_only() {
        let (three, four) = (spread(&["p1", "p2", "p3"]), spread(&["p1", "p2", "p3", "p4"]));
        let mut moved = 0;
        for (name, holder) in &four {
            if three[name] != *holder {
                assert_eq!(*holder, "p4", "{name} moved between processes that stay");
                moved += 1;
            }
        }
        assert!(moved > 0);
    }
}
