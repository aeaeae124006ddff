//! The bodies of requests: [`body!`] makes a request's struct, setters, JSON and `Debug` from one list of fields.
//!
//! serde writes a value from its own data alone. But sensitive members are sealed, and others come from the merchant, so
//! a [`Value`] is written in the [`Context`] of its request.

use super::{
    endpoint::Draft,
    merchant::Merchant,
    seal::{RequestWriter, Sealed, Sensitive},
};
use crate::{
    clock::UnixTime,
    error::{Error, ErrorKind, Fate},
    id::{InvalidField, OpenId},
    prelude::*,
    wire::time,
};
use core::{cell::RefCell, fmt};
use serde::{
    Serialize, Serializer,
    ser::{self, SerializeMap},
};

/// A value in a body: of plain data, [sealed](Sensitive), or an object with [`Members`].
pub(super) trait Value {
    /// Writes the value.
    ///
    /// # Errors
    ///
    /// Returns an error if a value cannot be sealed, or a default is missing. The context keeps the cause.
    fn write<S: Serializer>(&self, context: &dyn Context, serializer: S) -> Result<S::Ok, S::Error>;
}

/// The members of an object in a body.
pub(super) trait Members {
    /// Writes the members in the order of the documentation.
    ///
    /// # Errors
    ///
    /// Returns an error if a value cannot be sealed, or a default is missing. The context keeps the cause.
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error>;
}

/// The request that values are written to. The trait hides the lifetimes of its writer.
pub(super) trait Context {
    /// Returns the merchant that sends the request.
    fn merchant(&self) -> &Merchant;

    /// Seals a value.
    fn seal(&self, plain: &Sensitive) -> Result<Sealed, Error>;

    /// Keeps the error that ends the writing: serde carries none of ours.
    fn keep(&self, error: Error);
}

impl dyn Context + '_ {
    fn check<T, E: ser::Error>(&self, result: Result<T, Error>) -> Result<T, E> {
        result.map_err(|error| {
            self.keep(error);
            E::custom("the context keeps the cause")
        })
    }
}

impl<T: Serialize + ?Sized> Value for T {
    fn write<S: Serializer>(&self, _: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl Value for Sensitive {
    fn write<S: Serializer>(&self, context: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        context.check::<_, S::Error>(context.seal(self))?.serialize(serializer)
    }
}

/// Personal data, and therefore without an implementation of `Serialize`.
impl Value for OpenId {
    fn write<S: Serializer>(&self, _: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Value for UnixTime {
    fn write<S: Serializer>(&self, _: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time::format_rfc3339(*self))
    }
}

/// A list of values.
pub(super) struct List<'o, T>(pub(super) &'o [T]);

impl<T: Value> Value for List<'_, T> {
    fn write<S: Serializer>(&self, context: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| InContext(value, context)))
    }
}

/// An object whose members have no [`Value`] of their own.
struct Whole<'o, T>(&'o T);

impl<T: Members> Value for Whole<'_, T> {
    fn write<S: Serializer>(&self, context: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        write_object(self.0, context, serializer)
    }
}

/// A value in its context, as serde writes it.
struct InContext<'o, T: ?Sized>(&'o T, &'o dyn Context);

impl<T: Value + ?Sized> Serialize for InContext<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(self.1, serializer)
    }
}

/// An object that is being written.
pub(super) struct Object<'o, M> {
    map: &'o mut M,
    context: &'o dyn Context,
}

/// Writes an object.
///
/// # Errors
///
/// Returns an error if a member cannot be written.
pub(super) fn write_object<S: Serializer>(
    members: &impl Members,
    context: &dyn Context,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    members.write_members(&mut Object { map: &mut map, context })?;
    map.end()
}

impl<'o, M: SerializeMap> Object<'o, M> {
    /// Writes a member.
    pub(super) fn member(
        &mut self,
        name: &'static str,
        value: &(impl Value + ?Sized),
    ) -> Result<(), M::Error> {
        self.map.serialize_entry(name, &InContext(value, self.context))
    }

