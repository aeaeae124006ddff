//! The macro that defines bodies.

/// Defines a body, or an object in one: its struct, `required(..)`, its setters, its [`Members`](super::Members) and its
/// `Debug`.
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
pub(in crate::v3) use body;
