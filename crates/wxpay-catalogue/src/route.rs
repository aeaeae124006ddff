//! Routing: the operation of a method and a path.

use crate::operation::{Operation, parameter_name};
use percent_encoding::percent_decode_str;
use std::{collections::BTreeMap, sync::Arc};

/// An operation that was found, with the values of the parameters in its path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The operation.
    pub operation: Arc<Operation>,
    /// The parameters of the path, unescaped, by name.
    pub parameters: Vec<(String, String)>,
}

/// A tree of path parts. A literal part takes precedence over a parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    literals: BTreeMap<String, Self>,
    parameter: Option<Box<Self>>,
    operations: BTreeMap<&'static str, Arc<Operation>>,
}

impl Routes {
    /// Adds an operation. Returns the one that has the same method and shape, if there is one: it stays.
    pub(crate) fn add(&mut self, operation: &Arc<Operation>) -> Option<Arc<Operation>> {
        let mut node = self;
        for part in operation.path.split('/') {
            node = match parameter_name(part) {
                Some(_) => node.parameter.get_or_insert_default(),
                None => node.literals.entry(part.to_owned()).or_default(),
            };
        }
        let earlier = node.operations.get(operation.method).cloned();
        node.operations.entry(operation.method).or_insert_with(|| Arc::clone(operation));
        earlier
    }

    /// Finds the operation of a method and a path without a query.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Found> {
        let parts: Vec<&str> = path.split('/').collect();
        let operation = self.search(&parts, &|node| node.operations.get(method).cloned())?;
        let pairs = operation.path.split('/').zip(&parts);
        let parameters = pairs.filter_map(|(part, value)| {
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            parameter_name(part).map(|name| (name.to_owned(), value))
        });
        let parameters = parameters.collect();
        Some(Found { operation, parameters })
    }

    /// Returns the methods of a path.
    pub(crate) fn methods(&self, path: &str) -> Vec<&'static str> {
        let parts: Vec<&str> = path.split('/').collect();
        let methods = |node: &Self| {
            let methods: Vec<_> = node.operations.keys().copied().collect();
            (!methods.is_empty()).then_some(methods)
        };
        self.search(&parts, &methods).unwrap_or_default()
    }

    /// The tree has each prefix once, so that a search visits every node at most once.
    fn search<T>(&self, parts: &[&str], result: &dyn Fn(&Self) -> Option<T>) -> Option<T> {
        let Some((part, rest)) = parts.split_first() else { return result(self) };
        let literal = self.literals.get(*part).and_then(|node| node.search(rest, result));
        literal.or_else(|| {
            let node = self.parameter.as_ref().filter(|_| !part.is_empty())?;
            node.search(rest, result)
        })
    }
}
