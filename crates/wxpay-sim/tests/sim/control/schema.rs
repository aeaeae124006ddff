//! Validator of responses against the interface's document: supports the few keywords in use and rejects undeclared
//! members.

use serde_json::Value;
use wxpay_sim::control::ControlResponse;

pub struct Document(pub Value);

impl Document {
    /// Returns the operation of the document that matches a request.
    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let parts: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
        let literal_segments = |template: &str| {
            let template: Vec<&str> = template.trim_start_matches('/').split('/').collect();
            let both = template.iter().zip(&parts);
            let literal = both.clone().filter(|(segment, part)| segment == part).count();
            let all = template.len() == parts.len()
                && both.clone().all(|(segment, part)| segment == part || segment.starts_with('{'));
            all.then_some(literal)
        };
        let paths = self.0["paths"].as_object().unwrap();
        let best = paths
            .iter()
            .filter_map(|(template, methods)| literal_segments(template).map(|count| (count, methods)));
        best.max_by_key(|(count, _)| *count)?.1.get(method.to_lowercase())
    }

    /// Panics unless the document declares the response for its request.
    pub fn assert_conforms(&self, method: &str, path: &str, response: &ControlResponse) {
        let context = format!("{method} {path}: {} {}", response.status, response.body);
        let Some(operation) = self.operation(method, path) else {
            assert!(matches!(response.status, 404 | 405), "{context}: the path is not in the document");
            return self.assert_valid(&self.problem(), &response.body, &context);
        };
        let responses = &operation["responses"];
        let declared = responses.get(response.status.to_string());
        let declared_response = declared.unwrap_or_else(|| panic!("{context}: the status is not declared"));
        let schema = &declared_response["content"][response.content_type()]["schema"];
        assert!(!schema.is_null(), "{context}: the media type is not declared");
        self.assert_valid(schema, &response.body, &context);
    }

    fn problem(&self) -> Value {
        self.0["components"]["responses"]["UnknownPath"]["content"]["application/problem+json"]["schema"]
            .clone()
    }

    fn assert_valid(&self, schema: &Value, value: &Value, context: &str) {
        if let Err(violation) = self.check(schema, value) {
            panic!("{context}\n{violation}");
        }
    }

    /// Checks a value against a schema. The error names the value and the keyword.
    pub fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = match schema["$ref"].as_str() {
            Some(reference) => {
                self.0.pointer(reference.trim_start_matches('#')).expect("the reference must resolve")
            }
            None => schema,
        };
        let violation = |rule: &str| Err(format!("{value} violates {rule} of {schema}"));
        let members = schema.as_object().unwrap();
        for (keyword, rule) in members {
            match keyword.as_str() {
                "type" => {
                    let words = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                    if !words.iter().any(|word| is_of_type(word.as_str().unwrap(), value)) {
                        return violation(keyword);
                    }
                }
                "enum" if !rule.as_array().unwrap().contains(value) => return violation(keyword),
                "minimum" if value.as_i64().zip(rule.as_i64()).is_some_and(|(value, min)| value < min) => {
                    return violation(keyword);
                }
                "maximum" if value.as_u64().zip(rule.as_u64()).is_some_and(|(value, max)| value > max) => {
                    return violation(keyword);
                }
                "description" | "enum" | "minimum" | "maximum" => {}
                "additionalProperties" => {
                    for (_, member) in value.as_object().into_iter().flatten() {
                        self.check(rule, member)?;
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.check(rule, item)?;
                    }
                }
                "anyOf" => {
                    let tried = rule.as_array().unwrap().iter().map(|schema| self.check(schema, value));
                    let (fitting, others): (Vec<_>, Vec<_>) = tried.partition(Result::is_ok);
                    if fitting.is_empty() {
                        let others: Vec<String> = others.into_iter().filter_map(Result::err).collect();
                        return Err(others.join("\n"));
                    }
                }
                "required" => {
                    let missing =
                        |name: &&Value| value.is_object() && value.get(name.as_str().unwrap()).is_none();
                    if let Some(name) = rule.as_array().unwrap().iter().find(missing) {
                        return violation(&format!("required {name}"));
                    }
                }
                "properties" => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        let Some(schema) = rule.get(name) else {
                            return violation(&format!("properties: undeclared member {name}"));
                        };
                        self.check(schema, member)?;
                    }
                }
                other => panic!("unsupported keyword {other}"),
            }
        }
        Ok(())
    }
}

fn is_of_type(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("unsupported type {other}"),
    }
}
