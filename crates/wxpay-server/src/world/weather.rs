//! Everything that happens to the server from outside: restarts, a failing ledger, clocks, keys, outages.

use super::{PROCESSES, World, rng::Rng};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;
use wxpay_proto::UnixTime;
use wxpay_sim::faults::MigrationStep;

/// The time within which every life begins.
pub(super) const DURATION: Duration = Duration::from_mins(20);
const DAY: Duration = Duration::from_hours(24);

impl World {
    /// Begins all kinds of weather. It ends with the calm.
    pub(super) fn begin_weather(self: &Arc<Self>, rng: &mut Rng) {
        for slot in 0..PROCESSES {
            tokio::spawn(Arc::clone(self).restart_now_and_then(slot, rng.fork()));
        }
        tokio::spawn(Arc::clone(self).fail_the_ledger(rng.fork()));
        tokio::spawn(Arc::clone(self).set_clocks(rng.fork()));
        tokio::spawn(Arc::clone(self).change_keys(rng.fork()));
        tokio::spawn(Arc::clone(self).fail_the_receiver(rng.fork()));
        tokio::spawn(Arc::clone(self).fail_the_network(rng.fork()));
        tokio::spawn(Arc::clone(self).slow_placing_down(rng.fork()));
    }

    /// Kills a process, or shuts it down, and starts it again.
    async fn restart_now_and_then(self: Arc<Self>, slot: usize, mut rng: Rng) {
        while !self.is_calm() {
            sleep(rng.within(Duration::from_mins(2))).await;
            if self.is_calm() {
                return;
            }
            let Some(running) = self.take_process(slot) else { continue };
            if rng.one_in(4) {
                self.count("shutdowns");
                self.trace("", || format!("process {slot} shuts down"));
                running.shut_down().await;
            } else {
                self.count("kills");
                self.trace("", || format!("process {slot} is killed"));
                running.kill();
            }
            sleep(rng.within(Duration::from_secs(20))).await;
            self.trace("", || format!("process {slot} starts"));
            if self.is_calm() {
                return;
            }
            self.start_process(slot);
        }
    }

    /// Lets operations fail: before their commit, or after it.
    async fn fail_the_ledger(self: Arc<Self>, mut rng: Rng) {
        while !self.is_calm() {
            sleep(rng.within(Duration::from_secs(20))).await;
            if self.is_calm() {
                break;
            }
            if rng.one_in(2) {
                self.model.fail_next(1 + rng.below(4));
                self.count("failures of the ledger");
            } else {
                self.model.lose_next(1 + rng.below(2));
                self.count("lost answers of the ledger");
            }
        }
        self.model.fail_next(0);
        self.model.lose_next(0);
    }

    /// Sets the clock of a process a day ahead or an hour back, for a while.
    async fn set_clocks(self: Arc<Self>, mut rng: Rng) {
        while !self.is_calm() {
            sleep(rng.within(Duration::from_mins(8))).await;
            let Some(running) = self.any_process().filter(|_| !self.is_calm()) else { continue };
            let ahead = rng.pick(&[86_400, -3600, 240, -200, 3600]);
            self.trace("", || format!("the clock jumps by {ahead} s"));
            self.count("jumps of the clock");
            running.process.set_ahead(ahead);
            sleep(rng.within(Duration::from_secs(90))).await;
            self.trace("", || "the clock is right again".into());
            running.process.set_ahead(0);
        }
    }

    /// Lets the shop's receiver fail for a while, and enables an endpoint that was disabled.
    async fn fail_the_receiver(self: Arc<Self>, mut rng: Rng) {
        while !self.is_calm() {
            sleep(rng.within(Duration::from_mins(5))).await;
            self.count("webhooks: receiver down");
            self.set_receiver_down(true);
            sleep(rng.within(Duration::from_mins(1))).await;
            self.set_receiver_down(false);
            self.enable_endpoints().await;
        }
        self.set_receiver_down(false);
    }

    /// Replaces platform certificates by new ones and by the public key, and APIv3 keys.
    async fn change_keys(self: Arc<Self>, mut rng: Rng) {
        let pause = DURATION / 5;
        sleep(rng.within(pause)).await;
        self.rotate_certificate(1);
        self.migrate(0, MigrationStep::Switch, self.now().before(DAY * 4));
        sleep(rng.within(pause)).await;
        self.migrate(0, MigrationStep::RollBack, self.now());
        self.change_api_v3_key(1, &mut rng).await;
        sleep(rng.within(pause)).await;
        self.migrate(0, MigrationStep::Switch, self.now().before(DAY * 7));
        self.rotate_certificate(1);
        sleep(rng.within(pause)).await;
        self.migrate(0, MigrationStep::Void, self.now());
        self.change_api_v3_key(0, &mut rng).await;
    }

    /// Lets a new certificate sign at once: it was listed a day ago.
    fn rotate_certificate(&self, account: usize) {
        let mchid = &self.accounts[account].mchid;
        self.gateway(|gateway| gateway.rotate_certificate(mchid, self.now().before(DAY))).unwrap();
        self.count("changes of keys");
    }

    fn migrate(&self, account: usize, step: MigrationStep, at: UnixTime) {
        let mchid = &self.accounts[account].mchid;
        self.gateway(|gateway| gateway.apply_migration_step(mchid, step, at)).unwrap();
        self.count("changes of keys");
    }

    /// Changes an APIv3 key: first at WeChat Pay, then in the server's settings.
    async fn change_api_v3_key(self: &Arc<Self>, account: usize, rng: &mut Rng) {
        let key = format!("{:032x}", u128::from(rng.next()));
        let account = &self.accounts[account];
        self.gateway(|gateway| {
            gateway.merchant_mut(&account.mchid).unwrap().set_api_v3_key(Some(key.clone()));
        });
        sleep(rng.within(Duration::from_secs(90))).await;
        account.set_api_v3_key(key);
        for running in self.running() {
            let merchants = self.accounts.iter().map(super::Account::build).collect();
            running.app.merchants().reload_settings(merchants).unwrap();
        }
        self.count("changes of keys");
    }
}
