//! The bodies of requests: [`body!`] makes a request's struct, setters, JSON and `Debug` from one list of fields.
//!
//! serde writes a value from its own data alone. But sensitive members are sealed, and others come from the merchant, so
//! a [`Value`] is written in the [`Context`] of its request.

mod define;

pub(super) use define::body;

use super::{
    endpoint::Draft,
    merchant::Merchant,
    seal::{RequestWriter, Sealed, Sensitive},
};
use crate::{clock::UnixTime, error::Error, id::OpenId, prelude::*, wire::time};
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

#[cfg(test)]
mod tests;
