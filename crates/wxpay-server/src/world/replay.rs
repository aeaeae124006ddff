//! The operations of a simulated day, replayed on every engine.

use super::World;
use crate::engine::{Ledger, conformance::assert_equal, model::Model, postgres};

#[test]
fn the_operations_of_a_world_give_equal_ledgers_on_every_engine() {
    let model = World::run(21, 60, Model::recording(), None).model;
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let original = Ledger::from(model.clone());
        let others = [Ledger::from(Model::new()), Ledger::open(&dir.path().join("ledger.db")).unwrap()];
        for ledger in others.into_iter().chain(postgres::testing::empty().await) {
            for recorded in model.log() {
                recorded.replay(&ledger).await.unwrap();
            }
            assert_equal(&original, &ledger).await;
            ledger.close().await;
        }
    });
}
