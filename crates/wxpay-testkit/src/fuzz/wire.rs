//! Forms and flat XML, compared with independent parsers.

use percent_encoding::percent_decode;
use std::{collections::BTreeMap, fmt::Write};
use wxpay_proto::wire::{
    form::{self, Form, MAX_PAIRS},
    xml::FlatXml,
};

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Checks that a form is parsed or rejected as by a simple parser, and round-trips.
pub fn form(data: &[u8]) {
    let parsed = Form::parse(data);
    let pairs: Option<Pairs> = parsed
        .as_ref()
        .ok()
        .map(|form| form.iter().map(|(name, value)| (name.into(), value.into())).collect());
    assert_eq!(pairs, parse_plainly(data));
    match parsed {
        Ok(form) => {
            assert!(form.iter().map(|(name, _)| name).is_sorted());
            assert_eq!(Form::parse(serialize(&form).as_bytes()).unwrap().iter().collect::<Vec<_>>(), {
                form.iter().collect::<Vec<_>>()
            });
            for (name, value) in form.iter() {
                if let Ok(name) = std::str::from_utf8(name) {
                    assert_eq!(form.value(name), Some(value));
                }
            }
        }
        Err(error) => assert!(error.offset <= data.len()),
    }
}

fn serialize(form: &Form<'_>) -> String {
    let mut text = String::new();
    for (name, value) in form.iter() {
        form::escape(name, &mut text);
        text.push('=');
        form::escape(value, &mut text);
        text.push('&');
    }
    text
}

fn parse_plainly(data: &[u8]) -> Option<Pairs> {
    let mut pairs = Pairs::new();
    let pieces: Vec<&[u8]> = data.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).collect();
    for piece in &pieces {
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let (name, value) = (halves.next()?, halves.next().unwrap_or_default());
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        let is_valid = !name.is_empty() && name.iter().all(is_plain) && is_escaped_as_needed(value);
        let previous = pairs.insert(name.to_vec(), percent_decode(value).collect());
        if !is_valid || previous.is_some() {
            return None;
        }
    }
    (pieces.len() <= MAX_PAIRS).then_some(pairs)
}

/// Returns whether a value is visible ASCII whose escapes are complete, and stand for no letter or digit.
fn is_escaped_as_needed(value: &[u8]) -> bool {
    let is_needed = |at: usize| {
        let digits = value.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        digits.is_some_and(|digits| !u8::from_str_radix(digits, 16).unwrap().is_ascii_alphanumeric())
    };
    value.iter().all(u8::is_ascii_graphic) && (0..value.len()).filter(|at| value[*at] == b'%').all(is_needed)
}

/// Checks that a flat document is well-formed XML, is read by `roxmltree` in the same way, and round-trips.
pub fn xml(data: &[u8]) {
    let flat = match FlatXml::parse(data) {
        Ok(flat) => flat,
        Err(error) => return assert!(error.offset <= data.len()),
    };
    let reference = roxmltree::Document::parse(std::str::from_utf8(data).unwrap()).unwrap();
    // XML parsers normalise line ends; the parser under test keeps them, because the signature covers them.
    let normalizes = data.contains(&b'\r') || data.windows(2).any(|two| two == b"&#");
    let comparable = |text: &str| if normalizes { text.replace(['\r', '\n'], "") } else { text.to_owned() };
    let expected: Vec<(String, String)> = reference
        .root_element()
        .children()
        .filter(roxmltree::Node::is_element)
        .map(|node| {
            let text: String = node.children().filter_map(|child| child.text()).collect();
            (node.tag_name().name().to_owned(), comparable(&text))
        })
        .collect();
    let actual: Vec<_> = flat.iter().map(|(name, value)| (name.to_owned(), comparable(value))).collect();
    assert_eq!(actual, expected);
    let serialized = document(&flat.iter().collect::<Vec<_>>());
    assert_eq!(FlatXml::parse(serialized.as_bytes()).unwrap(), flat);
}

/// Returns the elements as a document, with the values in CDATA.
pub(super) fn document(elements: &[(&str, &str)]) -> String {
    let mut document = String::from("<xml>");
    for (name, value) in elements {
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        writeln!(document, "<{name}><![CDATA[{value}]]></{name}>").unwrap();
    }
    document.push_str("</xml>");
    document
}
