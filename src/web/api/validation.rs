//! Validates a value against a schema of the document. Pure.
//!
//! Supports only the keywords of JSON Schema that the document uses; the readers of records
//! check the meaning of a text (a time zone, an address).

use super::problem::FieldError;
use chrono::NaiveDate;
use serde_json::Value;

/// Returns all problems of `value` against `schema`, which is part of `document`. `path` is
/// the path of the value; empty for a whole body.
pub(super) fn complaints(
    document: &Value,
    schema: &Value,
    value: &Value,
    path: &str,
) -> Vec<FieldError> {
    let mut found = Vec::new();
    Validator {
        document,
        found: &mut found,
    }
    .look(schema, value, path);
    found
}

struct Validator<'a> {
    document: &'a Value,
    found: &'a mut Vec<FieldError>,
}

impl Validator<'_> {
    fn complain(&mut self, path: &str, message: impl Into<String>) {
        self.found.push(FieldError {
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn look(&mut self, schema: &Value, value: &Value, path: &str) {
        if let Some(target) = schema["$ref"]
            .as_str()
            .and_then(|target| self.document.pointer(&target[1..]))
        {
            self.look(target, value, path);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.look(part, value, path);
        }
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        if let Some(choices) = choices {
            let all: Vec<_> = choices
                .iter()
                .map(|choice| complaints(self.document, choice, value, path))
                .collect();
            if !all.iter().any(Vec::is_empty) {
                // The value is hardly meant to be null.
                let meant = choices
                    .iter()
                    .zip(all)
                    .rfind(|(choice, _)| choice["type"] != "null");
                self.found
                    .extend(meant.map(|(_, complaints)| complaints).unwrap_or_default());
            }
        }
        if !has_type(&schema["type"], value) {
            return self.complain(path, wanted(&schema["type"]));
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            return self.complain(path, format!("must be one of {}", words.join(", ")));
        }
        match value {
            Value::String(text) => self.look_at_text(schema, text, path),
            Value::Number(number) => {
                self.look_at_number(schema, number.as_f64().unwrap_or(f64::NAN), path);
            }
            Value::Array(items) => {
                if let Some(least) = schema["minItems"]
                    .as_u64()
                    .filter(|least| (items.len() as u64) < *least)
                {
                    self.complain(path, format!("must have at least {least} entries"));
                }
                if let Some(most) = schema["maxItems"]
                    .as_u64()
                    .filter(|most| items.len() as u64 > *most)
                {
                    return self.complain(path, format!("must have at most {most} entries"));
                }
                for (at, item) in items.iter().enumerate() {
                    self.look(&schema["items"], item, &format!("{path}[{at}]"));
                }
            }
            Value::Object(object) => {
                let below = |key: &str| {
                    if path.is_empty() {
                        key.to_owned()
                    } else {
                        format!("{path}.{key}")
                    }
                };
                for key in schema["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    if !object.contains_key(key) {
                        self.complain(&below(key), "must be there");
                    }
                }
                for (key, value) in object {
                    match schema["properties"].get(key) {
                        Some(inner) => self.look(inner, value, &below(key)),
                        None if schema["additionalProperties"] == false => {
                            let known = schema["properties"]
                                .as_object()
                                .into_iter()
                                .flat_map(|known| known.keys());
                            let known: Vec<&str> = known.map(String::as_str).collect();
                            self.complain(
                                &below(key),
                                format!("is not known here; known are {}", known.join(", ")),
                            );
                        }
                        None => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn look_at_text(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count() as u64;
        if schema["minLength"]
            .as_u64()
            .is_some_and(|least| length < least)
        {
            self.complain(path, "must not be empty");
        }
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
            self.complain(path, format!("must have at most {most} characters"));
        }
        if schema["format"] == "date" && date(text).is_none() {
            self.complain(path, "must be a date like 2026-08-04");
        }
    }

    fn look_at_number(&mut self, schema: &Value, number: f64, path: &str) {
        let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
            return;
        }
        self.complain(
            path,
            match (least, most) {
                (Some(least), Some(most)) => format!("must lie between {least} and {most}"),
                (Some(least), None) => format!("must be at least {least}"),
                _ => format!("must be at most {}", most.unwrap_or(f64::MAX)),
            },
        );
    }
}

/// Reads a date as RFC 3339 writes it; chrono also reads `2026-8-4`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok().filter(|_| text.len() == 10)
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::String(name) => is_a(name, value),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .any(|name| is_a(name, value)),
        _ => true,
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn wanted(types: &Value) -> String {
    let names: Vec<&str> = match types {
        Value::String(name) => vec![name],
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .collect(),
        _ => Vec::new(),
    };
    let words = names.iter().map(|name| match *name {
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "text",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        other => other,
    });
    format!("must be {}", words.collect::<Vec<_>>().join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(value: &Value, expected: &[&str]) {
        let document = json!({ "components": { "schemas": { "Day": { "type": "string", "enum": ["mon", "tue"] } } } });
        let schema = json!({
            "type": "object", "required": ["email"], "additionalProperties": false,
            "properties": {
                "email": { "type": "string", "minLength": 1, "maxLength": 5 },
                "papers": { "type": ["integer", "null"], "minimum": 1, "maximum": 100 },
                "days": { "type": "array", "maxItems": 2, "items": { "$ref": "#/components/schemas/Day" } },
                "day": { "oneOf": [{ "$ref": "#/components/schemas/Day" }, { "type": "null" }] },
                "until": { "type": "string", "format": "date" },
            },
        });
        let found = complaints(&document, &schema, value, "");
        let lines: Vec<String> = found
            .iter()
            .map(|error| format!("{} {}", error.path, error.message))
            .collect();
        assert_eq!(lines, expected, "{value}");
    }

    #[test]
    fn a_value_is_held_to_its_schema() {
        check(
            &json!({ "email": "a@b", "papers": null, "days": ["mon"], "day": "tue", "until": "2026-08-04" }),
            &[],
        );
        check(&json!({}), &["email must be there"]);
        check(&json!([]), &[" must be an object"]);
        check(&json!({ "email": "" }), &["email must not be empty"]);
        check(
            &json!({ "email": "toolong" }),
            &["email must have at most 5 characters"],
        );
        check(
            &json!({ "email": "a", "papers": 0 }),
            &["papers must lie between 1 and 100"],
        );
        check(
            &json!({ "email": "a", "papers": 1.5 }),
            &["papers must be a whole number"],
        );
        check(
            &json!({ "email": "a", "days": ["mon", 3] }),
            &["days[1] must be text"],
        );
        check(
            &json!({ "email": "a", "days": ["mon", "mon", "mon"] }),
            &["days must have at most 2 entries"],
        );
        check(
            &json!({ "email": "a", "day": "MON" }),
            &["day must be one of mon, tue"],
        );
        check(
            &json!({ "email": "a", "until": "2026-8-4" }),
            &["until must be a date like 2026-08-04"],
        );
        check(
            &json!({ "email": 1, "x": 2 }),
            &[
                "email must be text",
                "x is not known here; known are day, days, email, papers, until",
            ],
        );
    }
}
