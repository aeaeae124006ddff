//! The check of a request against the tables of its operation.

use super::{
    super::errors::Refusal,
    Alphabet, Field, Kind, Length, Unit, url,
    wording::{self, Counted, Source},
};
use crate::{settings::LengthUnit, time};
use serde_json::{Map, Value};
use wxpay_catalogue::{Part, Pointer};

/// A check in progress. It reports the first value of a wrong type; without one, all undefined members; without one,
/// the first violated rule in the order of the tables.
#[derive(Debug)]
pub(crate) struct Check {
    open_unit: Counted,
    mistyped: Option<Refusal>,
    undefined: Vec<String>,
    violation: Option<Refusal>,
    /// The JSON pointers of the encrypted fields of the body.
    encrypted: Vec<String>,
}

impl Check {
    pub(crate) const fn new(length_unit: LengthUnit) -> Self {
        let open_unit = match length_unit {
            LengthUnit::Characters => Counted::Characters,
            LengthUnit::Bytes => Counted::Bytes,
        };
        let (mistyped, violation) = (None, None);
        Self { open_unit, mistyped, undefined: Vec::new(), violation, encrypted: Vec::new() }
    }

    /// Checks an object against its declaration, which may consist of several tables. `location` is `body`, `query` or
    /// `uri_template`.
    pub(crate) fn object(
        mut self,
        members: &Map<String, Value>,
        fields: &[&[Field]],
        location: &'static str,
    ) -> Self {
        self.visit_object(members, fields, &Pointer::new(location));
        self
    }

    /// Returns the JSON pointers of the encrypted fields.
    ///
    /// # Errors
    ///
    /// The refusal of the request.
    pub(crate) fn finish(self) -> Result<Vec<String>, Refusal> {
        let undefined = (!self.undefined.is_empty()).then(|| wording::undefined(&self.undefined));
        match self.mistyped.or(undefined).or(self.violation) {
            Some(refusal) => Err(refusal),
            None => Ok(self.encrypted),
        }
    }

    fn visit_object(&mut self, members: &Map<String, Value>, fields: &[&[Field]], at: &Pointer<'_>) {
        let fields = || fields.iter().copied().flatten();
        for field in fields() {
            let at = at.child(Part::Name(field.name));
            match members.get(field.name) {
                Some(value) => self.visit_value(value, (field.kind, field.title), &at),
                None if field.is_required => self.violated(&at, field.title, wording::missing),
                None => {}
            }
        }
        for name in members.keys().filter(|name| fields().all(|field| field.name != *name)) {
            self.undefined.push(at.child(Part::Name(name)).place());
        }
    }

    fn visit_value(&mut self, value: &Value, (kind, title): (Kind, &str), at: &Pointer<'_>) {
        match (kind, value) {
            (Kind::Text(length, alphabet), Value::String(text)) => {
                self.visit_text(text, (length, alphabet), title, at);
            }
            (Kind::Encrypted, Value::String(text)) => {
                self.encrypted.push(at.to_string());
                self.visit_text(text, (super::bytes(1, MAX_CIPHERTEXT), Alphabet::Any), title, at);
            }
            (Kind::Number(min, max), Value::Number(number)) if number.is_i64() => {
                let value = number.as_u64();
                if value.is_none_or(|value| !(min..=max).contains(&value)) {
                    let is_below = value.is_none_or(|value| value < min);
                    self.violated(at, title, |source| {
                        source.range(number.clone().into(), is_below, (min, max))
                    });
                }
            }
            (Kind::Time, Value::String(text)) => {
                if time::parse_rfc3339(text).is_none() {
                    let rule = "字符串必须是 RFC 3339 格式的时间";
                    self.violated(at, title, |source| source.string_rule(text, rule));
                }
            }
            (Kind::Url, Value::String(text)) => {
                if text.len() > url::MAX_BYTES {
                    let count = (text.len(), Counted::Bytes);
                    self.violated(at, title, |source| source.length(count, (1, url::MAX_BYTES)));
                } else if !url::matches(text) {
                    self.violated(at, title, |source| source.string_rule(text, url::RULE));
                }
            }
            (Kind::OneOf(values), Value::String(text)) => {
                if !values.contains(&text.as_str()) {
                    let rule = "取值不在枚举范围内";
                    self.violated(at, title, |source| source.string_rule(text, rule));
                }
            }
            (Kind::Object(fields), Value::Object(members)) => self.visit_object(members, &[fields], at),
            (Kind::List(kind, min, max), Value::Array(items)) => {
                if !(min..=max).contains(&items.len()) {
                    return self.violated(at, title, |source| source.items(items.len(), (min, max)));
                }
                for (index, item) in items.iter().enumerate() {
                    self.visit_value(item, (*kind, title), &at.child(Part::Index(index)));
                }
            }
            (Kind::Boolean, Value::Bool(_)) => {}
            (kind, value) => {
                if self.mistyped.is_none() {
                    let pointer = at.to_string();
                    let source = Source { location: at.root(), pointer: &pointer, title };
                    self.mistyped = Some(source.mistyped(value, needed(kind)));
                }
            }
        }
    }

    fn visit_text(
        &mut self,
        text: &str,
        (length, alphabet): (Length, Alphabet),
        title: &str,
        at: &Pointer<'_>,
    ) {
        let unit = match length.unit {
            Unit::Bytes => Counted::Bytes,
            Unit::Characters => Counted::Characters,
            Unit::Open => self.open_unit,
        };
        let count = if unit == Counted::Bytes { text.len() } else { text.chars().count() };
        if !(length.min..=length.max).contains(&count) {
            self.violated(at, title, |source| source.length((count, unit), (length.min, length.max)));
        } else if !text.chars().all(|character| alphabet.contains(character)) {
            self.violated(at, title, |source| source.string_rule(text, alphabet.rule()));
        } else if text.chars().any(|character| character > '\u{ffff}') {
            self.violated(at, title, |source| source.string_rule(text, "字符串不能含有 4 字节的 UTF-8 字符"));
        }
    }

    /// Keeps the refusal of a violated rule, if it is the first one.
    fn violated(&mut self, at: &Pointer<'_>, title: &str, refusal: impl FnOnce(&Source<'_>) -> Refusal) {
        if self.violation.is_none() {
            let pointer = at.to_string();
            self.violation = Some(refusal(&Source { location: at.root(), pointer: &pointer, title }));
        }
    }
}

/// The maximum length of a ciphertext: that of a key of 6144 bits in Base64.
const MAX_CIPHERTEXT: usize = 1024;

/// Describes the type of a field in the words of a refusal.
const fn needed(kind: Kind) -> &'static str {
    match kind {
        Kind::Text(..) | Kind::Encrypted | Kind::Time | Kind::Url | Kind::OneOf(_) => {
            " string 类型的 Json 值"
        }
        Kind::Number(..) => "合法的 64 位有符号整数",
        Kind::Boolean => " bool 类型的 Json 值",
        Kind::Object(_) => " object 类型的 Json 值",
        Kind::List(..) => " array 类型的 Json 值",
    }
}

#[cfg(test)]
mod tests;
