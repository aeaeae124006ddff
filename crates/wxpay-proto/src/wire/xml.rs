//! The flat XML of APIv1 notifications: one root, one level, text only.
//!
//! ```text
//! document = blank "<xml>" *( blank element ) blank "</xml>" blank
//! element  = "<" name ">" *( text / reference / cdata ) "</" name ">" / "<" name "/>"
//! name     = ( letter / "_" ) *( letter / digit / "_" / "-" / "." )        ; at most 64 bytes
//! text     = any character but "<", "&", controls, and the sequence "]]>"
//! reference = "&lt;" / "&gt;" / "&amp;" / "&quot;" / "&apos;" / "&#" decimal ";" / "&#x" hex ";"
//! cdata    = "<![CDATA[" any characters but "]]>" "]]>"
//! ```
//!
//! Everything else is rejected: declarations, attributes, comments, document types, entities and nesting. So there is
//! nothing to expand, to fetch or to overflow. Line ends are kept as sent, because they are signed.

use super::ParseError;
use crate::prelude::*;

/// The maximum number of elements in a document.
pub const MAX_ELEMENTS: usize = 64;
const MAX_NAME_BYTES: usize = 64;

/// A parsed document: its elements in order, each name once (case-insensitively).
#[derive(Clone, PartialEq, Eq)]
pub struct FlatXml<'a> {
    elements: Vec<(&'a str, Cow<'a, str>)>,
}

impl core::fmt::Debug for FlatXml<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.elements.iter().map(|(name, _)| name)).finish()
    }
}

impl<'a> FlatXml<'a> {
    /// Parses a document in UTF-8. The caller limits the length. At most [`MAX_ELEMENTS`] elements are allowed.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] at the first violation of the grammar of this module, and for a duplicate name.
    pub fn parse(document: &'a [u8]) -> Result<Self, ParseError> {
        let text = core::str::from_utf8(document)
            .map_err(|error| ParseError::new(error.valid_up_to(), "invalid UTF-8"))?;
        let mut reader = Reader { document: text, rest: text };
        reader.skip_blank();
        reader.expect("<xml>", "expected <xml>")?;
        let mut elements: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(8);
        loop {
            reader.skip_blank();
            if reader.take("</xml>") {
                break;
            }
            let start = reader.at();
            let (name, value) = reader.element()?;
            if elements.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Err(ParseError::new(start, "duplicate element"));
            }
            if elements.len() == MAX_ELEMENTS {
                return Err(ParseError::new(start, "too many elements"));
            }
            elements.push((name, value));
        }
        reader.skip_blank();
        if reader.rest.is_empty() {
            Ok(Self { elements })
        } else {
            Err(reader.error("text after the end of the document"))
        }
    }

    /// Returns the untrimmed text of the element with this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.elements.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// Returns all elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &str)> + Clone {
        self.elements.iter().map(|(name, value)| (*name, &**value))
    }
}

