//! `/api/v1/openapi.json`: the API's description, generated from the handlers and the types
//! of their answers.

use super::problem::{FieldError, ProblemShape};
use super::{deliveries, interests, issues, json, papers, stats, subscribers, suppressions};
use crate::subscriber::{DAY_WORDS, PREFERENCES, PreferenceKind};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::LazyLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "paperboy",
        version = "1",
        description = "Looks after the subscribers of a paper digest, what they follow, what they were sent, and the \
                       papers it is made of.\n\n\
                       Every request carries a key: `Authorization: Bearer pb_…`. `paperboy admin keys make` makes one, \
                       with the scopes that each operation names. Lists come in pages: `next` leads to the next one. \
                       A change with an `Idempotency-Key` is made once, however often it is sent within a day. What \
                       goes wrong is said as problem details (RFC 9457). Slashes in ids of papers are written %2F.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/api/v1")),
    paths(
        show,
        subscribers::list,
        subscribers::create,
        subscribers::get,
        subscribers::change,
        subscribers::erase,
        subscribers::pause,
        subscribers::resume,
        subscribers::unsubscribe,
        interests::list,
        interests::add,
        interests::replace,
        interests::remove,
        issues::preview,
        issues::list,
        issues::get,
        papers::search,
        papers::import,
        papers::get,
        papers::similar,
        papers::trending,
        papers::coverage,
        deliveries::of_subscriber,
        deliveries::list,
        deliveries::get,
        deliveries::retry,
        deliveries::hold,
        deliveries::give_up,
        suppressions::list,
        suppressions::add,
        suppressions::lift,
        stats::stats
    ),
    components(schemas(ProblemShape, FieldError, issues::PreviewFormat)),
    tags(
        (name = "subscribers", description = "Who gets issues"),
        (name = "interests", description = "What each of them follows"),
        (name = "issues", description = "What they would be sent, and what they were sent"),
        (name = "papers", description = "What was taken in"),
        (name = "deliveries", description = "Who got what, when, and what the server said"),
        (name = "suppressions", description = "Addresses that must not be written to"),
        (name = "house", description = "How everything stands")
    )
)]
struct ApiDocument;

/// The document.
pub(super) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document =
        serde_json::to_value(ApiDocument::openapi()).expect("the document has a JSON form");
    document["components"]["securitySchemes"] = json!({ "key": {
        "type": "http", "scheme": "bearer", "bearerFormat": "pb_…",
        "description": "A key of `paperboy admin keys make`. Each operation names the scope that it needs.",
    } });
    document["components"]["responses"] = json!({ "Problem": {
        "description": "Why the request was not served",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    } });
    describe_preferences(&mut document["components"]["schemas"]);
    let names: Vec<String> = document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys().cloned())
        .collect();
    for name in names {
        let whole = in_one(&document, &document["components"]["schemas"][&name]);
        document["components"]["schemas"][&name] = whole;
    }
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(path, method, operation);
        }
    }
    document
});

/// Adds the preferences to the schemas of subscribers, as they are sent and as they are
/// shown.
fn describe_preferences(schemas: &mut Value) {
    schemas["Day"] =
        json!({ "type": "string", "enum": DAY_WORDS, "description": "A day of the week." });
    for preference in PREFERENCES {
        let key = preference.key;
        if let PreferenceKind::Choice { name, words, .. } = preference.kind {
            schemas[name] = json!({ "type": "string", "enum": words });
        }
        let mut shown = schema_of(preference.kind);
        let mut sent = if shown["$ref"].is_null() {
            shown.clone()
        } else {
            json!({ "oneOf": [{ "type": "null" }, shown] })
        };
        if sent["type"].is_string() {
            sent["type"] = json!([sent["type"], "null"]);
        }
        sent["description"] = preference.summary.into();
        shown["description"] = preference.summary.into();
        schemas["Choices"]["properties"][key] = sent;
        schemas["SubscriberRecord"]["properties"][key] = shown;
        if preference.kind == PreferenceKind::Date {
            schemas["SubscriberRecord"]["properties"][key]["type"] = json!(["string", "null"]);
        } else if let Some(required) = schemas["SubscriberRecord"]["required"].as_array_mut() {
            required.push(key.into());
        }
    }
}

