//! The expected and the signed string, side by side.

use crate::{
    language::{In, Language},
    visible::{Layout, boundary, visible, width},
};
use std::{fmt, sync::Arc};

/// The string that had to be signed, and the one that was.
#[derive(Clone, PartialEq, Eq)]
pub struct Comparison {
    expected: Arc<[u8]>,
    signed: Arc<[u8]>,
}

/// The place of the first difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The line, from 1.
    pub line: usize,
    /// The byte of the line, from 1.
    pub column: usize,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        In(self, Language::default()).fmt(f)
    }
}

impl fmt::Display for In<'_, Difference> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(Difference { line, column }, language) = self;
        match language {
            Language::English => write!(f, "line {line}, byte {column}"),
            Language::Chinese => write!(f, "第 {line} 行第 {column} 字节"),
        }
    }
}

/// The bytes of a line that are shown before and after the first difference.
const BEFORE: usize = 24;
const AFTER: usize = 40;

impl Comparison {
    pub(crate) fn new(expected: Vec<u8>, signed: Vec<u8>) -> Self {
        Self { expected: expected.into(), signed: signed.into() }
    }

    /// Returns the string that had to be signed.
    pub fn expected(&self) -> &[u8] {
        &self.expected
    }

    /// Returns the string that was signed.
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// Returns the number of equal bytes at the beginning.
    fn equal(&self) -> usize {
        self.expected.iter().zip(&*self.signed).take_while(|(one, other)| one == other).count()
    }

    /// Returns the place of the first difference. It may lie directly after the end of the shorter string.
    pub fn first_difference(&self) -> Difference {
        let before = self.expected.get(..self.equal()).unwrap_or_default();
        let line = lines(before).iter().filter(|line| line.ends_with(b"\n")).count().saturating_add(1);
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count().saturating_add(1);
        Difference { line, column }
    }

    /// Returns both strings as [`Display`](fmt::Display) prints them, with the words of a language.
    pub fn in_language(&self, language: Language) -> impl fmt::Display {
        In(self, language)
    }
}

/// Prints nothing of the strings, which contain the body.
impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[strings of {} and {} bytes]", self.expected.len(), self.signed.len())
    }
}

/// Prints both strings line by line, with `\n`, `\r` and blanks visible, up to the line of the first difference and the
/// one after it. Long lines are cut around the difference.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        In(self, Language::default()).fmt(f)
    }
}

impl fmt::Display for In<'_, Comparison> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let In(comparison, language) = self;
        // The names have the same width: a Han character is as wide as two others.
        let both = language.pick("both    ", "相同    ");
        let names = [language.pick("expected", "期望    "), language.pick("signed  ", "实际    ")];
        let place = comparison.first_difference();
        let (expected, signed) = (lines(&comparison.expected), lines(&comparison.signed));
        for index in 0..place.line.saturating_add(1) {
            let number = index.saturating_add(1);
            let (one, other) = (expected.get(index).copied(), signed.get(index).copied());
            if number < place.line {
                writeln!(f, "  {both}  {}", shown(one.unwrap_or_default(), 0))?;
                continue;
            }
            let column = if number == place.line { place.column.saturating_sub(1) } else { 0 };
            // A character that begins with equal bytes is shown whole, and marked at its beginning.
            let both_lines = [one, other].into_iter().flatten();
            let column = both_lines.map(|line| boundary(line, column)).min().unwrap_or(column);
            let before = one.or(other).and_then(|line| line.get(..column)).unwrap_or_default();
            let start = boundary(before, column.saturating_sub(BEFORE));
            if number > place.line && one == other {
                break;
            }
            for (name, line) in names.into_iter().zip([one, other]) {
                match line {
                    None => writeln!(f, "  {name}  {}", language.pick("(no line)", "（无此行）"))?,
                    Some(line) => writeln!(f, "  {name}  {}", shown(line, start))?,
                }
            }
            if number == place.line {
                let equal = before.get(start..).unwrap_or_default();
                let ellipsis = usize::from(start > 0);
                let width = width(&visible(equal, Layout::OneLine)).saturating_add(ellipsis);
                let first = language.pick("first difference: ", "首个差异：");
                writeln!(f, "            {}^ {first}{}", " ".repeat(width), In(&place, *language))?;
            }
        }
        let (expected, signed) = (comparison.expected.len(), comparison.signed.len());
        match language {
            Language::English => write!(f, "  expected {expected} bytes, signed {signed} bytes"),
            Language::Chinese => write!(f, "  期望的签名串 {expected} 字节，实际的签名串 {signed} 字节"),
        }
    }
}

