//! Settings in environment variables.

use crate::fields::Problem;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The variables that are settings, and where each of them went.
#[derive(Debug)]
pub(super) struct Environment {
    /// `PAPERBOY_SMTP__PORT`, split into `smtp` and `port`, with its value.
    variables: BTreeMap<Vec<String>, (String, String)>,
    /// `smtp.port` and the variable that set it.
    origins: BTreeMap<String, String>,
    /// Tables that the file does not have, and how the variables that set their keys begin.
    added: BTreeMap<String, String>,
    /// Variables that do not fit what the file says.
    misfits: Vec<Problem>,
}

impl Environment {
    /// Picks out the settings: what starts with `PAPERBOY_`, holds `__` and is not empty.
    pub(super) fn collect(env: impl Iterator<Item = (String, String)>) -> Self {
        let variables = env.filter_map(|(name, value)| {
            let path = name
                .strip_prefix("PAPERBOY_")
                .filter(|path| path.contains("__"))?;
            let path: Vec<String> = path
                .to_ascii_lowercase()
                .split("__")
                .map(str::to_owned)
                .collect();
            (!value.is_empty()).then_some((path, (name, value)))
        });
        let variables = variables.collect();
        Environment {
            variables,
            origins: BTreeMap::new(),
            added: BTreeMap::new(),
            misfits: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// Puts the variables over what the file says.
    pub(super) fn overlay(&mut self, table: &mut Map<String, Value>) {
        for (path, (name, value)) in std::mem::take(&mut self.variables) {
            match path.as_slice() {
                [source, label, key @ ..] if source == "source" && !key.is_empty() => {
                    if let Some((at, inner)) = self.source(table, label) {
                        self.insert(inner, &format!("source[{at}]"), key, &name, value);
                    } else {
                        self.misfit("source", name);
                    }
                }
                _ => self.insert(table, "", &path, &name, value),
            }
        }
    }

    fn misfit(&mut self, place: &str, name: String) {
        let remedy = format!("no such setting: `{place}` is not a table in the file");
        self.misfits.push(Problem {
            path: name,
            value: None,
            remedy,
        });
    }

    /// The source named `label` and its place in the list; added if there is none.
    ///
    /// Variables can be written in capitals only, and without hyphens and spaces.
    fn source<'a>(
        &mut self,
        table: &'a mut Map<String, Value>,
        label: &str,
    ) -> Option<(usize, &'a mut Map<String, Value>)> {
        let sources = table
            .entry("source")
            .or_insert_with(|| Value::Array(Vec::new()))
            .as_array_mut()?;
        let is_labelled = |source: &Value| {
            let name = source
                .get("name")
                .or_else(|| source.get("kind"))
                .and_then(Value::as_str);
            name.is_some_and(|name| {
                name.to_lowercase()
                    .replace(|c: char| !c.is_alphanumeric(), "_")
                    == label
            })
        };
        let at = sources.iter().position(is_labelled).unwrap_or_else(|| {
            let mut added = Map::new();
            added.insert("name".to_owned(), label.into());
            // What a source is need not be said twice: PAPERBOY_SOURCE__ARXIV__CATEGORIES is enough.
            added.insert("kind".to_owned(), label.into());
            sources.push(added.into());
            let place = format!("source[{}]", sources.len() - 1);
            self.added.insert(
                place,
                format!("PAPERBOY_SOURCE__{}", label.to_ascii_uppercase()),
            );
            sources.len() - 1
        });
        Some((at, sources[at].as_object_mut()?))
    }

    fn insert(
        &mut self,
        table: &mut Map<String, Value>,
        within: &str,
        path: &[String],
        name: &str,
        value: String,
    ) {
        let Some((key, rest)) = path.split_first() else {
            return;
        };
        let place = if within.is_empty() {
            key.clone()
        } else {
            format!("{within}.{key}")
        };
        if rest.is_empty() {
            // A secret given in one way replaces the same secret given in the other.
            let partner = key
                .strip_suffix("_file")
                .map_or_else(|| format!("{key}_file"), str::to_owned);
            if !self.origins.contains_key(&format!("{within}.{partner}")) {
                table.remove(&partner);
            }
            table.insert(key.clone(), value.into());
            self.origins.insert(place, name.to_owned());
            return;
        }
        if !table.contains_key(key) {
            table.insert(key.clone(), Map::new().into());
            // Of PAPERBOY_SMTP__PORT with `port` still to go: PAPERBOY_SMTP.
            let prefix_len = name.len() - rest.iter().map(|key| key.len() + 2).sum::<usize>();
            self.added
                .insert(place.clone(), name[..prefix_len].to_owned());
        }
        match table.get_mut(key) {
            Some(Value::Object(inner)) => self.insert(inner, &place, rest, name, value),
            _ => self.misfit(&place, name.to_owned()),
        }
    }

    /// Calls problems with what a variable said by the name of the variable,
    /// and adds those that only the variables have.
    pub(super) fn complete(self, mut problems: Vec<Problem>) -> Vec<Problem> {
        for problem in &mut problems {
            if let Some(name) = self.name_of(&problem.path) {
                problem.path = name;
            }
        }
        problems.extend(self.misfits);
        problems
    }

    fn name_of(&self, path: &str) -> Option<String> {
        if let Some(name) = self.origins.get(path) {
            return Some(name.clone());
        }
        if self.added.contains_key(path) {
            let below = format!("{path}.");
            return self
                .origins
                .iter()
                .find(|(path, _)| path.starts_with(&below))
                .map(|(_, name)| name.clone());
        }
        // A key that is missing from a table that only variables made.
        let (table, key) = path.rsplit_once('.')?;
        self.added
            .get(table)
            .map(|prefix| format!("{prefix}__{}", key.to_ascii_uppercase()))
    }
}
