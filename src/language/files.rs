//! Loads the languages: the embedded ones and those in the operator's folder.
//!
//! Not pure: reads the folder `languages`.

use super::definition::Language;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value};

/// The embedded languages. English comes first: it defines the keys and the placeholders.
const EMBEDDED: [(&str, &str); 6] = [
    ("en", include_str!("../../templates/languages/en.toml")),
    ("de", include_str!("../../templates/languages/de.toml")),
    ("es", include_str!("../../templates/languages/es.toml")),
    ("fr", include_str!("../../templates/languages/fr.toml")),
    ("ja", include_str!("../../templates/languages/ja.toml")),
    ("zh", include_str!("../../templates/languages/zh.toml")),
];

/// A language file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// The operator's file or folder is not readable.
    #[error("cannot read the language {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file has a mistake.
    #[error("{file}:{line}: {problem}")]
    File {
        /// The operator's file, or the name of an embedded one.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The mistake.
        problem: String,
    },
    /// A mistake without a place.
    #[error("cannot use the languages: {0}")]
    Other(String),
}

/// All languages.
#[derive(Debug, Clone)]
pub(crate) struct Languages {
    all: BTreeMap<String, Arc<Language>>,
    english: Arc<Language>,
    /// The operator's own files, each with the keys it leaves to English.
    pub(crate) own: Vec<(PathBuf, Vec<String>)>,
}

impl Languages {
    #[cfg(test)]
    pub(crate) fn get(&self, code: &str) -> Option<&Arc<Language>> {
        self.all.get(code)
    }

    /// The language of `code`, else of its main code (`de` for `de-AT`), else English.
    pub(crate) fn best(&self, code: &str) -> &Arc<Language> {
        let main = code.split(['-', '_']).next().unwrap_or_default();
        self.all
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(code))
            .or_else(|| {
                self.all
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(main))
            })
            .map_or(&self.english, |(_, language)| language)
    }

    pub(crate) fn has(&self, code: &str) -> bool {
        let main = code.split(['-', '_']).next().unwrap_or_default();
        self.all
            .keys()
            .any(|known| known.eq_ignore_ascii_case(code) || known.eq_ignore_ascii_case(main))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.all.values()
    }
}

/// The embedded languages, and those in the folder `languages` of `templates`.
///
/// Fails if one of them cannot be read, lacks a plural form, or has a key or a
/// placeholder that English does not have.
pub(crate) fn load(templates: Option<&Path>) -> Result<Languages, LanguageError> {
    let mut all = BTreeMap::new();
    for (code, text) in EMBEDDED {
        all.insert(
            code.to_owned(),
            Arc::new(read(code, text, &format!("languages/{code}.toml"))?.0),
        );
    }
    let mut own = Vec::new();
    for (code, path) in own_files(templates)? {
        let text = std::fs::read_to_string(&path).map_err(|source| LanguageError::Read {
            path: path.clone(),
            source,
        })?;
        let (language, left_out) = read(&code, &text, &path.display().to_string())?;
        all.insert(code, Arc::new(language));
        own.push((path, left_out));
    }
    let english = all
        .get("en")
        .cloned()
        .ok_or_else(|| LanguageError::Other("there is no en.toml".to_owned()))?;
    Ok(Languages { all, english, own })
}

/// The embedded English.
pub(crate) fn english() -> Arc<Language> {
    let (code, text) = EMBEDDED[0];
    Arc::new(
        read(code, text, "languages/en.toml")
            .expect("a test reads the embedded languages")
            .0,
    )
}

/// The files `*.toml` in the folder; the name is the code of the language.
fn own_files(templates: Option<&Path>) -> Result<Vec<(String, PathBuf)>, LanguageError> {
    let Some(folder) = templates.map(|folder| folder.join("languages")) else {
        return Ok(Vec::new());
    };
    let failed = |source| LanguageError::Read {
        path: folder.clone(),
        source,
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && let Some(code) = path.file_stem().and_then(|name| name.to_str())
        {
            found.push((code.to_owned(), path.clone()));
        }
    }
    found.sort();
    Ok(found)
}