/// Splits a string into lines, each with its line feed.
pub(crate) fn lines(string: &[u8]) -> Vec<&[u8]> {
    string.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Renders a line from a byte on.
fn shown(line: &[u8], start: usize) -> String {
    cut(line, start, BEFORE.saturating_add(AFTER))
}

/// Renders at most this many bytes of a line, from a byte on.
pub(crate) fn cut(line: &[u8], start: usize, limit: usize) -> String {
    let before = if start > 0 { "…" } else { "" };
    let rest = line.get(start..).unwrap_or_default();
    let (part, after) = match rest.split_at_checked(boundary(rest, limit)) {
        Some((part, more)) if !more.is_empty() => (part, "…"),
        Some(_) | None => (rest, ""),
    };
    format!("{before}{}{after}", visible(part, Layout::OneLine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_marked() {
        let comparison =
            Comparison::new(b"POST\n/v3\n{\"a\": 1}\n".to_vec(), b"POST\n/v3\n{\"a\":1}\n".to_vec());
        assert_eq!(comparison.first_difference(), Difference { line: 3, column: 6 });
        assert_eq!(
            comparison.to_string(),
            "  both      POST\\n\n  both      /v3\\n\n  expected  {\"a\":·1}\\n\n  signed    {\"a\":1}\\n\n            \
             \u{20}    ^ first difference: line 3, byte 6\n  expected 18 bytes, signed 17 bytes"
        );
    }

    #[test]
    fn the_words_of_a_comparison_are_chinese_too() {
        let comparison = Comparison::new(b"n\na b\n".to_vec(), b"n\n".to_vec());
        assert_eq!(
            comparison.in_language(Language::Chinese).to_string(),
            "  相同      n\\n\n  期望      a·b\\n\n  实际      （无此行）\n            ^ 首个差异：第 2 行第 1 字节\n  \
             期望的签名串 6 字节，实际的签名串 2 字节"
        );
        assert_eq!(comparison.in_language(Language::English).to_string(), comparison.to_string());
    }

    #[test]
    fn the_mark_stands_below_the_difference_after_han_letters() {
        let han = "支付".repeat(40);
        for (one, other, marked) in [
            ("{\"a\":\"支付\",\"b\":1}\n".to_owned(), "{\"a\":\"支付\", \"b\":1}\n".to_owned(), "\"b"),
            // The letters differ in their last byte.
            ("支付一\n".to_owned(), "支付丁\n".to_owned(), "一"),
            ("付\n".to_owned(), "付款\n".to_owned(), "\\n"),
            (format!("{han}一\n"), format!("{han}二\n"), "一"),
        ] {
            let text = Comparison::new(one.into_bytes(), other.into_bytes()).to_string();
            let [expected, _, mark, ..] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
            let before = |line: &str, sign: &str| width(line.split_once(sign).unwrap().0);
            assert_eq!(before(mark, "^"), before(expected, marked), "{text}");
            assert!(!text.contains("\\x"), "{text}");
        }
    }

    #[test]
    fn a_string_that_ends_early_differs_at_its_end() {
        let comparison = Comparison::new(b"n\n\n".to_vec(), b"n\n".to_vec());
        assert_eq!(comparison.first_difference(), Difference { line: 2, column: 1 });
        assert!(comparison.to_string().contains("signed    (no line)"), "{comparison}");
    }

    #[test]
    fn long_lines_are_cut_around_the_difference() {
        let (one, other) =
            (format!("{}a{}\n", "x".repeat(500), "y".repeat(500)), format!("{}b\n", "x".repeat(500)));
        let text = Comparison::new(one.into_bytes(), other.into_bytes()).to_string();
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        let column = |line: &str| line.chars().position(|letter| letter == '^' || letter == 'a');
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(column(lines[2]), Some(12 + 1 + 24), "{text}");
    }
}
