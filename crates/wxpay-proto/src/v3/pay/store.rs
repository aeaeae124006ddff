//! The merchant's store in which an order is paid.

use crate::{id::InvalidField, prelude::*, v3::field};

/// A store of the merchant (`store_info`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Store {
    /// The merchant's number of the store: 1 to 32 characters.
    pub id: String,
    /// The name: 1 to 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The code of the area: 1 to 32 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_code: Option<String>,
    /// The street address: 1 to 512 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Store {
    /// Creates a store from its number.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), name: None, area_code: None, address: None }
    }
}

/// The store of a code payment, identified by one of its two numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a store has two numbers")]
pub enum StoreId {
    /// WeChat Pay's number of the store: 1 to 32 characters.
    Id(String),
    /// The merchant's number of the store: 1 to 256 characters.
    OutId(String),
}

impl StoreId {
    pub(super) fn check(&self) -> Result<(), InvalidField> {
        let (text, max, rule) = match self {
            Self::Id(id) => (id, 32, InvalidField::new("store_info.id", "must be 1 to 32 characters")),
            Self::OutId(id) => {
                (id, 256, InvalidField::new("store_info.out_id", "must be 1 to 256 characters"))
            }
        };
        field::text(text, max, rule).map(|_| ())
    }
}

impl Store {
    pub(super) fn check(&self) -> Result<(), InvalidField> {
        field::text(&self.id, 32, InvalidField::new("store_info.id", "must be 1 to 32 characters"))?;
        for (value, max, rule) in [
            (&self.name, 256, InvalidField::new("store_info.name", "must be 1 to 256 characters")),
            (&self.area_code, 32, InvalidField::new("store_info.area_code", "must be 1 to 32 characters")),
            (&self.address, 512, InvalidField::new("store_info.address", "must be 1 to 512 characters")),
        ] {
            if let Some(value) = value {
                field::text(value, max, rule)?;
            }
        }
        Ok(())
    }
}
