//! Character classes of texts, in regular-expression notation.

/// Decimal digits.
pub const DIGITS: &str = "0-9";
/// ASCII letters and digits.
pub const LETTERS: &str = "0-9A-Za-z";
/// Visible ASCII characters.
pub const VISIBLE: &str = "!-~";
/// Visible ASCII characters except `&`.
pub const VISIBLE_EXCEPT_AMPERSAND: &str = "!-%'-~";
/// Printable ASCII characters: the visible ones and the space.
pub const PRINTABLE: &str = " -~";
/// Characters that text for people consists of: no control characters, and none beyond U+FFFF.
pub const TEXT: &str = " -~\u{a0}-\u{ffff}";

/// Describes a character class in words: its ranges and characters, one by one.
pub(crate) fn describe_class(class: &str) -> String {
    match class {
        "" => String::from("characters"),
        VISIBLE => String::from("visible ASCII characters"),
        VISIBLE_EXCEPT_AMPERSAND => String::from("visible ASCII characters except &"),
        TEXT => String::from("characters, without control characters and none beyond U+FFFF"),
        PRINTABLE => String::from("printable ASCII characters"),
        _ => {
            let values: Vec<String> = ranges(class)
                .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
                .collect();
            format!("of {}", values.join(" "))
        }
    }
}

/// Returns true if a character belongs to a class in regular-expression notation.
pub fn class_contains(class: &str, character: char) -> bool {
    ranges(class).any(|(from, to)| (from..=to).contains(&character))
}

/// Returns whether a text has a length between two limits, in characters, and only characters of a class. An empty
/// class allows any character.
pub fn is_of(text: &str, min: usize, max: usize, class: &str) -> bool {
    let is_allowed = |character| class.is_empty() || class_contains(class, character);
    (min..=max).contains(&text.chars().count()) && text.chars().all(is_allowed)
}

/// Yields the first and the last character of each range of a class. A single character is a range of its own.
pub(crate) fn ranges(class: &str) -> impl Iterator<Item = (char, char)> {
    let mut rest = class.chars();
    std::iter::from_fn(move || {
        let from = rest.next()?;
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) => {
                rest = ahead;
                Some((from, to))
            }
            _ => Some((from, from)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_class_matches_like_a_regular_expression() {
        for (class, inside, outside) in [
            (DIGITS, "0509", "a-/:"),
            ("0-9A-Za-z_|*@-", "azAZ09_|*@-", " ./+"),
            (VISIBLE_EXCEPT_AMPERSAND, "!~-a%'", " &\u{7f}é"),
            (PRINTABLE, " !~", "\u{7f}\n"),
            (TEXT, " a~é单\u{ffff}", "\u{7f}\n\u{85}\u{1f600}"),
        ] {
            assert!(inside.chars().all(|character| class_contains(class, character)), "{class}");
            assert!(!outside.chars().any(|character| class_contains(class, character)), "{class}");
        }
    }
}
