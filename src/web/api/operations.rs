//! The checks of each operation, read from the document: scope, parameters and bodies. The
//! published document is the one that is enforced.

use super::document::DOCUMENT;
use super::problem::{FieldError, Problem};
use super::validation::complaints;
use crate::store::KeyScope;
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Path below which all operations are.
pub(in crate::web) const BASE: &str = "/api/v1";

/// Longest body of most requests, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Longest body of papers, in bytes: some 40,000 of them.
const PAPERS_BYTES_MAX: usize = 64 << 20;

/// One operation.
pub(super) struct Operation {
    /// Scope that a key must have; `None` if no key is needed.
    pub(super) scope: Option<KeyScope>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
}

struct Parameter {
    name: String,
    is_required: bool,
    schema: Value,
}

struct Body {
    is_required: bool,
    /// Media types, each with its schema.
    kinds: Vec<(String, Value)>,
}

static OPERATIONS: LazyLock<HashMap<(String, Method), Operation>> = LazyLock::new(|| {
    let mut operations = HashMap::new();
    for (path, item) in DOCUMENT["paths"].as_object().into_iter().flatten() {
        for (word, operation) in item.as_object().into_iter().flatten() {
            if let Ok(method) = word.to_uppercase().parse::<Method>() {
                operations.insert(
                    (format!("{BASE}{path}"), method),
                    Operation::read(operation),
                );
            }
        }
    }
    operations
});

/// Returns the operation for `method` at the route `path`.
pub(super) fn operation(path: &str, method: &Method) -> Option<&'static Operation> {
    let method = if method == Method::HEAD {
        Method::GET
    } else {
        method.clone()
    };
    OPERATIONS.get(&(path.to_owned(), method))
}

impl Operation {
    fn read(operation: &Value) -> Self {
        let word = operation["security"][0]["key"][0].as_str();
        let scope = KeyScope::WORDS
            .iter()
            .find(|(known, _)| Some(*known) == word)
            .map(|(_, scope)| *scope);
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| Parameter {
                name: parameter["name"].as_str().unwrap_or_default().to_owned(),
                is_required: parameter["required"] == true,
                schema: parameter["schema"].clone(),
            });
        let body = operation.get("requestBody").map(|body| Body {
            is_required: body["required"] == true,
            kinds: body["content"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(kind, content)| (kind.clone(), content["schema"].clone()))
                .collect(),
        });
        Operation {
            scope,
            parameters: parameters.collect(),
            body,
        }
    }

    /// Returns the longest body, in bytes.
    pub(super) fn body_bytes_max(&self) -> usize {
        let has_lines = |body: &Body| body.kinds.iter().any(|(kind, _)| !is_json(kind));
        if self.body.as_ref().is_some_and(has_lines) {
            PAPERS_BYTES_MAX
        } else {
            BODY_BYTES_MAX
        }
    }

    /// Checks the parameters of the query.
    pub(super) fn query(&self, query: &str) -> Result<HashMap<String, String>, Problem> {
        let (mut found, mut errors) = (HashMap::new(), Vec::new());
        let mut complain = |path: &str, message: &str| {
            errors.push(FieldError {
                path: path.to_owned(),
                message: message.to_owned(),
            });
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if !self
                .parameters
                .iter()
                .any(|parameter| parameter.name == name)
            {
                let known: Vec<&str> = self
                    .parameters
                    .iter()
                    .map(|parameter| parameter.name.as_str())
                    .collect();
                let known = if known.is_empty() {
                    "there are none".to_owned()
                } else {
                    known.join(", ")
                };
                complain(&name, &format!("is no parameter here; known are: {known}"));
            } else if found.insert(name.clone(), value).is_some() {
                complain(&name, "stands there twice");
            }
        }
        for Parameter {
            name,
            is_required,
            schema,
        } in &self.parameters
        {
            match found.get(name) {
                Some(text) => {
                    errors.extend(complaints(&DOCUMENT, schema, &as_value(schema, text), name));
                }
                None if *is_required => {
                    errors.push(FieldError {
                        path: name.clone(),
                        message: "must be there".to_owned(),
                    });
                }
                None => {}
            }
        }
        if errors.is_empty() {
            Ok(found)
        } else {
            Err(Problem::fields(StatusCode::BAD_REQUEST, errors))
        }
    }

    /// Checks the body, if it is JSON; returns null if it is something else, or absent.
    pub(super) fn body(&self, kind: Option<&str>, bytes: &[u8]) -> Result<Value, Problem> {
        let Some(body) = &self.body else {
            return Ok(Value::Null);
        };
        if bytes.is_empty() {
            let missing = || Problem::new(StatusCode::BAD_REQUEST, "the request must have a body");
            return if body.is_required {
                Err(missing())
            } else {
                Ok(Value::Null)
            };
        }
        let kind = kind
            .and_then(|kind| kind.split(';').next())
            .map(|kind| kind.trim().to_ascii_lowercase());
        let Some((kind, schema)) = body
            .kinds
            .iter()
            .find(|(known, _)| Some(known) == kind.as_ref())
        else {
            let known: Vec<&str> = body.kinds.iter().map(|(kind, _)| kind.as_str()).collect();
            let detail = format!("the header Content-Type must be {}", known.join(" or "));
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        };
        if !is_json(kind) {
            return Ok(Value::Null);
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("the body is not JSON: {error}"),
            )
        })?;
        let errors = complaints(&DOCUMENT, schema, &value, "");
        if errors.is_empty() {
            Ok(value)
        } else {
            Err(Problem::fields(StatusCode::UNPROCESSABLE_ENTITY, errors))
        }
    }
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || kind.ends_with("+json")
}

/// Converts a parameter's text to the type of its schema.
fn as_value(schema: &Value, text: &str) -> Value {
    let number = || {
        text.parse::<i64>()
            .ok()
            .filter(|_| !text.starts_with('+'))
            .map(Value::from)
    };
    let flag = || text.parse::<bool>().ok().map(Value::from);
    let value = match schema["type"].as_str() {
        Some("integer") => number(),
        Some("boolean") => flag(),
        _ => None,
    };
    value.unwrap_or_else(|| text.into())
}

/// Returns the object in a body; empty if there was none.
pub(super) fn object(body: Value) -> Map<String, Value> {
    match body {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
