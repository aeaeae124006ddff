//! Places in a JSON value.

use crate::compile::escaped;
use std::fmt;

/// The JSON pointer (RFC 6901) to a value below a root, such as `/amount/total` in the body. A walk builds it on the
/// stack; it becomes a text only when it is printed.
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    root: &'static str,
    parent: Option<&'a Self>,
    part: Option<Part<'a>>,
}

/// A part of a [`Pointer`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Part<'a> {
    /// The member of an object.
    Name(&'a str),
    /// The item of a list.
    Index(usize),
}

impl<'a> Pointer<'a> {
    /// Returns the pointer to a whole value: of the part of a request with this name, such as `body`.
    pub const fn new(root: &'static str) -> Self {
        Self { root, parent: None, part: None }
    }

    /// Returns the pointer to a member or an item.
    pub const fn child<'b>(&'b self, part: Part<'b>) -> Pointer<'b>
    where
        'a: 'b,
    {
        Pointer { root: self.root, parent: Some(self), part: Some(part) }
    }

    /// Returns the name of the root.
    pub const fn root(&self) -> &'static str {
        self.root
    }

    /// Returns the pointer with its root: `/body/amount/total`.
    pub fn place(&self) -> String {
        let slash = if self.root.is_empty() { "" } else { "/" };
        format!("{slash}{}{self}", self.root)
    }
}

/// Prints the pointer without its root.
impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.part {
            Some(Part::Name(name)) => write!(f, "/{}", escaped(name)),
            Some(Part::Index(index)) => write!(f, "/{index}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_is_printed_with_and_without_its_root() {
        let body = Pointer::new("body");
        let list = body.child(Part::Name("a/b~"));
        let item = list.child(Part::Index(2));
        assert_eq!((item.to_string().as_str(), item.place().as_str()), ("/a~1b~0/2", "/body/a~1b~0/2"));
        assert_eq!((body.to_string().as_str(), body.root()), ("", "body"));
        assert_eq!(Pointer::new("").child(Part::Index(0)).place(), "/0");
    }
}
