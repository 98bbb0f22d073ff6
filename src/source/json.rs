//! JSON of which little is certain. Pure.

use serde_json::Value;

/// The text at `pointer` (RFC 6901), trimmed, if there is some; a number counts as its digits.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The count at `pointer`, written as a number or as text.
pub(super) fn count(value: &Value, pointer: &str) -> Option<u64> {
    match value.pointer(pointer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The list at `pointer`; empty if there is none.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The texts at `pointer` in each item of a list.
pub(super) fn texts(value: &Value, list_pointer: &str, pointer: &str) -> Vec<String> {
    list(value, list_pointer)
        .iter()
        .filter_map(|item| text(item, pointer))
        .collect()
}
