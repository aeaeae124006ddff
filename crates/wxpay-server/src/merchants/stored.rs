//! A merchant of the API as a row of the table `merchants`.

use super::{
    keys::MerchantKeys,
    merchant::{Merchant, Origin, Upstream},
    name::MerchantName,
    seal::{Place, SealError, SealingKeys},
    settings::MerchantSettings,
};
use crate::{invalid::Invalid, ledger::rows::merchant::MerchantRow};
use std::{error, fmt};
use wxpay_proto::UnixTime;

/// The error for a row that cannot be written or read.
#[derive(Debug)]
pub(crate) enum StoredError {
    /// The keys cannot be sealed or opened.
    Seal(SealError),
    /// The JSON of this column is malformed.
    Malformed(&'static str),
    /// The settings or keys are not valid any more.
    Invalid(Vec<Invalid>),
}

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal(error) => error.fmt(f),
            Self::Malformed(column) => {
                write!(f, "the column {column} of the merchant is not the expected JSON")
            }
            Self::Invalid(faults) => {
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                f.write_str(&faults.join("; "))
            }
        }
    }
}

impl error::Error for StoredError {}

/// The sealing and opening of a merchant's row.
impl MerchantRow {
    /// Creates the row of a merchant that was built from these keys. The nonce must be fresh random bytes.
    ///
    /// # Errors
    ///
    /// Returns [`StoredError::Seal`] if no sealing key is configured.
    pub(crate) fn seal(
        merchant: &Merchant,
        keys: &MerchantKeys,
        version: u64,
        now: UnixTime,
        sealing: &SealingKeys,
        nonce: [u8; 12],
    ) -> Result<Self, StoredError> {
        let json = keys.to_json().map_err(|_| StoredError::Malformed("sealed_keys"))?;
        let settings =
            serde_json::to_string(merchant.settings()).map_err(|_| StoredError::Malformed("settings"))?;
        let sealed = sealing.seal(place(merchant.name()), json.expose().as_bytes(), nonce);
        Ok(Self {
            merchant: merchant.name().clone(),
            mchid: merchant.mchid().to_owned(),
            settings,
            sealed_keys: sealed.map_err(StoredError::Seal)?,
            version,
            updated_at: now,
        })
    }

    /// Returns the keys, to change some of them: see [`MerchantKeys::or`].
    ///
    /// # Errors
    ///
    /// Returns [`StoredError`] if they cannot be opened, or are malformed.
    pub(crate) fn keys(&self, sealing: &SealingKeys) -> Result<MerchantKeys, StoredError> {
        let json = sealing.open(place(&self.merchant), &self.sealed_keys).map_err(StoredError::Seal)?;
        MerchantKeys::from_json(json.expose()).map_err(|_| StoredError::Malformed("sealed_keys"))
    }

    /// Builds the merchant.
    ///
    /// # Errors
    ///
    /// Returns [`StoredError`] if the keys cannot be opened, or settings and keys do not fit together.
    pub(crate) fn build(&self, sealing: &SealingKeys, upstream: &Upstream) -> Result<Merchant, StoredError> {
        let keys = self.keys(sealing)?;
        let settings: MerchantSettings =
            serde_json::from_str(&self.settings).map_err(|_| StoredError::Malformed("settings"))?;
        let origin = Origin::Api { version: self.version };
        Merchant::build(self.merchant.clone(), origin, settings, &keys, upstream)
            .map_err(StoredError::Invalid)
    }

    /// Seals the keys anew, with the current sealing key. Returns `None` if that key sealed them already. The caller
    /// writes the row with its version unchanged: the merchant is the same.
    ///
    /// # Errors
    ///
    /// Returns [`SealError`] if the key that sealed them is not configured.
    pub(crate) fn reseal(&self, sealing: &SealingKeys, nonce: [u8; 12]) -> Result<Option<Self>, SealError> {
        let sealed = sealing.reseal(place(&self.merchant), &self.sealed_keys, nonce)?;
        Ok(sealed.map(|sealed_keys| Self { sealed_keys, ..self.clone() }))
    }
}

fn place(merchant: &MerchantName) -> Place<'_> {
    Place { table: "merchants", row: merchant.as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merchants::merchant_tests::{build, keys, settings, upstream, with_v1};
    use wxpay_aws_lc::AwsLc;
    use wxpay_proto::secret::Secret;

    fn sealing(bytes: &[u8]) -> SealingKeys {
        let keys: Vec<_> = bytes.iter().map(|byte| Secret::new([*byte; 32])).collect();
        SealingKeys::new(&AwsLc, &keys.iter().collect::<Vec<_>>())
    }

    fn stored() -> MerchantRow {
        let (settings, keys) = with_v1(settings(), keys());
        let merchant = build(settings, &keys).unwrap();
        MerchantRow::seal(&merchant, &keys, 3, UnixTime::from_secs(9), &sealing(&[1]), [7; 12]).unwrap()
    }

    #[test]
    fn a_stored_merchant_is_built_again() {
        let row = stored();
        assert!(!format!("{row:?}").contains("PRIVATE KEY"));
        let merchant = row.build(&sealing(&[1]), &upstream()).unwrap();
        assert_eq!((merchant.mchid(), merchant.origin()), (&*row.mchid, Origin::Api { version: 3 }));
        assert!(merchant.v1().is_some());
    }

    #[test]
    fn a_row_under_another_name_does_not_open() {
        let moved = MerchantRow { merchant: "shop2".parse().unwrap(), ..stored() };
        let error = moved.build(&sealing(&[1]), &upstream()).unwrap_err();
        assert!(matches!(error, StoredError::Seal(SealError::Modified)), "{error}");
    }

    #[test]
    fn a_rotated_sealing_key_opens_the_row_after_resealing() {
        let row = stored();
        let resealed = row.reseal(&sealing(&[2, 1]), [8; 12]).unwrap().unwrap();
        assert!(resealed.keys(&sealing(&[2])).is_ok());
        assert_eq!(resealed.reseal(&sealing(&[2, 1]), [9; 12]), Ok(None));
        assert!(row.keys(&sealing(&[2])).is_err());
    }

    #[test]
    fn a_malformed_column_is_named() {
        let row = MerchantRow { settings: "{\"colour\":1}".into(), ..stored() };
        let error = row.build(&sealing(&[1]), &upstream()).unwrap_err();
        assert_eq!(error.to_string(), "the column settings of the merchant is not the expected JSON");
        let empty = MerchantRow { settings: "{}".into(), ..stored() };
        assert!(matches!(empty.build(&sealing(&[1]), &upstream()), Err(StoredError::Invalid(_))));
    }
}
