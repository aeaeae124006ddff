//! WeChat Pay's numbers of profit sharing and transfers.

use crate::{
    rng::{ALPHANUMERIC, DIGITS, Rng},
    time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use wxpay_proto::{
    UnixTime,
    id::{AuthorizationId, TransferBillNo},
};

/// The source of WeChat Pay's numbers. An act draws from it after its last check: a refused request draws nothing.
pub(crate) struct NumberSource<'a> {
    /// The last serial number.
    pub(crate) serial: &'a mut u64,
    pub(crate) rng: &'a mut Rng,
}

impl NumberSource<'_> {
    /// Returns the next serial number, of at most ten digits.
    pub(crate) fn serial(&mut self) -> u64 {
        *self.serial = self.serial.wrapping_add(1);
        self.serial.checked_rem(10_000_000_000).unwrap_or_default()
    }

    /// Generates a number: the prefix, random digits, the day and a serial number.
    fn dated(&mut self, prefix: &str, random_digits: usize, now: UnixTime) -> String {
        let serial = self.serial();
        format!("{prefix}{}{}{serial:010}", self.rng.text(DIGITS, random_digits), time::yyyymmdd(now))
    }

    /// Generates the `order_id` of a profit sharing.
    pub(super) fn sharing(&mut self, now: UnixTime) -> String {
        self.dated("30", 8, now)
    }

    /// Generates the `return_id` of a return.
    pub(super) fn sharing_return(&mut self, now: UnixTime) -> String {
        self.dated("31", 8, now)
    }

    /// Generates the `detail_id` of a receiver's amount.
    pub(super) fn sharing_detail(&mut self, now: UnixTime) -> String {
        self.dated("36", 8, now)
    }

    pub(super) fn transfer_bill_no(&mut self, now: UnixTime) -> Option<TransferBillNo> {
        self.dated("1330", 18, now).parse().ok()
    }

    pub(super) fn authorization_id(&mut self) -> Option<AuthorizationId> {
        format!("16{:010}", self.serial()).parse().ok()
    }

    /// Generates the package with which the payee's client confirms.
    pub(super) fn package_info(&mut self) -> String {
        STANDARD.encode(self.rng.text(ALPHANUMERIC, 60))
    }
}
