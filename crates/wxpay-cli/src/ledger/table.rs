//! Objects and lists as text.

use serde_json::Value;

/// Returns a line for each member of an object.
pub(super) fn object(object: &Value) -> String {
    let Some(members) = object.as_object() else {
        return if object.is_null() { String::new() } else { format!("{object}\n") };
    };
    let width = members.keys().map(|name| name.chars().count()).max().unwrap_or_default().saturating_add(2);
    let lines = members.iter().map(|(name, value)| format!("{name:<width$}{}\n", cell(value)));
    lines.collect()
}

/// Returns a table with a line of names and a line for each object. A column is as wide as its widest cell.
pub(super) fn list(rows: &[Value], columns: &[&str]) -> String {
    let mut lines =
        vec![columns.iter().map(|name| name.to_uppercase().replace('_', " ")).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|name| cell(member(row, name))).collect()));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line: &Vec<String>| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().saturating_add(2)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: &Vec<String>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    lines.iter().map(line).collect()
}

fn member<'a>(row: &'a Value, name: &str) -> &'a Value {
    row.get(name).unwrap_or(&Value::Null)
}

/// Returns a value on one line, without control characters: some were sent by other machines.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_aligns_its_columns_and_shows_absent_values_as_a_dash() {
        let rows =
            [json!({"key_id": "k1", "scopes": ["a", "b"]}), json!({"key_id": "k1234567", "scopes": []})];
        assert_eq!(list(&rows, &["key_id", "scopes"]), "KEY ID    SCOPES\nk1        a,b\nk1234567  -\n");
        assert_eq!(list(&[], &["key_id"]), "KEY ID\n");
    }

    #[test]
    fn an_object_has_a_line_for_each_member_and_no_control_characters() {
        let shown = object(&json!({"a": "x\u{1b}[31m\n", "bcd": {"e": 1}, "f": null}));
        assert_eq!(shown, "a    x [31m \nbcd  {\"e\":1}\nf    -\n");
        assert_eq!(object(&Value::Null), "");
    }
}