/// Parses a language; returns the keys that it leaves to English, too.
fn read(code: &str, text: &str, file: &str) -> Result<(Language, Vec<String>), LanguageError> {
    let wrong = |line: usize, problem: String| LanguageError::File {
        file: file.to_owned(),
        line,
        problem,
    };
    let located = |error: &toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        wrong(
            text[..at.min(text.len())].matches('\n').count() + 1,
            error.message().to_owned(),
        )
    };
    let table: Table = toml::from_str(text).map_err(|error| located(&error))?;
    let english: Table =
        toml::from_str(EMBEDDED[0].1).map_err(|error| LanguageError::Other(error.to_string()))?;

    let (ours, theirs) = (texts(&english), texts(&table));
    for (key, (places, _)) in &theirs {
        let Some((known, _)) = ours.get(key) else {
            return Err(wrong(
                line_of(text, key),
                format!("there is no text {key:?}"),
            ));
        };
        if let Some(place) = places.difference(known).next() {
            let places = known
                .iter()
                .map(|place| format!("{{{place}}}"))
                .collect::<Vec<_>>()
                .join(", ");
            let problem = match places.as_str() {
                "" => format!("{key} has no placeholder {{{place}}}, nor any other"),
                places => format!("{key} has no placeholder {{{place}}}, but {places}"),
            };
            return Err(wrong(line_of(text, key), problem));
        }
    }
    let left_out: Vec<String> = ours
        .keys()
        .filter(|key| !theirs.contains_key(*key))
        .cloned()
        .collect();

    let mut whole = english;
    merge(&mut whole, &table);
    let mut language: Language = match whole.try_into() {
        Ok(language) => language,
        // Only the file itself gives a line, and none for a missing field.
        Err(error) => {
            let message = error.message().to_owned();
            let line = match toml::from_str::<Language>(text) {
                Err(error) if !error.message().starts_with("missing field") => {
                    return Err(located(&error));
                }
                _ => 1,
            };
            return Err(wrong(line, message));
        }
    };
    code.clone_into(&mut language.code);
    for (key, (_, forms)) in &theirs {
        let Some(forms) = forms else { continue };
        let needed = language.plural.forms();
        let lacks = needed
            .iter()
            .map(|form| format!("{form:?}").to_lowercase())
            .find(|form| !forms.contains(form));
        if let Some(form) = lacks {
            return Err(wrong(
                line_of(text, key),
                format!("{key} lacks the form {form:?}"),
            ));
        }
    }
    Ok((language, left_out))
}

/// Every text of a language by its key: its placeholders, and its plural forms if it
/// has any.
fn texts(table: &Table) -> BTreeMap<String, (BTreeSet<String>, Option<BTreeSet<String>>)> {
    const FORMS: [&str; 4] = ["one", "few", "many", "other"];
    let mut found = BTreeMap::new();
    let mut open: Vec<(String, &Table)> = vec![(String::new(), table)];
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            let key = format!("{prefix}{key}");
            let mut places = BTreeSet::new();
            collect_places(value, &mut places);
            match value {
                Value::Table(inner)
                    if !inner.is_empty()
                        && inner.keys().all(|key| FORMS.contains(&key.as_str())) =>
                {
                    found.insert(key, (places, Some(inner.keys().cloned().collect())));
                }
                Value::Table(inner) => open.push((format!("{key}."), inner)),
                _ => {
                    found.insert(key, (places, None));
                }
            }
        }
    }
    // Date patterns accept more values than English uses.
    for (key, (places, _)) in &mut found {
        if key.starts_with("dates.") && !["dates.moment", "dates.span"].contains(&key.as_str()) {
            places.clear();
        }
    }
    found
}

fn collect_places(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for piece in text.split('{').skip(1) {
                if let Some((name, _)) = piece.split_once('}') {
                    into.insert(name.to_owned());
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_places(value, into)),
        Value::Table(table) => table.values().for_each(|value| collect_places(value, into)),
        _ => {}
    }
}