struct Reader<'a> {
    document: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn at(&self) -> usize {
        self.document.len().saturating_sub(self.rest.len())
    }

    fn error(&self, problem: &'static str) -> ParseError {
        ParseError::new(self.at(), problem)
    }

    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn take(&mut self, literal: &str) -> bool {
        match self.rest.strip_prefix(literal) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, literal: &str, problem: &'static str) -> Result<(), ParseError> {
        if self.take(literal) { Ok(()) } else { Err(self.error(problem)) }
    }

    /// Takes everything before the first byte that satisfies `stop`, which must exist.
    fn until(&mut self, stop: impl Fn(u8) -> bool) -> Result<&'a str, ParseError> {
        let found = self.rest.bytes().position(stop).and_then(|at| self.rest.split_at_checked(at));
        let Some((before, rest)) = found else { return Err(self.error("unexpected end of the document")) };
        self.rest = rest;
        Ok(before)
    }

    fn element(&mut self) -> Result<(&'a str, Cow<'a, str>), ParseError> {
        self.expect("<", "text between elements")?;
        let name = self.name()?;
        if self.take("/>") {
            return Ok((name, Cow::Borrowed("")));
        }
        self.expect(">", "expected > after the element name")?;
        let mut value = Cow::Borrowed("");
        while !self.take("</") {
            let piece = self.piece()?;
            if value.is_empty() { value = piece } else { value.to_mut().push_str(&piece) }
        }
        let closed = self.rest.strip_prefix(name).and_then(|rest| rest.strip_prefix('>'));
        self.rest = closed.ok_or_else(|| self.error("closing tag does not match"))?;
        Ok((name, value))
    }

    fn name(&mut self) -> Result<&'a str, ParseError> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let start = self.at();
        let name = self.until(|byte| !inner(byte))?;
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if first && name.len() <= MAX_NAME_BYTES {
            Ok(name)
        } else {
            Err(ParseError::new(start, "invalid name"))
        }
    }

    fn piece(&mut self) -> Result<Cow<'a, str>, ParseError> {
        if self.take("<![CDATA[") {
            let inside = cdata_end(self.rest).and_then(|end| self.rest.get(..end));
            let inside = inside.ok_or_else(|| self.error("unterminated CDATA section"))?;
            self.check_characters(inside)?;
            self.rest = self.rest.get(inside.len()..).unwrap_or_default();
            self.take(CDATA_END);
            return Ok(Cow::Borrowed(inside));
        }
        if self.take("&") {
            return self.reference().map(|character| Cow::Owned(String::from(character)));
        }
        let start = Reader { document: self.document, rest: self.rest };
        let text = self.until(|byte| matches!(byte, b'<' | b'&'))?;
        if text.is_empty() {
            return Err(self.error("nested element"));
        }
        if let Some(at) = cdata_end(text) {
            return Err(ParseError::new(start.at().saturating_add(at), "]]> outside of CDATA"));
        }
        start.check_characters(text)?;
        Ok(Cow::Borrowed(text))
    }

    /// Parses a reference after its `&`.
    fn reference(&mut self) -> Result<char, ParseError> {
        let error = self.error("unknown reference");
        let (name, rest) = self.rest.split_once(';').ok_or(error)?;
        let character = match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = name.strip_prefix('#').ok_or(error)?;
                let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |hex| (hex, 16));
                let plain =
                    !digits.is_empty() && digits.len() <= 8 && digits.bytes().all(|d| d.is_ascii_hexdigit());
                let number = plain.then(|| u32::from_str_radix(digits, radix).ok()).flatten();
                number.and_then(char::from_u32).filter(|character| allowed(*character)).ok_or(error)?
            }
        };
        self.rest = rest;
        Ok(character)
    }

    fn check_characters(&self, text: &str) -> Result<(), ParseError> {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Ok(()); // The fast path: nearly all texts are printable ASCII.
        }
        match text.char_indices().find(|(_, character)| !allowed(*character)) {
            Some((at, _)) => {
                Err(ParseError::new(self.at().saturating_add(at), "character not allowed in XML"))
            }
            None => Ok(()),
        }
    }
}

const CDATA_END: &str = "]]>";

fn cdata_end(text: &str) -> Option<usize> {
    let mut brackets = text.match_indices(']').map(|(at, _)| at);
    brackets.find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(CDATA_END)))
}