    /// Writes a member, if there is a value.
    pub(super) fn member_opt(
        &mut self,
        name: &'static str,
        value: Option<&(impl Value + ?Sized)>,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.member(name, value))
    }

    /// Writes a member that is a list, unless the list is empty.
    pub(super) fn list(&mut self, name: &'static str, values: &[impl Value]) -> Result<(), M::Error> {
        if values.is_empty() { Ok(()) } else { self.member(name, &List(values)) }
    }

    /// Writes a member that is an object, unless the object has no members.
    pub(super) fn object(&mut self, name: &'static str, members: &impl Members) -> Result<(), M::Error> {
        let mut count = CountMembers(0);
        // Counting does not fail: it writes no value.
        let _ = members.write_members(&mut Object { map: &mut count, context: self.context });
        if count.0 == 0 { Ok(()) } else { self.member(name, &Whole(members)) }
    }

    /// Returns the merchant that sends the request.
    pub(super) fn merchant(&self) -> &'o Merchant {
        self.context.merchant()
    }

    /// Ends the writing if a value could not be determined.
    pub(super) fn check<T>(&self, result: Result<T, Error>) -> Result<T, M::Error> {
        self.context.check(result)
    }
}

/// Counts the members of an object, and writes nothing.
struct CountMembers(usize);

impl SerializeMap for CountMembers {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> fmt::Result {
        self.0 = self.0.saturating_add(1);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, _: &T) -> fmt::Result {
        Ok(())
    }

    fn end(self) -> fmt::Result {
        Ok(())
    }
}

/// A body that is being written.
struct Writing<'c, 'a, 'w> {
    merchant: &'a Merchant,
    writer: RefCell<&'c mut RequestWriter<'a, 'w>>,
    error: RefCell<Option<Error>>,
}

impl Context for Writing<'_, '_, '_> {
    fn merchant(&self) -> &Merchant {
        self.merchant
    }

    fn seal(&self, plain: &Sensitive) -> Result<Sealed, Error> {
        self.writer.borrow_mut().seal(plain)
    }

    fn keep(&self, error: Error) {
        *self.error.borrow_mut() = Some(error);
    }
}

impl RequestWriter<'_, '_> {
    /// Drafts a `POST` request with a JSON body.
    ///
    /// # Errors
    ///
    /// Returns an error if a value cannot be sealed, or a default is missing.
    pub(super) fn post(
        &mut self,
        label: &'static str,
        target: impl Into<String>,
        body: &impl Members,
    ) -> Result<Draft, Error> {
        let context =
            Writing { merchant: self.merchant(), writer: RefCell::new(self), error: RefCell::default() };
        let draft = Draft::post(label, target, &InContext(&Whole(body), &context));
        context.error.into_inner().map_or(Ok(draft), Err)
    }
}

/// Returns the error for fields that do not go together, or that are missing. The request was not sent.
pub(super) fn misuse(invalid: InvalidField) -> Error {
    Error::new(ErrorKind::Misuse, Fate::NotSent).caused_by(invalid)
}

