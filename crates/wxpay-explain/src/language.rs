//! The languages of explanations.

/// A language of explanations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese, in the terms of WeChat Pay's documents.
    Chinese,
}

impl Language {
    /// Returns the language tag of BCP 47.
    pub const fn tag(self) -> &'static str {
        self.pick("en", "zh-CN")
    }

    /// Returns the text in this language, of one text in both.
    pub(crate) const fn pick(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}

/// A value in a language: printed or serialised, its texts are in it.
pub(crate) struct In<'a, T>(pub(crate) &'a T, pub(crate) Language);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn has_han(text: &str) -> bool {
        text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter))
    }

    #[track_caller]
    pub(crate) fn assert_english(text: &str) {
        assert!(!text.is_empty() && !has_han(text), "{text}");
    }

    /// Asserts that a text is Chinese: it has Han characters, no word that only English sentences have, and no Chinese
    /// punctuation in half width.
    #[track_caller]
    pub(crate) fn assert_chinese(text: &str) {
        assert!(has_han(text), "{text}");
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_-'".contains(letter));
        let is_english = |word: &&str| {
            matches!(
                word.to_ascii_lowercase().as_str(),
                "the"
                    | "a"
                    | "an"
                    | "of"
                    | "is"
                    | "are"
                    | "was"
                    | "were"
                    | "and"
                    | "or"
                    | "not"
                    | "in"
                    | "on"
                    | "to"
                    | "with"
                    | "for"
                    | "by"
                    | "that"
                    | "this"
                    | "it"
                    | "its"
                    | "sign"
                    | "signed"
                    | "send"
                    | "sent"
                    | "use"
                    | "must"
                    | "line"
                    | "byte"
                    | "bytes"
                    | "body"
                    | "key"
                    | "header"
                    | "expected"
            )
        };
        assert_eq!(words.clone().find(is_english), None, "{text}");
        let pairs = text.chars().zip(text.chars().skip(1));
        let is_half = |(one, other): &(char, char)| has_han(&one.to_string()) && ",;:.()".contains(*other);
        assert_eq!(pairs.clone().find(is_half), None, "{text}");
    }

    #[test]
    fn english_is_the_default_and_both_have_a_tag() {
        assert_eq!(Language::default().tag(), "en");
        assert_eq!(Language::Chinese.tag(), "zh-CN");
    }
}
