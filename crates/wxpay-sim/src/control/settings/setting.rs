//! A setting: its schema, and access to its value.

use crate::{
    control::{
        call::Fields,
        field::{Field, Kind, optional},
    },
    settings::Settings,
};
use serde_json::Value;
use std::time::Duration;

/// A setting.
pub(super) struct Setting {
    pub(super) field: Field,
    pub(super) access: Access,
}

/// Access to the value of a setting.
pub(super) enum Access {
    Seconds(fn(&mut Settings) -> &mut Duration),
    Boolean(fn(&mut Settings) -> &mut bool),
    PerMille(fn(&mut Settings) -> &mut u32),
    /// Returns the current choice, and sets one.
    Choice(fn(&Settings) -> &'static str, fn(&mut Settings, &str)),
}

/// Maximum duration, in seconds: ten years.
const MAX_SECONDS: u64 = 315_360_000;

pub(super) const fn seconds(
    name: &'static str,
    description: &'static str,
    field_mut: fn(&mut Settings) -> &mut Duration,
) -> Setting {
    Setting {
        field: optional(name, Kind::Number(0, MAX_SECONDS), description),
        access: Access::Seconds(field_mut),
    }
}

pub(super) const fn boolean(
    name: &'static str,
    description: &'static str,
    field_mut: fn(&mut Settings) -> &mut bool,
) -> Setting {
    Setting { field: optional(name, Kind::Boolean, description), access: Access::Boolean(field_mut) }
}

pub(super) const fn per_mille(
    name: &'static str,
    description: &'static str,
    field_mut: fn(&mut Settings) -> &mut u32,
) -> Setting {
    Setting { field: optional(name, Kind::Number(0, 1000), description), access: Access::PerMille(field_mut) }
}

/// Declares a setting whose values have names: `name => Variant`.
macro_rules! choice {
    ($name:literal, $description:literal, |$settings:ident| $place:expr, $kind:ident { $($value:literal => $variant:ident),+ $(,)? } $(,)?) => {
        $crate::control::settings::setting::Setting {
            field: $crate::control::field::optional(
                $name,
                $crate::control::field::Kind::Enum(|| vec![$($value),+]),
                $description,
            ),
            access: $crate::control::settings::setting::Access::Choice(
                |$settings| match $place {
                    $($kind::$variant => $value),+
                },
                |$settings, value| match value {
                    $($value => $place = $kind::$variant,)+
                    _ => {}
                },
            ),
        }
    };
}
pub(super) use choice;

impl Setting {
    /// Returns the value.
    pub(super) fn value(&self, settings: &mut Settings) -> Value {
        match self.access {
            Access::Seconds(field_mut) => field_mut(settings).as_secs().into(),
            Access::Boolean(field_mut) => (*field_mut(settings)).into(),
            Access::PerMille(field_mut) => (*field_mut(settings)).into(),
            Access::Choice(get, _) => get(settings).into(),
        }
    }

    /// Changes the value to that of the body, if it has one.
    pub(super) fn change(&self, settings: &mut Settings, body: &Fields) {
        let name = self.field.name;
        match self.access {
            Access::Seconds(field_mut) => {
                if let Some(seconds) = body.number(name) {
                    *field_mut(settings) = Duration::from_secs(seconds);
                }
            }
            Access::Boolean(field_mut) => {
                if let Some(value) = body.boolean(name) {
                    *field_mut(settings) = value;
                }
            }
            Access::PerMille(field_mut) => {
                if let Some(value) = body.number(name).and_then(|value| u32::try_from(value).ok()) {
                    *field_mut(settings) = value;
                }
            }
            Access::Choice(_, set) => {
                if let Some(value) = body.text(name) {
                    set(settings, value);
                }
            }
        }
    }
}