/// Returns the schema of a preference's value.
fn schema_of(kind: PreferenceKind) -> Value {
    match kind {
        PreferenceKind::Zone => {
            json!({ "type": "string", "maxLength": 64, "example": "Europe/Berlin" })
        }
        PreferenceKind::Time => json!({ "type": "string", "maxLength": 8, "example": "07:00" }),
        PreferenceKind::Date => json!({ "type": "string", "format": "date" }),
        PreferenceKind::Days => json!({
            "type": "array", "minItems": 1, "maxItems": 7,
            "items": { "$ref": "#/components/schemas/Day" },
        }),
        PreferenceKind::Day => json!({ "$ref": "#/components/schemas/Day" }),
        PreferenceKind::Language => json!({ "type": "string", "maxLength": 16, "example": "en" }),
        PreferenceKind::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        PreferenceKind::Fraction => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        PreferenceKind::Flag => json!({ "type": "boolean" }),
        PreferenceKind::Choice { name, .. } => {
            json!({ "$ref": format!("#/components/schemas/{name}") })
        }
    }
}

/// Flattens a schema of several parts: one that forbids unknown keys must contain all of
/// them.
fn in_one(document: &Value, schema: &Value) -> Value {
    let Some(parts) = schema["allOf"].as_array() else {
        return schema.clone();
    };
    let mut whole = schema.clone();
    if let Some(whole) = whole.as_object_mut() {
        whole.remove("allOf");
    }
    whole["type"] = "object".into();
    for part in parts {
        let target = part["$ref"]
            .as_str()
            .and_then(|target| document.pointer(&target[1..]));
        let part = in_one(document, target.unwrap_or(part));
        for (name, property) in part["properties"].as_object().into_iter().flatten() {
            whole["properties"][name] = property.clone();
        }
        let mut required = whole["required"].as_array().cloned().unwrap_or_default();
        required.extend(part["required"].as_array().into_iter().flatten().cloned());
        if !required.is_empty() {
            whole["required"] = required.into();
        }
        if part["additionalProperties"] == false {
            whole["additionalProperties"] = false.into();
        }
        // The descriptions of the parts do not describe the whole.
        if whole.get("example").is_none() && part.get("example").is_some() && target.is_none() {
            whole["example"] = part["example"].clone();
        }
        if whole.get("description").is_none()
            && target.is_none()
            && part.get("description").is_some()
        {
            whole["description"] = part["description"].clone();
        }
    }
    whole
}

/// Adds the parts that all operations share.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let is_write = matches!(method, "post" | "put" | "patch" | "delete");
    let has_body = operation.get("requestBody").is_some();
    let mut refusals = vec!["400", "500", "503"];
    if operation.get("security").is_some() {
        refusals.extend(["401", "403", "429"]);
    }
    if path.contains('{') {
        // Clients drop a path segment that is a dot, and the request arrives elsewhere.
        refusals.extend(["404", "405"]);
    }
    if is_write {
        refusals.extend(["409", "413", "422"]);
    }
    if has_body {
        refusals.push("415");
    }
    for status in refusals {
        operation["responses"][status] = json!({ "$ref": "#/components/responses/Problem" });
    }
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "query")
    {
        never_null(&mut parameter["schema"]);
    }
    let has_condition = |parameter: &Value| parameter["name"] == "If-Match";
    if operation["parameters"]
        .as_array()
        .is_some_and(|all| all.iter().any(has_condition))
    {
        operation["responses"]["412"] = json!({ "$ref": "#/components/responses/Problem" });
    }
    let parameters = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in parameters
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "path")
    {
        // Without it, this would be another path.
        if parameter["schema"]["type"] == "string" && parameter["schema"].get("format").is_none() {
            parameter["schema"]["minLength"] = 1.into();
        }
    }
    if is_write {
        let name = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A name for this request. Whoever sends it again within a day changes nothing more and \
                            gets the same answer; another request by this name is refused (422).",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
            "example": "f3b1c2d4-signup-42",
        });
        match operation
            .get_mut("parameters")
            .and_then(Value::as_array_mut)
        {
            Some(parameters) => parameters.push(name),
            None => operation["parameters"] = json!([name]),
        }
    }
}

/// A missing parameter is absent; null cannot stand in a query.
fn never_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema["type"] = one;
        }
    }
    if let Some(choices) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice["type"] != "null");
        if let [one] = choices.as_slice() {
            let one = one.clone();
            *schema = one;
        }
    }
}

/// Get this document
///
/// Every operation with its parameters and answers.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_document", tag = "house",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)))]
pub(super) async fn show() -> Response {
    json(StatusCode::OK, &*DOCUMENT)
}
