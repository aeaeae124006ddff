//! The writes that operations of the catalogue remember, by the merchant's number.

use super::{super::reply::to_json, validate::Call, words};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
};
use wxpay_catalogue::Operation;
use wxpay_proto::id::MchId;

/// The maximum number of remembered writes, whatever the setting for orders is.
const MAX_WRITES: usize = 10_000;

/// The maximum size of all remembered writes in bytes of JSON.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Merchant, leading part of the path, and number.
type Key = (MchId, String, String);

/// The last write under each number, the oldest first.
#[derive(Clone, Default)]
pub(in super::super) struct Writes {
    by_number: BTreeMap<Key, (u64, Arc<Value>)>,
    /// The writes by age, with their size and their keys.
    by_age: VecDeque<(u64, usize, Vec<Key>)>,
    bytes: usize,
    last: u64,
}

/// The values may be plaintexts of sealed fields.
impl fmt::Debug for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writes").field("count", &self.by_age.len()).finish_non_exhaustive()
    }
}

impl Writes {
    /// Finds the last write under the number that a request is about.
    pub(super) fn find(&self, call: &Call) -> Option<&Arc<Value>> {
        let number = subject(call).or_else(|| self.known(call))?;
        self.by_number.get(&key(call, number)).map(|(_, value)| value)
    }

    /// Returns the first number in the query or the body under which something was written.
    fn known(&self, call: &Call) -> Option<String> {
        let named = fields(call).into_iter().filter(|(name, _)| words::is_number(name));
        let mut numbers = named.map(|(_, number)| number);
        numbers.find(|number| self.by_number.contains_key(&key(call, number.clone())))
    }

    /// Remembers a write with its reply, over what an earlier one under its number has written.
    pub(super) fn add(&mut self, call: &Call, earlier: Option<&Value>, reply: Option<&Value>, max: usize) {
        let mut written = earlier.cloned().unwrap_or_else(|| Value::Object(Map::new()));
        if let (Some(reply), Some(schema)) = (reply, &call.found.operation.reply.schema) {
            // The ciphertexts of the reply are for the merchant. The plaintexts, if there are any, are in the request.
            let mut reply = reply.clone();
            for pointer in schema.check(&reply).sealed {
                if let Some(value) = reply.pointer_mut(&pointer) {
                    *value = Value::Null;
                }
            }
            lay_over(&mut written, &reply);
        }
        for (name, value) in &call.found.parameters {
            lay_over(
                &mut written,
                &Value::Object([(name.clone(), value.as_str().into())].into_iter().collect()),
            );
        }
        lay_over(&mut written, &call.body);
        // A number of the request that is not the merchant's own, such as that of a service, names many things.
        let given: Vec<String> = fields(call).into_iter().map(|(_, value)| value).collect();
        let made = members(reply).filter(|(name, number)| {
            words::is_own_number(name) || words::is_number(name) && !given.contains(number)
        });
        let own = members(Some(&call.body)).filter(|(name, _)| words::is_own_number(name));
        let all = own.chain(made).map(|(_, number)| number).filter(|number| !number.is_empty());
        let numbers: BTreeSet<String> =
            subject(call).or_else(|| self.known(call)).into_iter().chain(all).collect();
        if numbers.is_empty() {
            return;
        }
        let keys: Vec<Key> = numbers.into_iter().map(|number| key(call, number)).collect();
        let size = to_json(&written).len();
        self.last = self.last.saturating_add(1);
        let written = Arc::new(written);
        for key in &keys {
            self.by_number.insert(key.clone(), (self.last, Arc::clone(&written)));
        }
        self.by_age.push_back((self.last, size, keys));
        self.bytes = self.bytes.saturating_add(size);
        self.forget_beyond(max.min(MAX_WRITES));
    }

    fn forget_beyond(&mut self, max: usize) {
        while self.by_age.len() > max.max(1) || self.bytes > MAX_BYTES {
            let Some((age, size, keys)) = self.by_age.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(size);
            for key in keys {
                // A later write under this number stays.
                if self.by_number.get(&key).is_some_and(|(written, _)| *written == age) {
                    self.by_number.remove(&key);
                }
            }
        }
    }
}

/// Returns the number that a request is about: the last number in its path, or else the merchant's own in the query or
/// the body.
pub(super) fn subject(call: &Call) -> Option<String> {
    let in_path = call.found.parameters.iter().rev().find(|(name, _)| words::is_number(name));
    let last = call.found.parameters.last().filter(|(name, _)| !words::is_merchant(name));
    if let Some((_, number)) = in_path.or(last) {
        return Some(number.clone());
    }
    let own = fields(call).into_iter().find(|(name, _)| words::is_own_number(name));
    own.map(|(_, number)| number).filter(|number| !number.is_empty())
}

/// Returns the parameters of the query and the members of the body that are texts or whole numbers.
fn fields(call: &Call) -> Vec<(String, String)> {
    call.query.iter().cloned().chain(members(Some(&call.body))).collect()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (String, String)> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), text(value)?)))
}

fn key(call: &Call, number: String) -> Key {
    (call.mchid.clone(), family(&call.found.operation), number)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(String::from).or_else(|| value.is_u64().then(|| value.to_string()))
}

/// Returns the leading part of a path that a write and its query share: up to three literal parts from `v3` on.
fn family(operation: &Operation) -> String {
    let parts: Vec<&str> = operation.path.split('/').filter(|part| !part.is_empty()).collect();
    let start = parts.iter().position(|part| *part == "v3").unwrap_or(0);
    let until = start.saturating_add(3);
    let literal = parts.iter().take(until).take_while(|part| !part.starts_with('{'));
    literal.copied().collect::<Vec<_>>().join("/")
}

/// Lays a value over another one: members replace those of the same name, objects are joined.
fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over.iter().filter(|(_, value)| !value.is_null()) {
                match under.get_mut(name) {
                    Some(known) => lay_over(known, value),
                    None => drop(under.insert(name.clone(), value.clone())),
                }
            }
        }
        (_, Value::Null) => {}
        (under, over) => under.clone_from(over),
    }
}
