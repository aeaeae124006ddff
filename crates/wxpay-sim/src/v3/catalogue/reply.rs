//! The reply of an operation of the catalogue, made from its schema.
//!
//! A field takes the value at the same place of the request or, without one, the value of the same name; then that of the
//! last write; then one that follows from its name, its example and the merchant's number.

use super::{
    times::{self, Form, PERIOD},
    validate::Call,
    words::{self, Outcome},
    writes,
};
use crate::{
    gateway::Gateway,
    keys::PublicKey,
    rng::{DIGITS, HEX, Rng, UPPER_HEX},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use wxpay_catalogue::{Property, Schema, Type};
use wxpay_proto::UnixTime;

/// The depth to which replies are made.
const MAX_DEPTH: usize = 16;

/// The maximum number of values in a reply: references can multiply them.
const MAX_VALUES: usize = 5000;

/// The length in bytes of the longest text that a key of 2048 bits encrypts.
const MAX_PLAINTEXT: usize = 214;

/// The host that a link to a download has in examples.
const GATEWAY: &str = "https://api.mch.weixin.qq.com";

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Makes one reply.
pub(super) struct Maker<'a> {
    seed: u64,
    /// The merchant's number that the request is about, or the whole request without one.
    identity: String,
    now: UnixTime,
    mchid: String,
    appid: Option<String>,
    openid: String,
    sub_mchid: Option<String>,
    base_url: &'a str,
    key: Option<PublicKey>,
    /// The parts of the request and the last write, for values at the same place.
    sources: Vec<Value>,
    /// The values of the request by name, the outermost first.
    names: BTreeMap<String, Value>,
    count: usize,
    is_query: bool,
    /// True for a query of what was written before: nothing is added to it but the required fields.
    is_record: bool,
}

/// The surroundings of a value.
#[derive(Clone, Copy)]
struct Context<'s> {
    source: Option<&'s Value>,
    outcome: Outcome,
    /// The position of an item in its list.
    index: usize,
    depth: usize,
}

impl<'a> Maker<'a> {
    pub(super) fn new(gateway: &Gateway, call: &'a Call, earlier: Option<&Value>) -> Self {
        let merchant = gateway.registry().get(&call.mchid);
        let object = |pairs: &[(String, String)]| {
            Value::Object(pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect())
        };
        let mut sources = vec![object(&call.found.parameters), object(&call.query), call.body.clone()];
        sources.extend(earlier.cloned());
        let mut names = BTreeMap::new();
        for source in &sources {
            collect(source, &mut names);
        }
        let whole = || {
            format!(
                "{} {:?} {:?} {}",
                call.found.operation.path, call.found.parameters, call.query, call.body
            )
        };
        Self {
            seed: gateway.seed,
            identity: writes::subject(call).unwrap_or_else(whole),
            now: call.now,
            mchid: call.mchid.to_string(),
            appid: merchant.and_then(|merchant| merchant.appids().first()).map(ToString::to_string),
            openid: gateway.payer().as_str().into(),
            sub_mchid: merchant
                .and_then(|merchant| merchant.sub_merchants().keys().next())
                .map(ToString::to_string),
            base_url: &call.base_url,
            key: merchant.and_then(|merchant| merchant.encryption_key()).cloned(),
            sources,
            names,
            count: 0,
            is_query: call.found.operation.method == "GET",
            is_record: call.found.operation.method == "GET" && earlier.is_some(),
        }
    }

