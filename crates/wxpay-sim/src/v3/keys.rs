//! Changes of a merchant's platform keys: rotation, and the migration to the WeChat Pay public key.

use crate::{
    clock::Now,
    faults::{Fault, MigrationStep},
    gateway::Gateway,
    merchant::MigrationError,
    warnings::Kind,
};
use std::time::Duration;
use wxpay_proto::{UnixTime, id::MchId};

impl Gateway {
    /// Changes the platform keys of a merchant, as a fault requires. Adds a warning if that is not possible.
    pub(crate) fn change_platform_keys(&mut self, fault: Fault, mchid: &MchId, now: impl Into<Now>) {
        let now = now.into();
        let result = if fault == Fault::CertificateRotated {
            // A certificate signs one day after it is listed: listed a day ago, it signs from now on.
            self.rotate_certificate(
                mchid,
                Now { business: now.business.before(DAY), wall: now.wall.before(DAY) },
            )
        } else if let Fault::MigrationStep { step } = fault {
            self.apply_migration_step(mchid, step, now.business)
        } else {
            return;
        };
        if result.is_err() {
            let detail =
                format!("{} has no effect: the current keys of {mchid} do not allow it", fault.kind());
            self.warn(now.business, Kind::Nonportable, None, detail);
        }
    }

    /// Applies a step of a merchant's migration to the WeChat Pay public key.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] for an unknown merchant, and if the step is not possible now.
    pub fn apply_migration_step(
        &mut self,
        mchid: &MchId,
        step: MigrationStep,
        now: UnixTime,
    ) -> Result<(), MigrationError> {
        let platform = self.merchant_mut(mchid).ok_or(MigrationError)?.platform_mut();
        match step {
            MigrationStep::Obtain => platform.obtain_public_key(),
            MigrationStep::Switch => platform.start_switch(now),
            MigrationStep::RollBack => platform.roll_back(),
            MigrationStep::Void => platform.void_certificates(now),
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
