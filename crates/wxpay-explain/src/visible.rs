//! Bytes as text in which nothing is hidden.

use std::fmt::Write as _;

/// The layout of bytes that are rendered by [`visible`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// One line: line feeds and tabs become `\n` and `\t`, blanks `·`, and backslashes are doubled.
    OneLine,
    /// The lines of the bytes: line feeds, tabs, blanks and backslashes stay.
    Lines,
    /// The lines of the bytes, each line feed with a `\n` before it.
    LinesWithEnds,
}

/// Renders bytes as text. Carriage returns, [invisible](is_invisible) characters and bytes that are not UTF-8 become
/// visible in every layout, as `\r`, `\u{…}` and `\x…`.
pub fn visible(bytes: &[u8], layout: Layout) -> String {
    let is_one_line = layout == Layout::OneLine;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' => out.push_str(match layout {
                    Layout::OneLine => "\\n",
                    Layout::Lines => "\n",
                    Layout::LinesWithEnds => "\\n\n",
                }),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str(if is_one_line { "\\t" } else { "\t" }),
                ' ' if is_one_line => out.push('·'),
                '\\' if is_one_line => out.push_str("\\\\"),
                letter if is_invisible(letter) => out.extend(letter.escape_unicode()),
                letter => out.push(letter),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            write!(out, "\\x{byte:02x}").ok();
        }
    }
    out
}

/// Returns whether a character is not seen as itself: a control character, one that changes the direction of text, one
/// without a width, or a blank that looks like another.
pub fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{3000}' | '\u{feff}')
}

/// Returns the columns that a text takes on a terminal: East Asian wide and full-width characters take two.
pub(crate) fn width(text: &str) -> usize {
    let is_wide = |letter: &char| {
        matches!(*letter,
            '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{33ff}' | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}' | '\u{a000}'..='\u{a4cf}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{fe10}'..='\u{fe19}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff01}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}'
            | '\u{1f900}'..='\u{1f9ff}' | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().count().saturating_add(text.chars().filter(is_wide).count())
}

/// Returns the place at which the character that contains a byte begins.
pub(crate) fn boundary(bytes: &[u8], at: usize) -> usize {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let starts = (0..4).filter_map(|back| at.checked_sub(back));
    starts.into_iter().find(|start| !is_inside(*start)).unwrap_or(at)
}

/// Renders a value of a message on one line, not longer than it should be.
pub(crate) fn shown(value: &str) -> String {
    visible(value.chars().take(64).collect::<String>().as_bytes(), Layout::OneLine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_made_visible_on_one_line() {
        let visible = |bytes| visible(bytes, Layout::OneLine);
        assert_eq!(visible("a b\r\n\t\u{feff}支\\".as_bytes()), "a·b\\r\\n\\t\\u{feff}支\\\\");
        assert_eq!(visible(b"\xff\x1b"), "\\xff\\u{1b}");
    }

    #[test]
    fn hostile_bytes_become_visible_line_by_line() {
        let hostile = "a\u{202e}b c\\\t\r\n\u{1b}[支付".as_bytes();
        assert_eq!(visible(hostile, Layout::Lines), "a\\u{202e}b c\\\t\\r\n\\u{1b}[支付");
        assert_eq!(visible(b"POST\n\xff", Layout::LinesWithEnds), "POST\\n\n\\xff");
    }

    #[test]
    fn han_letters_take_two_columns_and_others_one() {
        assert_eq!((width("支付，（Ａ）"), width("a·…é\\u{3000}"), width("한か🎉")), (12, 12, 6));
    }

    #[test]
    fn characters_begin_at_their_boundary() {
        let text = "a支🎉".as_bytes();
        let starts: Vec<usize> = (0..=text.len()).map(|at| boundary(text, at)).collect();
        assert_eq!(starts, [0, 1, 1, 1, 4, 4, 4, 4, 8]);
        // These bytes are no character.
        assert_eq!(boundary(&[0x80; 9], 7), 7);
    }

    #[test]
    fn blanks_that_look_like_others_are_invisible() {
        assert!("\u{a0}\u{ad}\u{3000}\u{200b}\u{2029}\u{2066}".chars().all(is_invisible));
        assert!(!" a支，·…".chars().any(is_invisible));
    }
}
