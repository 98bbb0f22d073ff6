//! Reads settings from environment variables.

use crate::fields::Problem;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The variables that are settings, and the key that each of them set.
#[derive(Debug)]
pub(super) struct Environment {
    /// The path of each variable (`PAPERBOY_SMTP__PORT` is `smtp`, `port`), its name and value.
    variables: BTreeMap<Vec<String>, (String, String)>,
    /// The variable that set each key, by key (`smtp.port`).
    origins: BTreeMap<String, String>,
    /// Tables that are not in the file, with the prefix of the variables that set their keys.
    added: BTreeMap<String, String>,
    /// Variables that contradict the structure of the file.
    misfits: Vec<Problem>,
}

impl Environment {
    /// Collects the variables that start with `PAPERBOY_`, contain `__` and are not empty.
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

    /// Overrides the values of the file with the variables.
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
    /// Variable names have no lower case, hyphens or spaces, so names are compared without them.
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
            // The label is the default kind: PAPERBOY_SOURCE__ARXIV__CATEGORIES is enough.
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
            // The prefix of PAPERBOY_SMTP__PORT at `smtp` is PAPERBOY_SMTP.
            let prefix_len = name.len() - rest.iter().map(|key| key.len() + 2).sum::<usize>();
            self.added
                .insert(place.clone(), name[..prefix_len].to_owned());
        }
        match table.get_mut(key) {
            Some(Value::Object(inner)) => self.insert(inner, &place, rest, name, value),
            _ => self.misfit(&place, name.to_owned()),
        }
    }

    /// Names the variable in problems with its value, and adds the problems of the variables
    /// themselves.
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
        // A missing key of a table that exists only through variables.
        let (table, key) = path.rsplit_once('.')?;
        self.added
            .get(table)
            .map(|prefix| format!("{prefix}__{}", key.to_ascii_uppercase()))
    }
}
