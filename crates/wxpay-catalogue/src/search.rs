//! Searching operations by words, and the closest name to a misspelt one.

use crate::{Catalogue, operation::Operation, schema::Schema};
use std::{cmp::Reverse, sync::Arc};

/// The maximum length of a name in characters that is compared.
const MAX_COMPARED: usize = 128;

/// The length in bytes from which the beginning of a name counts as a misspelt one.
const MIN_BEGINNING: usize = 5;

/// The depth to which names of fields are searched.
const MAX_DEPTH: usize = 4;

impl Catalogue {
    /// Finds the operations that have all these words, in any case: in the method, the path, the title, the products, the
    /// roles, the description or the names of the fields. Those with the words in path or title come first.
    pub fn search(&self, words: &[impl AsRef<str>]) -> Vec<&Arc<Operation>> {
        let words: Vec<String> = words.iter().map(|word| word.as_ref().to_lowercase()).collect();
        let mut found: Vec<_> = self
            .operations()
            .iter()
            .filter_map(|operation| Some((score(operation, &words)?, operation)))
            .collect();
        // A short path is the more general operation.
        found.sort_by_key(|(score, operation)| (Reverse(*score), operation.path.len()));
        found.into_iter().map(|(_, operation)| operation).collect()
    }
}

/// Returns the weight of the places in which the words occur, or `None` if one does not.
fn score(operation: &Operation, words: &[String]) -> Option<u32> {
    let title = format!("{} {} {}", operation.method, operation.path, operation.summary).to_lowercase();
    let more = [operation.tags.join(" "), operation.roles.join(" "), operation.description.clone()];
    let more = more.join(" ").to_lowercase();
    words.iter().try_fold(0_u32, |sum, word| {
        let weight = if title.contains(word.as_str()) {
            4
        } else if more.contains(word.as_str()) {
            2
        } else {
            u32::from(has_field(operation, word))
        };
        (weight > 0).then(|| sum.saturating_add(weight))
    })
}

fn has_field(operation: &Operation, word: &str) -> bool {
    let mut parameters = operation.parameters.iter();
    parameters.any(|parameter| parameter.name.contains(word))
        || operation.body_schema().is_some_and(|schema| has_name(schema, word, MAX_DEPTH))
        || operation.reply.schema.as_ref().is_some_and(|schema| has_name(schema, word, MAX_DEPTH))
}

fn has_name(schema: &Schema, word: &str, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let mut properties = schema.properties.iter();
    properties.any(|(name, property)| name.contains(word) || has_name(&property.schema, word, depth))
        || schema.items.as_ref().is_some_and(|items| has_name(items, word, depth))
}

/// Returns the name that is closest to a misspelt one, if one is close: the same letters apart from case and
/// underscores, few differences, or the beginning of one that is the other.
pub fn closest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|character| *character != '_' && *character != '-');
        kept.take(MAX_COMPARED).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(name);
    let limit = wanted.chars().count().checked_div(3).unwrap_or(0).clamp(1, 6);
    let near = names.filter_map(|known| {
        let known_plain = plain(known);
        let is_beginning = wanted.len().min(known_plain.len()) >= MIN_BEGINNING
            && (known_plain.starts_with(&wanted) || wanted.starts_with(&known_plain));
        let distance = distance(&wanted, &known_plain);
        (distance <= limit || is_beginning).then_some((distance, known))
    });
    near.min().map(|(_, known)| known)
}

/// Returns the number of characters to insert, remove or replace (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, left) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        let mut next = vec![before];
        for (above, right) in row.iter().skip(1).zip(other.chars()) {
            let replaced = diagonal.saturating_add(usize::from(left != right));
            before = replaced.min(above.saturating_add(1)).min(before.saturating_add(1));
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closest_name_ignores_case_and_underscores_and_few_letters() {
        let names = ["out_trade_no", "amount", "appid"];
        for (wrong, right) in [
            ("outTradeNo", Some("out_trade_no")),
            ("amuont", Some("amount")),
            ("app_id", Some("appid")),
            ("amoun", Some("amount")),
            ("out_trade_number_of_shop", None),
            ("out_trade", Some("out_trade_no")),
            ("description", None),
            ("", None),
        ] {
            assert_eq!(closest(wrong, names.into_iter()), right, "{wrong}");
        }
        assert_eq!((distance("kitten", "sitting"), distance("", "ab"), distance("ab", "")), (3, 2, 2));
    }
}
