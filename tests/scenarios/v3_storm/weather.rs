//! Everything that happens to the shop and its gateway from outside: restarts, clocks, keys.

use super::shop::{CERTIFICATES, MIGRATING, PUBLIC_KEY, Shop};
use crate::rng::Rng;
use std::{rc::Rc, time::Duration};
use wxpay_proto::UnixTime;
use wxpay_sim::{
    faults::MigrationStep,
    merchant::{KeyMode, PlatformKeys},
    settings::{RefundOutcome, UserPayingReply},
};
use wxpay_testkit::drive::Process;

/// The time within which every life begins.
pub(super) const DURATION: Duration = Duration::from_mins(10);
const DAY: Duration = Duration::from_hours(24);

impl Shop {
    /// Begins all kinds of weather, each in its own task. All of it is over some time after [`DURATION`].
    pub(super) fn begin_weather(self: &Rc<Self>, rng: &mut Rng) {
        self.sim.borrow_mut().gateway.settings_mut().v3.probes_per_mille = 20;
        for process in &self.processes {
            self.time.spawn(Rc::clone(self).restart_now_and_then(process.clone(), rng.fork()));
            self.time.spawn(Rc::clone(self).set_clock_back(process.clone(), rng.fork()));
        }
        self.time.spawn(Rc::clone(self).change_keys(rng.fork()));
        self.time.spawn(Rc::clone(self).change_settings(rng.fork()));
    }

    async fn pause(&self, rng: &mut Rng, max: Duration) {
        self.time.sleep(Duration::from_secs(rng.below(max.as_secs()))).await;
    }

    /// Restarts a process, which drops its flows; or makes it forget what it has cached.
    async fn restart_now_and_then(self: Rc<Self>, process: Process, mut rng: Rng) {
        for _ in 0..4 {
            self.pause(&mut rng, DURATION / 2).await;
            if rng.one_in(2) {
                process.forget();
            } else {
                process.restart();
                self.total.borrow_mut().restarts += 1;
            }
        }
    }

    /// Sets the wall clock of a process back, by a few minutes or by hours, for a while.
    async fn set_clock_back(self: Rc<Self>, process: Process, mut rng: Rng) {
        self.pause(&mut rng, DURATION).await;
        let minutes = rng.pick(&[1, 4, 6, 60, 600]);
        process.set_clock_back(Duration::from_secs(60 * minutes));
        self.total.borrow_mut().clock_set_back += 1;
        self.pause(&mut rng, Duration::from_mins(2)).await;
        process.set_clock_back(Duration::ZERO);
    }

    /// Replaces the keys of every merchant: the certificate, the public key, and the one by the other.
    async fn change_keys(self: Rc<Self>, mut rng: Rng) {
        self.pause(&mut rng, DURATION / 4).await;
        self.rotate_certificate(CERTIFICATES, DAY);
        self.migrate(MIGRATING, MigrationStep::Switch, self.time.now().before(DAY * 4));
        self.pause(&mut rng, DURATION / 4).await;
        self.rotate_public_key();
        self.migrate(MIGRATING, MigrationStep::RollBack, self.time.now());
        // The switch that follows is a week old.
        self.rotate_certificate(MIGRATING, DAY * 9);
        self.pause(&mut rng, DURATION / 4).await;
        self.migrate(MIGRATING, MigrationStep::Switch, self.time.now().before(DAY * 7));
        self.rotate_certificate(CERTIFICATES, DAY);
        self.pause(&mut rng, DURATION / 4).await;
        self.migrate(MIGRATING, MigrationStep::Void, self.time.now());
    }

    /// Lets a new certificate sign, from one day after it was listed.
    fn rotate_certificate(&self, account: usize, listed_for: Duration) {
        let mchid = self.accounts[account].merchant.mchid().clone();
        let listed_at = self.time.now().before(listed_for);
        self.sim.borrow_mut().gateway.rotate_certificate(&mchid, listed_at).unwrap();
        self.total.borrow_mut().rotations += 1;
    }

    fn migrate(&self, account: usize, step: MigrationStep, at: UnixTime) {
        let mchid = self.accounts[account].merchant.mchid().clone();
        self.sim.borrow_mut().gateway.apply_migration_step(&mchid, step, at).unwrap();
        self.total.borrow_mut().rotations += 1;
    }

    /// Replaces the public key by the next one, which the shop has configured as well.
    fn rotate_public_key(&self) {
        let account = &self.accounts[PUBLIC_KEY];
        let mut sim = self.sim.borrow_mut();
        let spare = sim.gateway.merchant_by_mchid(self.accounts[MIGRATING].merchant.mchid()).unwrap();
        let certificate = spare.platform().certificates(self.time.now()).next().unwrap().clone();
        let platform = PlatformKeys::new(
            certificate.certificate,
            certificate.key_pair,
            account.next_public_key.clone(),
            KeyMode::PublicKey,
        );
        *sim.gateway.merchant_mut(account.merchant.mchid()).unwrap().platform_mut() = platform;
        self.total.borrow_mut().rotations += 1;
    }

    /// Changes how refunds end, and how the gateway says that a payer enters a password.
    async fn change_settings(self: Rc<Self>, mut rng: Rng) {
        for _ in 0..6 {
            self.pause(&mut rng, DURATION / 4).await;
            let outcome = rng.pick(&[
                RefundOutcome::Success,
                RefundOutcome::Success,
                RefundOutcome::Closed,
                RefundOutcome::Abnormal,
            ]);
            let mut sim = self.sim.borrow_mut();
            let settings = &mut sim.gateway.settings_mut().v3;
            settings.refund_outcome = outcome;
            settings.user_paying = rng.pick(&[UserPayingReply::Transaction, UserPayingReply::Code]);
        }
        self.sim.borrow_mut().gateway.settings_mut().v3.refund_outcome = RefundOutcome::Success;
    }
}