/// The line of `key` in `text`, counted from 1; 1 if it cannot be found.
fn line_of(text: &str, key: &str) -> usize {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut open = String::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            header.trim().clone_into(&mut open);
        } else if open == section
            && line
                .split('=')
                .next()
                .is_some_and(|left| left.trim().trim_matches('"') == name)
        {
            return at + 1;
        }
    }
    1
}

/// Merges `own` into `base`; a text replaces a text whatever its plural forms.
fn merge(base: &mut Table, own: &Table) {
    for (key, value) in own {
        match (base.get_mut(key), value) {
            (Some(Value::Table(known)), Value::Table(new)) if !known.contains_key("other") => {
                merge(known, new);
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(code: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("languages")).unwrap();
        std::fs::write(folder.path().join(format!("languages/{code}.toml")), text).unwrap();
        folder
    }

    #[test]
    fn embedded_languages_have_every_text_and_placeholder_of_english() {
        for (code, text) in EMBEDDED {
            let (language, left_out) = read(code, text, code).unwrap();
            assert_eq!((language.code.as_str(), left_out), (code, Vec::new()));
            assert!(!language.name.is_empty());
        }
        let ours = texts(&toml::from_str(EMBEDDED[0].1).unwrap());
        for (code, text) in EMBEDDED {
            let theirs = texts(&toml::from_str(text).unwrap());
            for (key, (places, _)) in &ours {
                assert_eq!(&theirs[key].0, places, "{key} in {code}");
            }
        }
    }

    #[test]
    fn an_operators_language_is_added_and_falls_back_to_english() {
        let folder = folder(
            "pl",
            "name = \"Polski\"\nplural = \"polish\"\n[digest]\nwhy = \"Dlaczego:\"\n",
        );
        let languages = load(Some(folder.path())).unwrap();
        let (_, left_out) = &languages.own[0];
        assert!(
            left_out.contains(&"digest.save".to_owned())
                && !left_out.contains(&"digest.why".to_owned())
        );
        let polish = languages.get("pl").unwrap();
        assert_eq!(polish.digest.why.as_str(), "Dlaczego:");
        // English has no form `few`.
        assert_eq!(
            polish.count(&polish.digest.no_room, 3, &[]),
            "3 more were above the line, but the issue was full."
        );
    }

    #[test]
    fn the_nearest_language_is_taken() {
        let languages = load(None).unwrap();
        for (code, expected) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("DE_ch", "de"),
            ("xx", "en"),
            ("", "en"),
        ] {
            assert_eq!(languages.best(code).code, expected);
        }
        assert!(languages.has("fr-CA") && !languages.has("xx"));
    }

    #[track_caller]
    fn check_error(text: &str, line: usize, problem: &str) {
        let folder = folder("xx", text);
        let error = load(Some(folder.path())).unwrap_err().to_string();
        let file = folder.path().join("languages/xx.toml");
        assert_eq!(error, format!("{}:{line}: {problem}", file.display()));
    }

    #[test]
    fn mistakes_in_a_language_file_are_reported_with_their_line() {
        check_error(
            "[digest]\nwhy = \"Y\"\nwhyy = \"Y\"\n",
            3,
            "there is no text \"digest.whyy\"",
        );
        check_error(
            "[digest]\nlate = \"{names} {nmaes}\"\n",
            2,
            "digest.late has no placeholder {nmaes}, but {day}, {names}",
        );
        check_error(
            "[digest]\nwhy = \"{x}\"\n",
            2,
            "digest.why has no placeholder {x}, nor any other",
        );
        check_error(
            "\n[digest]\nleft_out = { one = \"1\" }\n",
            3,
            "digest.left_out lacks the form \"other\"",
        );
        check_error(
            "plural = \"klingon\"\n",
            1,
            "unknown variant `klingon`, expected one of `none`, `one`, `zero_one`, `czech`, `polish`, `russian`",
        );
        check_error(
            "\nname = 3\n",
            2,
            "invalid type: integer `3`, expected a string",
        );
    }
}
