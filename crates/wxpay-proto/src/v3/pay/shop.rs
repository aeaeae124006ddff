//! Where it is bought: a shop of the merchant's.

use crate::{id::Invalid, v3::field};
use alloc::string::String;

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Store {
    /// The merchant's own number of it: at most 32 characters.
    pub id: String,
    /// Its name: at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The area's code: at most 32 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_code: Option<String>,
    /// Its address: at most 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Store {
    /// A shop by its number.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), name: None, area_code: None, address: None }
    }
}

/// The shop in which a payer is charged, by one of its numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a shop has two numbers")]
pub enum Shop {
    /// WeChat Pay's number of it: at most 32 characters.
    Id(String),
    /// The merchant's own number of it: at most 256 characters.
    OutId(String),
}

impl Shop {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let (text, most, rule) = match self {
            Self::Id(id) => (id, 32, Invalid::new("store_info.id", "must be 1 to 32 characters")),
            Self::OutId(id) => (id, 256, Invalid::new("store_info.out_id", "must be 1 to 256 characters")),
        };
        field::text(text, most, rule).map(|_| ())
    }
}

impl Store {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        field::text(&self.id, 32, Invalid::new("store_info.id", "must be 1 to 32 characters"))?;
        for (value, most, rule) in [
            (&self.name, 256, Invalid::new("store_info.name", "must be 1 to 256 characters")),
            (&self.area_code, 32, Invalid::new("store_info.area_code", "must be 1 to 32 characters")),
            (&self.address, 512, Invalid::new("store_info.address", "must be 1 to 512 characters")),
        ] {
            if let Some(value) = value {
                field::text(value, most, rule)?;
            }
        }
        Ok(())
    }
}
