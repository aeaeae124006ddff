//! Texts of a form of their own.

/// A form of texts that length and character class cannot express.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "forms are declared as literals")]
pub struct Form {
    /// The regular expression that the document publishes.
    pub pattern: &'static str,
    /// The `format` that the document publishes, such as `date-time`; empty if there is none.
    pub format: &'static str,
    /// The greatest length of a text in JSON, in bytes, escapes included and quotes not.
    pub max_json_bytes: usize,
    /// The rule, as the end of a sentence that begins with the field's name.
    pub rule: &'static str,
    /// Returns whether a text has the form. It matches the pattern.
    pub accepts: fn(&str) -> bool,
    /// A text that has the form.
    pub sample: &'static str,
}
