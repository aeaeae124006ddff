//! Tolerant reading of objects, member by member.
//!
//! A reply is proof that an operation was carried out, so a member that the proof does not rest on must not make it
//! unreadable. Every value is read in full, whatever its shape, and the *type of the field* decides what follows from a
//! value that cannot be read:
//!
//! * `T`: the member is required. If it is absent, null, empty or unreadable, the object is unreadable.
//! * `Option<T>`: the member is optional. If it is unreadable, it is absent.
//! * `Vec<T>`: the list is optional. Items that are unreadable are left out.
//!
//! A rule after the type replaces this: [`strict`] for an optional member that must be readable if it is present,
//! [`every`] for a list of which every item must be readable, [`or_default`], and [`deferred`] where other members
//! decide. Text that is not JSON, and a repeated member, are errors everywhere.

use super::Text;
use crate::prelude::*;
use core::{error, fmt, marker::PhantomData};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The error for a required member that is missing or cannot be read: its path and the rule, never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidMember {
    path: String,
    rule: &'static str,
}

const MISSING: &str = "is missing";

impl InvalidMember {
    /// Creates the error for a value that violates a rule.
    pub(crate) const fn new(rule: &'static str) -> Self {
        Self { path: String::new(), rule }
    }

    /// Creates the error for a value that is absent, null or an empty text.
    pub(crate) const fn missing() -> Self {
        Self::new(MISSING)
    }

    /// Adds the name of the member that holds the value.
    pub(crate) fn of(self, name: &str) -> Self {
        let Self { path, rule } = self;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Self { path: format!("{name}{dot}{path}"), rule }
    }

    /// Returns the path of the member, such as `sub_orders[0].amount.total_amount`. Empty for the whole text.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the rule that the member violates, such as `is missing`.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// Returns whether the value itself is absent, rather than a member of it.
    fn is_absent(&self) -> bool {
        self.rule == MISSING && self.path.is_empty()
    }
}

impl fmt::Display for InvalidMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the JSON text" } else { &self.path };
        write!(f, "{path}: {}", self.rule)
    }
}

impl error::Error for InvalidMember {}

/// A value, or the reason why it cannot be read.
pub(crate) type Outcome<T> = Result<T, InvalidMember>;

/// A type that is read from JSON: one method for each shape that it accepts.
///
/// The outer errors are those of the text, which ends there; the inner ones are those of the value, which was read to
/// its end.
pub(crate) trait Read<'de>: Sized {
    /// The rule that a value of another shape violates.
    const SHAPE: &'static str;

    fn from_text(_: Cow<'de, str>) -> Outcome<Self> {
        Err(InvalidMember::new(Self::SHAPE))
    }

    fn from_number(_: u64) -> Outcome<Self> {
        Err(InvalidMember::new(Self::SHAPE))
    }

    fn from_bool(_: bool) -> Outcome<Self> {
        Err(InvalidMember::new(Self::SHAPE))
    }

    fn from_list<A: SeqAccess<'de>>(mut items: A) -> Result<Outcome<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(InvalidMember::new(Self::SHAPE)))
    }

    fn from_object<A: MapAccess<'de>>(mut members: A) -> Result<Outcome<Self>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err(InvalidMember::new(Self::SHAPE)))
    }

    /// Returns the value of a member that is absent or null.
    fn absent() -> Outcome<Self> {
        Err(InvalidMember::missing())
    }

    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Outcome<Self>, D::Error> {
        deserializer.deserialize_any(AnyShape(PhantomData))
    }
}

struct AnyShape<T>(PhantomData<T>);