/// Defines a body, or an object in one: its struct, `required(..)`, its setters, its [`Members`] and its `Debug`.
///
/// ```ignore
/// body! {
///     /// Closes an account.
///     #[derive(Clone)]
///     pub struct CloseAccount {
///         default party: Party = flattened,
///         required out_account_no: OutAccountNo,
///         required balance: Fen as "amount",
///         constant currency: &str = "CNY",
///         /// Sets the reason that the owner reads: 1 to 80 characters.
///         text reason: Chars<80>,
///     }
///     Debug { out_account_no }
/// }
/// ```
///
/// The fields are in wire order. Each begins with its kind:
///
/// * `required`: a parameter of the private constructor `required(..)`, in this order. `new` checks what its types
///   do not, and calls it.
/// * `optional`: absent until it is set.
/// * `text`: optional, too. The setter takes any text, and returns the error of the type's `new(field, text)`.
/// * `list`: absent while it is empty.
/// * `default`: always present; begins with the default of its type.
/// * `object`: begins with the default of its type, and is absent while it has no members.
/// * `constant`: not stored. The text is after the `=`.
/// * `computed`: not stored. The method of this name returns `Option<T>`. If it is `flattened`, the method takes the
///   [merchant](super::Merchant), and returns `Result<T, Error>`. With another rule, such as `= mchid`, the merchant's
///   method of that name returns the value.
///
/// A visibility before the kind is the field's; without one, it is private. A field that is not required gets a setter
/// if it has documentation, which becomes the setter's. `as "name"` is the name on the wire, if it is another. A rule
/// after the type replaces how the field is written:
///
/// * `= flattened`: its members are written in place.
/// * `= omitted`: it is left to a computed field, or to the path.
/// * `= or_default`: if it is absent, the merchant's default of this name is written, if there is one.
/// * `= appid_or_default`, or another method of the merchant: it returns the value or a default, or the error that both
///   are missing.
///
/// `Debug` shows the fields that are listed, and no others: texts may contain personal data.
macro_rules! body {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $body:ident {
            $(
                $(#[doc = $doc:literal])*
                $field_visibility:vis $kind:ident $field:ident: $type:ty $(as $name:literal)? $(= $rule:tt)?
            ),* $(,)?
        }
        Debug { $($shown:ident),* $(,)? }
    ) => {
        $crate::v3::body::body! {
            @struct [$(#[$meta])* $visibility] $body [] [] []
            $($field_visibility $kind $field: $type,)*
        }

        impl $body {
            $($crate::v3::body::body! {
                @setter $kind [$($doc)*] $visibility $field: $type,
                $crate::v3::body::body!(@name $field $($name)?)
            })*
        }

        impl $crate::v3::body::Members for $body {
            fn write_members<M: serde::ser::SerializeMap>(
                &self,
                object: &mut $crate::v3::body::Object<'_, M>,
            ) -> Result<(), M::Error> {
                $($crate::v3::body::body! {
                    @write $kind [$($rule)?] self object $field $crate::v3::body::body!(@name $field $($name)?)
                })*
                Ok(())
            }
        }

        impl $crate::v3::body::Value for $body {
            fn write<S: serde::Serializer>(
                &self,
                context: &dyn $crate::v3::body::Context,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                $crate::v3::body::write_object(self, context, serializer)
            }
        }

        impl core::fmt::Debug for $body {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($body))
                    $(.field(stringify!($shown), &self.$shown))*
                    .finish_non_exhaustive()
            }
        }
    };

    // The struct and its constructor: sorts the fields into stored ones, parameters and initial values.
    (
        @struct [$(#[$meta:meta])* $visibility:vis] $body:ident
        [$($field_visibility:vis $field:ident: $type:ty,)*]
        [$($parameter:ident: $parameter_type:ty,)*] [$($initial:ident)*]
    ) => {
        $(#[$meta])*
        #[must_use]
        #[allow(clippy::struct_field_names, reason = "the names are those on the wire")]
        $visibility struct $body {
            $($field_visibility $field: $type,)*
        }

        impl $body {
            #[allow(dead_code, reason = "an object without required fields may begin with the default, too")]
            fn required($($parameter: $parameter_type),*) -> Self {
                Self { $($parameter,)* $($initial: Default::default(),)* }
            }
        }
    };
    (
        @struct $head:tt $body:ident $fields:tt $parameters:tt $initial:tt
        $v:vis constant $f:ident: $t:ty, $($rest:tt)*
    ) => {
        $crate::v3::body::body! { @struct $head $body $fields $parameters $initial $($rest)* }
    };
    (
        @struct $head:tt $body:ident $fields:tt $parameters:tt $initial:tt
        $v:vis computed $f:ident: $t:ty, $($rest:tt)*
    ) => {
        $crate::v3::body::body! { @struct $head $body $fields $parameters $initial $($rest)* }
    };
    (
        @struct $head:tt $body:ident [$($fields:tt)*] [$($parameters:tt)*] $initial:tt
        $v:vis required $f:ident: $t:ty, $($rest:tt)*
    ) => {
        $crate::v3::body::body! {
            @struct $head $body [$($fields)* $v $f: $t,] [$($parameters)* $f: $t,] $initial $($rest)*
        }
    };
    (
        @struct $head:tt $body:ident [$($fields:tt)*] $parameters:tt [$($initial:ident)*]
        $v:vis $kind:ident $f:ident: $t:ty, $($rest:tt)*
    ) => {
        $crate::v3::body::body! {
            @struct $head $body [$($fields)* $v $f: $crate::v3::body::body!(@stored $kind $t),]
            $parameters [$($initial)* $f] $($rest)*
        }
    };
    (@stored default $type:ty) => { $type };
    (@stored object $type:ty) => { $type };
    (@stored list $type:ty) => { Vec<$type> };
    (@stored $kind:ident $type:ty) => { Option<$type> };

    // The setters.
    (@setter $kind:ident [] $visibility:vis $field:ident: $type:ty, $name:expr) => {};
    (@setter required [$($doc:literal)*] $visibility:vis $field:ident: $type:ty, $name:expr) => {};
    (@setter text [$($doc:literal)*] $visibility:vis $field:ident: $type:ty, $name:expr) => {
        $(#[doc = $doc])*
        ///
        /// # Errors
        ///
        /// Returns [`InvalidField`](crate::id::InvalidField) if the text violates this rule.
        $visibility fn $field(mut self, $field: impl AsRef<str>) -> Result<Self, $crate::id::InvalidField> {
            self.$field = Some(<$type>::new($name, $field)?);
            Ok(self)
        }
    };
    (@setter optional [$($doc:literal)*] $visibility:vis $field:ident: $type:ty, $name:expr) => {
        $(#[doc = $doc])*
        $visibility fn $field(mut self, $field: $type) -> Self {
            self.$field = Some($field);
            self
        }
    };
    (@setter list [$($doc:literal)*] $visibility:vis $field:ident: $type:ty, $name:expr) => {
        $(#[doc = $doc])*
        $visibility fn $field(mut self, $field: Vec<$type>) -> Self {
            self.$field = $field;
            self
        }
    };
    (@setter default [$($doc:literal)*] $visibility:vis $field:ident: $type:ty, $name:expr) => {
        $(#[doc = $doc])*
        $visibility fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    };

    // The members.
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@write $kind:ident [omitted] $self:ident $object:ident $field:ident $name:expr) => {};
    (@write constant [$value:literal] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member($name, $value)?;
    };
    (@write computed [flattened] $self:ident $object:ident $field:ident $name:expr) => {
        $crate::v3::body::Members::write_members(&$object.check($self.$field($object.merchant()))?, $object)?;
    };
    (@write computed [$method:ident] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member($name, $object.merchant().$method())?;
    };
    (@write computed [] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member_opt($name, $self.$field().as_ref())?;
    };
    (@write list [] $self:ident $object:ident $field:ident $name:expr) => {
        $object.list($name, &$self.$field)?;
    };
    (@write object [] $self:ident $object:ident $field:ident $name:expr) => {
        $object.object($name, &$self.$field)?;
    };
    (@write required [] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member($name, &$self.$field)?;
    };
    (@write default [] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member($name, &$self.$field)?;
    };
    (@write $kind:ident [] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member_opt($name, $self.$field.as_ref())?;
    };
    (@write optional [flattened] $self:ident $object:ident $field:ident $name:expr) => {
        if let Some(value) = &$self.$field {
            $crate::v3::body::Members::write_members(value, $object)?;
        }
    };
    (@write optional [or_default] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member_opt($name, $self.$field.as_ref().or_else(|| $object.merchant().$field()))?;
    };
    (@write optional [$default:ident] $self:ident $object:ident $field:ident $name:expr) => {
        $object.member($name, $object.check($object.merchant().$default($self.$field.as_ref()))?)?;
    };
    (@write $kind:ident [flattened] $self:ident $object:ident $field:ident $name:expr) => {
        $crate::v3::body::Members::write_members(&$self.$field, $object)?;
    };
}
pub(super) use body;

#[cfg(test)]
mod tests {
    use crate::{
        error::Fate,
        id::{AppId, NotifyUrl},
        v3::{fake, prelude::*, refund::RefundOf},
    };
    use core::error::Error as _;

    body! {
        #[derive(Clone)]
        struct Part {
            required id: u32,
            constant kind: &str as "type" = "PART",
        }
        Debug { id }
    }

    body! {
        #[derive(Clone)]
        struct Whole {
            required number: u32 = omitted,
            required id: RefundOf = flattened,
            /// Sets the app.
            optional appid: AppId = appid_or_default,
            computed part: Part = flattened,
            /// Sets the notification URL.
            optional notify_url: NotifyUrl = or_default,
            computed sub_appid: &AppId,
            /// Sets the party.
            default party: Party = flattened,
            /// Sets a flag.
            default flag: bool as "is_set",
            /// Sets a text.
            text note: Chars<10>,
            /// Sets a part.
            optional one: Part = flattened,
            /// Sets another part.
            optional other: Part,
            /// Sets a sealed part.
            optional name: Sensitive,
            object all: All,
            /// Sets the list.
            list parts: Part,
        }
        Debug { number, parts }
    }

    body! {
        #[derive(Clone, Default)]
        struct All {
            /// Sets a number.
            optional number: u32,
        }
        Debug { number }
    }

    fn id() -> RefundOf {
        RefundOf::OutTradeNo("20261125A1".parse().unwrap())
    }

    impl Whole {
        fn part(&self, _: &Merchant) -> Result<Part, Error> {
            self.number.checked_mul(2).map(Part::required).ok_or_else(malformed)
        }

        fn sub_appid(&self) -> Option<&AppId> {
            self.party.sub_appid()
        }
    }

    impl Endpoint for Whole {
        type Output = ();

        fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
            writer.post("v3.test", "/v3/test", self)
        }

        fn read(&self, _: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn absent_members_are_left_out_and_the_rest_is_in_order() {
        let minimal = Whole::required(1, id()).appid("wxd678efh567hg6787".parse().unwrap());
        assert_eq!(
            fake::drafted(&minimal).1,
            r#"{"out_trade_no":"20261125A1","appid":"wxd678efh567hg6787","id":2,"type":"PART","is_set":false}"#
        );
        let sub_appid = Some("wxd678efh567hg6789".parse().unwrap());
        let mut full = minimal
            .notify_url("https://a.example/".parse().unwrap())
            .party(Party::Partner { sub_mchid: "1900000109".parse().unwrap(), sub_appid })
            .flag(true)
            .note("\"")
            .unwrap()
            .one(Part::required(3))
            .other(Part::required(4))
            .name(Sensitive::new("planted".into()).unwrap())
            .parts(vec![Part::required(5), Part::required(6)]);
        full.all = full.all.number(7);
        let expected = format!(
            r#"{{"out_trade_no":"20261125A1","appid":"wxd678efh567hg6787","id":2,"type":"PART","notify_url":"https://a.example/","sub_appid":"wxd678efh567hg6789","sub_mchid":"1900000109","is_set":true,"note":"\"","id":3,"type":"PART","other":{{"id":4,"type":"PART"}},"name":"{}","all":{{"number":7}},"parts":[{{"id":5,"type":"PART"}},{{"id":6,"type":"PART"}}]}}"#,
            fake::sealed("planted")
        );
        assert_eq!(fake::drafted(&full).1, expected);
    }

    #[test]
    fn the_merchants_defaults_are_written_or_their_absence_is_an_error_that_names_the_field() {
        let whole = Whole::required(1, id());
        let me = fake::builder().appid("wxd678efh567hg6787".parse().unwrap());
        let me = me.notify_url("https://a.example/".parse().unwrap()).build();
        assert_eq!(
            fake::drafted_by(&me, &whole).unwrap().1,
            r#"{"out_trade_no":"20261125A1","appid":"wxd678efh567hg6787","id":2,"type":"PART","notify_url":"https://a.example/","is_set":false}"#
        );
        let error = fake::drafted_by(&fake::merchant(), &whole).unwrap_err();
        assert_eq!(error.fate(), Some(Fate::NotSent));
        assert!(error.source().unwrap().to_string().starts_with("appid is required"));
    }

    #[test]
    fn debug_output_shows_the_listed_fields_only_and_errors_name_the_field() {
        let whole = Whole::required(1, id()).note("planted").unwrap();
        assert_eq!(format!("{whole:?}"), "Whole { number: 1, parts: [], .. }");
        let error = whole.note("longer than ten").unwrap_err();
        assert_eq!(error.to_string(), "note must be 1 to 10 characters, none beyond U+FFFF");
    }
}