/// Returns whether a character is a `Char` of the XML 1.0 recommendation.
fn allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(document: &str) -> String {
        FlatXml::parse(document.as_bytes()).unwrap().value("A").unwrap().to_owned()
    }

    #[test]
    fn element_text_concatenates_text_cdata_and_references() {
        assert_eq!(value("<xml><A>1</A></xml>"), "1");
        assert_eq!(value("<xml>\n<A><![CDATA[<&]]></A>\n</xml>\n"), "<&");
        assert_eq!(value("<xml><A>a<![CDATA[b]]>c&lt;&#x6D4B;&#35;</A></xml>"), "abc<测#");
        assert_eq!(value("<xml><A/></xml>"), "");
        assert_eq!(value("<xml><A> 1399515004\n</A></xml>"), " 1399515004\n");
    }

    #[test]
    fn xml_outside_of_the_grammar_is_rejected() {
        let bad = [
            "",
            "<xml>",
            "<xml></xml",
            "<root></root>",
            "<xml></xml><xml></xml>",
            "<xml></xml>x",
            "x<xml></xml>",
            "<?xml version=\"1.0\"?><xml></xml>",
            "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml></xml>",
            "<xml><A>&a;</A></xml>",
            "<xml><A>&#0;</A></xml>",
            "<xml><A>&#xD800;</A></xml>",
            "<xml><A>&#x110000;</A></xml>",
            "<xml><A>&#;</A></xml>",
            "<xml><A>&#+5;</A></xml>",
            "<xml><A>&lt</A></xml>",
            "<xml><A b=\"1\">1</A></xml>",
            "<xml a=\"1\"></xml>",
            "<xml><A><B>1</B></A></xml>",
            "<xml><A>1</B></xml>",
            "<xml><A>1</a></xml>",
            "<xml><!-- --><A>1</A></xml>",
            "<xml><A>1<!-- --></A></xml>",
            "<xml>text<A>1</A></xml>",
            "<xml><A>1</A ></xml>",
            "<xml><1>1</1></xml>",
            "<xml><>1</></xml>",
            "<xml><A>\u{1}</A></xml>",
            "<xml><A>]]></A></xml>",
            "<xml><A><![CDATA[1]]</A></xml>",
            "<xml><A>1</A><A>2</A></xml>",
            "<xml><A>1</A><a>2</a></xml>",
            "\u{FEFF}<xml></xml>",
            "<XML></XML>",
        ];
        for document in bad {
            assert!(FlatXml::parse(document.as_bytes()).is_err(), "{document}");
        }
        assert_eq!(FlatXml::parse(b"<xml><A>\xFF</A></xml>").unwrap_err().offset, 8);
    }

    #[test]
    fn entity_expansion_is_rejected() {
        let bomb = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY l2 \"&lol;&lol;\">]><xml><A>&l2;</A></xml>";
        assert_eq!(FlatXml::parse(bomb.as_bytes()).unwrap_err().offset, 0);
    }

    #[test]
    fn too_many_elements_are_rejected() {
        let document = |count: usize| -> String {
            let inside: Vec<_> = (0..count).map(|number| format!("<n{number}/>")).collect();
            format!("<xml>{}</xml>", inside.concat())
        };
        assert!(FlatXml::parse(document(MAX_ELEMENTS).as_bytes()).is_ok());
        assert!(FlatXml::parse(document(MAX_ELEMENTS + 1).as_bytes()).is_err());
    }

    /// Generates documents from pieces that make near misses likely.
    fn documents() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(Vec::from([
            "<xml>",
            "</xml>",
            "<A>",
            "</A>",
            "<B/>",
            "<![CDATA[",
            "]]>",
            "&amp;",
            "&#x41;",
            "&#0;",
            "&",
            "<",
            ">",
            "]]",
            "text",
            " ",
            "\n",
            "\r\n",
            "测",
            "<A b='c'>",
            "<!--",
            "-->",
            "<?pi?>",
            "<!DOCTYPE xml>",
        ]));
        prop_oneof![
            prop::collection::vec(piece.clone(), 0..12).prop_map(|pieces| pieces.concat()),
            prop::collection::vec(piece, 0..6)
                .prop_map(|inside| format!("<xml><A>{}</A></xml>", inside.concat())),
        ]
    }

    proptest! {
        #[test]
        fn accepted_documents_parse_the_same_in_roxmltree(document in documents()) {
            if let Ok(flat) = FlatXml::parse(document.as_bytes()) {
                let other = roxmltree::Document::parse(&document).unwrap();
                let expected: Vec<_> = other.root_element().children().filter(roxmltree::Node::is_element)
                    .map(|node| {
                        let text: String = node.children().filter_map(|child| child.text()).collect();
                        (node.tag_name().name().to_owned(), text)
                    }).collect();
                // XML parsers normalise line ends; this one keeps them for the signature.
                let parsed: Vec<_> = flat.iter()
                    .map(|(name, value)| (name.to_owned(), value.replace("\r\n", "\n").replace('\r', "\n"))).collect();
                prop_assert_eq!(parsed, expected);
            }
        }

        #[test]
        fn xml_parse_never_panics(document: Vec<u8>) {
            if let Err(error) = FlatXml::parse(&document) {
                prop_assert!(error.offset <= document.len());
            }
        }
    }
}