impl<'de, T: Read<'de>> Visitor<'de> for AnyShape<T> {
    type Value = Outcome<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Outcome<T>, E> {
        Ok(if text.is_empty() { T::absent() } else { T::from_text(Cow::Borrowed(text)) })
    }

    fn visit_str<E>(self, text: &str) -> Result<Outcome<T>, E> {
        Ok(if text.is_empty() { T::absent() } else { T::from_text(Cow::Owned(text.into())) })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Outcome<T>, E> {
        Ok(T::from_number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Outcome<T>, E> {
        Ok(Err(InvalidMember::new(T::SHAPE)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Outcome<T>, E> {
        Ok(Err(InvalidMember::new(T::SHAPE)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Outcome<T>, E> {
        Ok(T::from_bool(value))
    }

    fn visit_unit<E>(self) -> Result<Outcome<T>, E> {
        Ok(T::absent())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Outcome<T>, A::Error> {
        T::from_list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Outcome<T>, A::Error> {
        T::from_object(members)
    }
}

pub(super) struct Seed<T>(PhantomData<T>);

impl<T> Seed<T> {
    pub(super) const NEW: Self = Self(PhantomData);
}

impl<'de, T: Read<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = Outcome<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outcome<T>, D::Error> {
        T::read(deserializer)
    }
}

impl<'de, T: Read<'de>> Read<'de> for Option<T> {
    const SHAPE: &'static str = T::SHAPE;

    fn absent() -> Outcome<Self> {
        Ok(None)
    }

    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Outcome<Self>, D::Error> {
        Ok(Ok(T::read(deserializer)?.ok()))
    }
}

impl<'de, T: Read<'de>> Read<'de> for Vec<T> {
    const SHAPE: &'static str = "must be a list";

    fn absent() -> Outcome<Self> {
        Ok(Self::new())
    }

    fn from_list<A: SeqAccess<'de>>(mut items: A) -> Result<Outcome<Self>, A::Error> {
        let mut read = Self::new();
        while let Some(item) = items.next_element_seed(Seed::<T>::NEW)? {
            read.extend(item);
        }
        Ok(Ok(read))
    }

    fn read<D: Deserializer<'de>>(deserializer: D) -> Result<Outcome<Self>, D::Error> {
        let list: Outcome<Self> = deserializer.deserialize_any(AnyShape(PhantomData))?;
        Ok(Ok(list.unwrap_or_default()))
    }
}

/// A list of which every item must be readable.
pub(crate) struct Every<T>(Vec<T>);

impl<'de, T: Read<'de>> Read<'de> for Every<T> {
    const SHAPE: &'static str = "must be a list";

    fn from_list<A: SeqAccess<'de>>(mut items: A) -> Result<Outcome<Self>, A::Error> {
        let mut read = Ok(Vec::new());
        let mut index: usize = 0;
        while let Some(item) = items.next_element_seed(Seed::<T>::NEW)? {
            match (&mut read, item) {
                (Ok(read), Ok(item)) => read.push(item),
                (Ok(_), Err(invalid)) => read = Err(invalid.of(&format!("[{index}]"))),
                (Err(_), _) => {}
            }
            index = index.saturating_add(1);
        }
        Ok(read.map(Self))
    }
}

/// Reads the value of a member.
pub(crate) fn member<'de, T: Read<'de>, A: MapAccess<'de>>(
    members: &mut A,
    member: &mut Option<Outcome<T>>,
    name: &'static str,
) -> Result<(), A::Error> {
    if member.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *member = Some(members.next_value_seed(Seed::NEW)?);
    Ok(())
}

/// Reads and ignores the value of a member.
pub(crate) fn unknown_member<'de, A: MapAccess<'de>>(members: &mut A) -> Result<(), A::Error> {
    members.next_value::<IgnoredAny>().map(drop)
}

/// Reads the name of the next member.
pub(crate) fn name<'de, A: MapAccess<'de>>(members: &mut A) -> Result<Option<Text<'de>>, A::Error> {
    members.next_key()
}

/// The rule of a field without another one: its type decides.
pub(crate) fn by_type<'de, T: Read<'de>>(member: Option<Outcome<T>>, name: &str) -> Outcome<T> {
    member.unwrap_or_else(T::absent).map_err(|invalid| invalid.of(name))
}

/// The rule of an optional member on which money depends: absent or null is `None`, unreadable is an error.
pub(crate) fn strict<T>(member: Option<Outcome<T>>, name: &str) -> Outcome<Option<T>> {
    match member {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(invalid)) if invalid.is_absent() => Ok(None),
        Some(Err(invalid)) => Err(invalid.of(name)),
    }
}

/// The rule of a list on which money depends: absent or null is empty, an unreadable item is an error.
pub(crate) fn every<T>(member: Option<Outcome<Every<T>>>, name: &str) -> Outcome<Vec<T>> {
    Ok(strict(member, name)?.map_or_else(Vec::new, |Every(items)| items))
}

/// The rule of a member that has a default value.
#[allow(clippy::unnecessary_wraps, reason = "every rule has this signature")]
pub(crate) fn or_default<T: Default>(member: Option<Outcome<T>>, _: &str) -> Outcome<T> {
    Ok(member.and_then(Result::ok).unwrap_or_default())
}

/// The rule of a member of which other members decide whether it is required.
#[allow(clippy::unnecessary_wraps, reason = "every rule has this signature")]
pub(crate) fn deferred<T>(member: Option<Outcome<T>>, name: &str) -> Outcome<Outcome<T>> {
    Ok(member.unwrap_or(Err(InvalidMember::missing())).map_err(|invalid| invalid.of(name)))
}

/// Defines a struct that is [read](Read) from a JSON object.
///
/// A field is read from the member of its name, or of the name after `as`. The type of the field, or the rule after
/// `=`, decides what follows if the member cannot be read: see the module. Members without a field are ignored.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $object:ident $(<$life:lifetime>)? {
            $(
                $(#[$field_meta:meta])*
                $field_visibility:vis $field:ident: $type:ty $(as $name:literal)? $(= $rule:ident)?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility struct $object $(<$life>)? {
            $($(#[$field_meta])* $field_visibility $field: $type,)*
        }

        impl<'de $(: $life, $life)?> $crate::wire::json::read::Read<'de> for $object $(<$life>)? {
            const SHAPE: &'static str = "must be an object";

            fn from_object<A: serde::de::MapAccess<'de>>(
                mut members: A,
            ) -> Result<$crate::wire::json::read::Outcome<Self>, A::Error> {
                use $crate::wire::json::read;
                $(let mut $field = None;)*
                while let Some(name) = read::name(&mut members)? {
                    match &*name {
                        $(
                            read::object!(@name $field $($name)?) => {
                                let name = read::object!(@name $field $($name)?);
                                read::member(&mut members, &mut $field, name)?;
                            }
                        )*
                        _ => read::unknown_member(&mut members)?,
                    }
                }
                let object = || Ok(Self {
                    $($field: read::object!(@rule $($rule)?)($field, read::object!(@name $field $($name)?))?,)*
                });
                Ok(object())
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@rule) => { $crate::wire::json::read::by_type };
    (@rule $rule:ident) => { $crate::wire::json::read::$rule };
}
pub(crate) use object;
