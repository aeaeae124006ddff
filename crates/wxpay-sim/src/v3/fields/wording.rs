//! The words of the gateway's own field check.
//!
//! Its refusals are 400 `PARAM_ERROR` without a signature. `detail` is the location and the value alone: the raw value,
//! a length, or the pointers of undefined members; the message has the pointer, the Chinese name and the rule. Public
//! replies show the wordings of lengths in bytes (`w7corp/easywechat#2954`) and in characters (`yansongda/pay#863`), of
//! expressions (`wechatpay-postman-script#7`), of letters and digits (`wechatpay-php#126`), of numbers, of required
//! fields (`hpyer/node-easywechat#69`), of JSON types (`wechatpay-axios-plugin#38`), of undefined members
//! (`ArtisanCloud/PowerWeChat#5`) and of repeated parameters (`binarywang/WxJava#3023`). The others are a choice.

use super::{
    super::errors::{self, ErrorCode, Refusal},
    Field,
};
use serde_json::{Value, json};
use wxpay_catalogue::{Complaint, ComplaintKind};

/// A value of a request, as refusals name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// `body`, `query` or `uri_template`.
    pub(super) location: &'a str,
    /// The JSON pointer within the location.
    pub(super) pointer: &'a str,
    /// The Chinese name of the field.
    pub(super) title: &'a str,
}

/// The unit in which a length was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Bytes,
    Characters,
}

impl Source<'_> {
    /// A string that is too short or too long.
    pub(super) fn length(&self, (count, unit): (usize, Counted), (min, max): (usize, usize)) -> Refusal {
        let unit = match unit {
            Counted::Bytes => "字节数",
            Counted::Characters => "字符数",
        };
        self.string(json!(count), &format!("{unit} {count}，{}", bound(count, (min, max))))
    }

    /// A string that violates a rule.
    pub(super) fn string_rule(&self, value: &str, rule: &str) -> Refusal {
        self.string(json!(value), rule)
    }

    fn string(&self, value: Value, rule: &str) -> Refusal {
        let message = format!("{}映射到值字段“{}”字符串规则校验失败，{rule}", self.input(), self.title);
        self.refusal(errors::PARAM_ERROR, value, &message)
    }

    /// A number outside its range.
    pub(super) fn range(&self, value: Value, is_below: bool, (min, max): (u64, u64)) -> Refusal {
        let bound =
            if is_below { format!("值低于最小值 {min}") } else { format!("值高于最大值 {max}") };
        let message = format!("{}映射到数值字段“{}”规则校验失败，{bound}", self.input(), self.title);
        self.refusal(errors::OUT_OF_RANGE, value, &message)
    }

    /// A list that is too short or too long.
    pub(super) fn items(&self, count: usize, limits: (usize, usize)) -> Refusal {
        let (input, title, bound) = (self.input(), self.title, bound(count, limits));
        let message = format!("{input}映射到数组字段“{title}”规则校验失败，元素个数 {count}，{bound}");
        self.refusal(errors::PARAM_ERROR, json!(count), &message)
    }

    /// A value of another type. `needed` describes the type of the field.
    pub(super) fn mistyped(&self, value: &Value, needed: &str) -> Refusal {
        let json = if self.location == "body" { " JSON " } else { "" };
        let (input, title) = (self.input(), self.title);
        let message = format!("无法将{json}{input}映射到目标字段“{title}”中，此字段需要一个{needed}");
        let value = if value.is_object() || value.is_array() { json!("") } else { value.clone() };
        self.refusal(errors::PARAM_ERROR, value, &message)
    }

    fn input(&self) -> String {
        format!("输入源“/{}{}”", self.location, self.pointer)
    }

    fn refusal(&self, code: ErrorCode, value: Value, message: &str) -> Refusal {
        unsigned(code.with_message(message), Some(self.location), value)
    }
}