    /// Makes the body. Returns `None` if a sensitive field cannot be encrypted.
    pub(super) fn reply(mut self, schema: &Schema) -> Option<Value> {
        // The body, or else the last write, is the source of values at the same place.
        let sources = std::mem::take(&mut self.sources);
        let objects =
            sources.iter().rev().filter(|source| source.as_object().is_some_and(|object| !object.is_empty()));
        let mut merged = Map::new();
        for object in objects.filter_map(Value::as_object) {
            merged.extend(object.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let source = Value::Object(merged);
        let outcome = if self.is_query { Outcome::Success } else { Outcome::Pending };
        self.value(schema, "", Context { source: Some(&source), outcome, index: 0, depth: MAX_DEPTH })
    }

    fn value(&mut self, schema: &Schema, name: &str, context: Context<'_>) -> Option<Value> {
        self.count = self.count.saturating_add(1);
        let depth = context.depth.checked_sub(1).filter(|_| self.count < MAX_VALUES);
        if !schema.properties.is_empty() && schema.allows(Type::Object) {
            let Some(depth) = depth else { return Some(Value::Object(Map::new())) };
            return self.object(schema, Context { depth, ..context });
        }
        if let Some(items) = schema.items.as_deref().filter(|_| schema.allows(Type::Array)) {
            let Some(depth) = depth else { return Some(Value::Array(Vec::new())) };
            let given = context.source.and_then(Value::as_array).filter(|items| !items.is_empty());
            let sources: Vec<Option<&Value>> =
                given.map_or_else(|| vec![None], |items| items.iter().map(Some).collect());
            let items = sources.into_iter().enumerate().map(|(index, source)| {
                let source = source.or_else(|| context.source.filter(|source| source.is_object()));
                self.value(items, name, Context { source, index, depth, ..context })
            });
            return items.collect::<Option<Vec<_>>>().map(Value::Array);
        }
        if let Some(json) = &schema.json {
            if let Some(echo) = context.source.filter(|source| source.is_string()) {
                return Some(echo.clone());
            }
            let depth = depth.unwrap_or(0);
            return self
                .value(json, name, Context { source: None, depth, ..context })
                .map(|value| value.to_string().into());
        }
        self.scalar(schema, name, context)
    }

    fn object(&mut self, schema: &Schema, context: Context<'_>) -> Option<Value> {
        let (state, outcome) = self.state(schema, context);
        let mut members = Map::new();
        // Beginnings first: an end must be later.
        let properties = schema.properties.iter();
        let (first, rest): (Vec<_>, Vec<_>) = properties.partition(|(name, _)| words::is_beginning(name));
        for (name, property) in first.into_iter().chain(rest) {
            let echo = self.source(name, &property.schema, context.source);
            if self.is_record && echo.is_none() && !property.is_required && !words::is_caller(name) {
                continue;
            }
            if is_left_out(name, property, outcome, echo.is_some()) {
                if property.is_required
                    && let Some(empty) = empty(&property.schema)
                {
                    members.insert(name.clone(), empty);
                    continue;
                } else if !property.is_required {
                    continue;
                }
            }
            if let Some((_, value)) = state.as_ref().filter(|(state, _)| state == name) {
                members.insert(name.clone(), value.clone());
                continue;
            }
            if echo.as_ref().is_none_or(|echo| !echo.is_string())
                && let Some(time) = self.time(schema, name, &property.schema, context.source, &members)
            {
                members.insert(name.clone(), time);
                continue;
            }
            let inner = Context { source: echo.as_ref(), outcome, ..context };
            let value = self.value(&property.schema, name, inner)?;
            members.insert(name.clone(), value);
        }
        count_items(schema, &mut members);
        Some(Value::Object(members))
    }

    /// Returns the value of the request for a field: by place, then by name. The caller's own numbers are never taken
    /// from it.
    fn source(&self, name: &str, schema: &Schema, place: Option<&Value>) -> Option<Value> {
        if words::is_caller(name) {
            return None;
        }
        let by_place = place.and_then(|place| place.get(name));
        let fits = |value: &&Value| {
            let is_nested = value.is_object() && schema.allows(Type::Object) && !schema.properties.is_empty()
                || value.is_array() && schema.allows(Type::Array)
                || value.is_object() && schema.items.is_some();
            is_nested || !value.is_object() && !value.is_array() && schema.convert(value).is_some()
        };
        by_place.filter(fits).or_else(|| self.names.get(name).filter(fits)).cloned()
    }

    /// Chooses the state of an object, and the outcome that it tells.
    fn state(&self, schema: &Schema, context: Context<'_>) -> (Option<(String, Value)>, Outcome) {
        let states = schema.properties.iter().filter(|(name, property)| {
            words::is_state(name)
                && property.schema.allows(Type::String)
                && property.schema.properties.is_empty()
        });
        let listed = states.clone().find(|(_, property)| !property.schema.values.is_empty());
        let Some((name, property)) = listed.or_else(|| states.clone().next()) else {
            return (None, context.outcome);
        };
        let told = |value: &Value| value.as_str().map_or(context.outcome, words::outcome);
        if let Some(echo) = self.source(name, &property.schema, context.source).filter(Value::is_string) {
            let outcome = told(&echo);
            return (Some((name.clone(), echo)), outcome);
        }
        let required = || schema.properties.iter().filter(|(_, property)| property.is_required);
        let needs_success = required().any(|(name, _)| words::is_success_time(name));
        let needs_failure =
            required().any(|(name, property)| words::is_failure(name) && !property.schema.values.is_empty());
        let wanted: &[Outcome] = if needs_failure {
            &[Outcome::Failure]
        } else if needs_success || context.outcome == Outcome::Success {
            &[Outcome::Success, Outcome::Ended, Outcome::Pending]
        } else {
            &[Outcome::Pending, Outcome::Success, Outcome::Ended]
        };
        let example = property.schema.example.iter().filter(|example| property.schema.fits(example));
        let example: Vec<&Value> = example.collect();
        // The example shows the usual state, unless it is a failure.
        let usual = example.iter().copied().find(|example| {
            let outcome = told(example);
            if needs_success || needs_failure {
                Some(&outcome) == wanted.first()
            } else {
                outcome != Outcome::Failure
            }
        });
        let choice = usual.or_else(|| {
            wanted
                .iter()
                .find_map(|wanted| property.schema.values.iter().find(|value| told(value) == *wanted))
        });
        let choice = choice.or_else(|| example.first().copied()).or_else(|| property.schema.values.first());
        match choice {
            Some(value) if value.is_string() => (Some((name.clone(), value.clone())), told(value)),
            Some(_) | None => (None, context.outcome),
        }
    }

    /// Makes a time in the form of the example. The end of a period is later than its beginning and than now.
    fn time(
        &self,
        object: &Schema,
        name: &str,
        schema: &Schema,
        place: Option<&Value>,
        members: &Map<String, Value>,
    ) -> Option<Value> {
        let is_named =
            words::is_time(name) || ["rfc3339", "date", "date-time"].contains(&schema.format.as_str());
        if !is_named
            || !schema.properties.is_empty()
            || schema.items.is_some()
            || !schema.values.is_empty()
            || schema.is_sealed
        {
            return None;
        }
        let at = if words::is_beginning(name) {
            let mut names = object.properties.keys().filter(|name| words::is_ending(name));
            let end = names.find_map(|name| times::parse(place?.get(name)?.as_str()?));
            end.map_or(self.now, |end| end.before(PERIOD).min(self.now))
        } else if words::is_ending(name) {
            let begins = members.iter().filter(|(name, _)| words::is_beginning(name));
            let begin = begins.filter_map(|(_, value)| times::parse(value.as_str()?)).max();
            begin.map_or(self.now, |begin| begin.max(self.now)).after(PERIOD)
        } else {
            self.now
        };
        if schema.types == [Type::Integer] || schema.types == [Type::Number] {
            // Seconds since 1970, if the example is such a number: others are times of a day, or counts.
            let example = schema.example.as_ref().and_then(Value::as_u64)?;
            return (1_000_000_000..10_000_000_000).contains(&example).then(|| at.as_secs().into());
        }
        let example = schema.example.as_ref().and_then(Value::as_str).unwrap_or_default();
        let text = Form::of(example, &schema.format)?.format(at);
        schema.allows(Type::String).then(|| text.into())
    }

    /// Makes a value without members.
    fn scalar(&mut self, schema: &Schema, name: &str, context: Context<'_>) -> Option<Value> {
        if schema.is_sealed {
            return self.sealed(schema, name, context.source);
        }
        if words::is_caller(name)
            && let Some(value) = schema.convert(&self.mchid.as_str().into())
        {
            return Some(value);
        }
        if let Some(echo) = context.source.and_then(|source| schema.convert(source)) {
            return Some(echo);
        }
        let known = match name {
            name if words::is_app(name) => self.appid.clone(),
            "openid" | "sp_openid" => Some(self.openid.clone()),
            "sub_mchid" | "sub_mch_id" => self.sub_mchid.clone(),
            _ => None,
        };
        if let Some(known) = known.and_then(|known| schema.convert(&known.into())) {
            return Some(known);
        }
        let sample = schema.sample();
        let Some(text) = sample.as_str().filter(|_| schema.values.is_empty()) else { return Some(sample) };
        if let Some(path) = text.strip_prefix(GATEWAY) {
            return Some(format!("{}{path}", self.base_url).into());
        }
        if words::is_identifier(name, schema) && schema.example.is_some() {
            return Some(self.shaped(text, name, context.index).into());
        }
        Some(if text.is_empty() { name.into() } else { sample.clone() })
    }

    /// Makes an identifier like the example: its leading letters stay, and each character keeps its kind.
    fn shaped(&self, example: &str, name: &str, index: usize) -> String {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-.*+/=|@".contains(character);
        if example.chars().count() < 4
            || !example.chars().all(is_plain)
            || !example.contains(|c: char| c.is_ascii_digit())
        {
            return example.into();
        }
        let mut rng = Rng::new(self.seed, &format!("{} {name} {} {index}", self.mchid, self.identity));
        let hex = |alphabet: &[u8]| example.bytes().all(|byte| alphabet.contains(&byte));
        let (is_lower_hex, is_upper_hex) = (hex(HEX), hex(UPPER_HEX));
        let mut shaped = String::with_capacity(example.len());
        let mut is_prefix = true;
        for character in example.chars() {
            is_prefix &= !character.is_ascii_digit();
            let alphabet = match character {
                _ if is_prefix && !is_lower_hex && !is_upper_hex => &[],
                '0'..='9' => DIGITS,
                'a'..='z' if is_lower_hex => HEX.get(10..).unwrap_or(LOWER),
                'a'..='z' => LOWER,
                'A'..='Z' if is_upper_hex => UPPER_HEX.get(10..).unwrap_or(UPPER),
                'A'..='Z' => UPPER,
                _ => &[],
            };
            if alphabet.is_empty() {
                shaped.push(character);
            } else if shaped.is_empty() && character.is_ascii_digit() {
                // A number does not begin with a zero.
                shaped.push_str(&rng.text(b"123456789", 1));
            } else {
                shaped.push_str(&rng.text(alphabet, 1));
            }
        }
        shaped
    }

    /// Encrypts a sensitive field for the merchant.
    fn sealed(&self, schema: &Schema, name: &str, source: Option<&Value>) -> Option<Value> {
        let plaintext = source
            .and_then(Value::as_str)
            .filter(|text| (1..=MAX_PLAINTEXT).contains(&text.len()))
            .map_or_else(
                || {
                    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
                    String::from(if has(&["phone", "mobile", "tel"]) {
                        "13800138000"
                    } else if has(&["mail"]) {
                        "test@example.com"
                    } else if has(&["account", "card_no", "bank"]) {
                        "6222020000000000000"
                    } else if has(&["id", "number", "_no"]) {
                        "110101199003070000"
                    } else if has(&["address"]) {
                        "测试地址1号"
                    } else {
                        "张三"
                    })
                },
                String::from,
            );
        if !schema.allows(Type::String) {
            return Some(schema.sample());
        }
        let ciphertext = self.key.as_ref()?.seal(plaintext.as_bytes())?;
        Some(STANDARD.encode(ciphertext).into())
    }
}

/// Returns whether an outcome leaves a field out: no cause without a failure, no time of a success while pending.
fn is_left_out(name: &str, property: &Property, outcome: Outcome, is_echoed: bool) -> bool {
    if !property.schema.values.is_empty() && property.is_required {
        return false;
    }
    let has_failed = outcome == Outcome::Failure;
    if words::is_failure(name) {
        return !has_failed;
    }
    if words::is_success_time(name) {
        return matches!(outcome, Outcome::Pending | Outcome::Failure);
    }
    if words::is_end_time(name) || words::is_end_reason(name) {
        return !is_echoed && !matches!(outcome, Outcome::Ended | Outcome::Failure);
    }
    false
}

/// Returns the empty value that stands for what is absent, if the schema allows it.
fn empty(schema: &Schema) -> Option<Value> {
    let values = [Value::from(""), 0.into(), Value::Array(Vec::new()), false.into()];
    values.into_iter().find(|value| schema.fits(value))
}

/// Sets the count of the list beside it, if there is one list.
fn count_items(schema: &Schema, members: &mut Map<String, Value>) {
    let lengths: Vec<usize> = members.values().filter_map(Value::as_array).map(Vec::len).collect();
    let [length] = lengths.as_slice() else { return };
    for (name, property) in schema.properties.iter().filter(|(name, _)| words::is_count(name)) {
        if let Some(count) = property.schema.convert(&(*length).into())
            && let Some(member) = members.get_mut(name)
        {
            *member = count;
        }
    }
}

/// Collects the members of a value by name, the outermost first. A name that is known stays.
fn collect(value: &Value, names: &mut BTreeMap<String, Value>) {
    let mut queue: VecDeque<&Value> = [value].into();
    while let Some(value) = queue.pop_front() {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if !names.contains_key(name) {
                        names.insert(name.clone(), member.clone());
                    }
                    queue.push_back(member);
                }
            }
            Value::Array(items) => queue.extend(items.first()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
