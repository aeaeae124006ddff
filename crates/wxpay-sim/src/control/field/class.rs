//! Character classes of texts, in regular-expression notation.

pub(in crate::control) const DIGITS: &str = "0-9";
pub(in crate::control) const LETTERS: &str = "0-9A-Za-z";
/// Character class of order, refund and profit-sharing numbers that a merchant assigns, and of ids of notifications.
pub(in crate::control) const NUMBER: &str = "0-9A-Za-z_|*@-";
/// Character class of an openid: visible ASCII characters except `&`.
pub(in crate::control) const OPENID: &str = "!-%'-~";

/// Describes a character class in words: its ranges and characters, one by one.
pub(super) fn describe_class(class: &str) -> String {
    match class {
        "" => String::from("characters"),
        OPENID => String::from("visible ASCII characters except &"),
        _ => {
            let values: Vec<String> = ranges(class)
                .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
                .collect();
            format!("of {}", values.join(" "))
        }
    }
}

/// Returns true if a character belongs to a class in regular-expression notation.
pub(super) fn class_contains(class: &str, character: char) -> bool {
    ranges(class).any(|(from, to)| (from..=to).contains(&character))
}

/// Yields the first and the last character of each range of a class. A single character is a range of its own.
fn ranges(class: &str) -> impl Iterator<Item = (char, char)> {
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
        for (class, inside, outside) in
            [(DIGITS, "0509", "a-/:"), (NUMBER, "azAZ09_|*@-", " ./+"), (OPENID, "!~-a%'", " &\u{7f}é")]
        {
            assert!(inside.chars().all(|character| class_contains(class, character)), "{class}");
            assert!(!outside.chars().any(|character| class_contains(class, character)), "{class}");
        }
    }
}