/// Refuses a request without a required field.
pub(super) fn missing(source: &Source<'_>) -> Refusal {
    let message = format!("{}映射到字段“{}”必填性规则校验失败，此字段为必填项", source.input(), source.title);
    source.refusal(errors::PARAM_ERROR, json!(""), &message)
}

/// Describes the violated limit of a length.
fn bound(count: usize, (min, max): (usize, usize)) -> String {
    if count < min { format!("小于最小值 {min}") } else { format!("大于最大值 {max}") }
}

/// Refuses members and parameters that no table declares, by their pointers.
pub(super) fn undefined(pointers: &[String]) -> Refusal {
    let reason = format!("undefined: {}", pointers.join(", "));
    unsigned(errors::EXTRA_PARAMETER.with_reason(reason), None, json!(pointers))
}

/// Refuses a body that is not a JSON object.
pub(crate) fn malformed_body() -> Refusal {
    let refusal = errors::PARAM_ERROR.with_message("请求体不是合法的 JSON 对象");
    unsigned(refusal, Some("body"), json!(""))
}

/// Refuses an upload that is none.
pub(crate) fn not_multipart() -> Refusal {
    errors::PARAM_ERROR.with_message("Content-Type应为multipart/form-data")
}

/// Refuses a request that breaks the description of its operation, in the order of a check against tables: values of a
/// wrong type, all undefined members, the first violated rule.
pub(crate) fn described(complaints: &[Complaint]) -> Option<Refusal> {
    let of = |kinds: &[ComplaintKind]| complaints.iter().find(|complaint| kinds.contains(&complaint.kind));
    if of(&[ComplaintKind::Body]).is_some() {
        return Some(malformed_body());
    }
    let place = |complaint: &Complaint| complaint.place.replacen("/path/", "/uri_template/", 1);
    let unknown = complaints.iter().filter(|complaint| complaint.kind == ComplaintKind::Unknown);
    let unknown: Vec<String> = unknown.map(&place).collect();
    let mistyped = of(&[ComplaintKind::Mistyped]);
    if mistyped.is_none() && !unknown.is_empty() {
        return Some(undefined(&unknown));
    }
    let complaint = mistyped
        .or_else(|| of(&[ComplaintKind::Missing, ComplaintKind::Unlisted, ComplaintKind::OutOfRange]))?;
    let place = place(complaint);
    let (location, pointer) = place.get(1..)?.split_once('/')?;
    let (pointer, name) = (format!("/{pointer}"), pointer.rsplit('/').next().unwrap_or_default());
    let title = if complaint.title.is_empty() { name } else { &complaint.title };
    let source = Source { location, pointer: &pointer, title };
    let mut refusal = if complaint.kind == ComplaintKind::Mistyped {
        source.mistyped(&json!(""), "符合接口描述的类型的值")
    } else if complaint.kind == ComplaintKind::Missing {
        missing(&source)
    } else if complaint.kind == ComplaintKind::Unlisted {
        source.string(json!(""), "取值不在枚举范围内")
    } else {
        source.string(json!(""), "长度或取值超出接口描述的范围")
    };
    refusal.reason = format!("the catalogue: {complaint}");
    Some(refusal)
}

/// Refuses a query that has a parameter twice.
pub(crate) fn duplicate_parameter(fields: &[Field], name: &str, value: &str) -> Refusal {
    let title = fields.iter().find(|field| field.name == name).map_or(name, |field| field.title);
    let message = format!(
        "无法将输入源“/query/{name}#2”映射到目标字段“{title}”中，此字段并非多重字段但被输入源“/query/{name}”映射过了"
    );
    unsigned(errors::PARAM_ERROR.with_message(&message), Some("query"), json!(value))
}

fn unsigned(refusal: Refusal, location: Option<&str>, value: Value) -> Refusal {
    let mut detail = json!({ "location": location });
    if let Some(members) = detail.as_object_mut() {
        members.insert("value".into(), value);
    }
    refusal.with_detail(detail).unsigned()
}
