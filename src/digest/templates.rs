//! The templates of all mails: the embedded ones and the operator's replacements.
//!
//! Not pure: reads the folder of templates.

use super::clean::line;
use super::fragments::Fragment;
use super::paper_view::{self, PaperView, SlotValues};
use super::placeholders::{SLOTS, deferred_wrap, has_placeholder};
use super::summary::SentenceSet;
use super::wrap::{COLUMNS, wrapped};
use super::{Accent, Branding, DigestSettings, sample};
use crate::language::{self, Language, LanguageError, Languages, Locale};
use crate::text::cut;
use serde::Serialize;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tera::{Context, ErrorKind, Kwargs, State, Tera, Value};

/// Maximum length of a subject (RFC 5322 section 2.1.1: lines should have at most 78
/// characters).
pub const SUBJECT_CHARS_MAX: usize = 78;

const HEAD_HTML: &str = "mail.head.html";
const HTML: &str = "digest.html";
const TEXT: &str = "digest.txt";
const SUBJECT: &str = "digest.subject.txt";
const PAPER_HTML: &str = "digest.paper.html";
const PAPER_TEXT: &str = "digest.paper.txt";
const NOTICE_HTML: &str = "notice.html";
const NOTICE_TEXT: &str = "notice.txt";

/// The embedded templates. Those that end in `.html` escape their values.
const EMBEDDED: [(&str, &str); 8] = [
    (HEAD_HTML, include_str!("../../templates/mail.head.html")),
    (HTML, include_str!("../../templates/digest.html")),
    (
        PAPER_HTML,
        include_str!("../../templates/digest.paper.html"),
    ),
    (TEXT, include_str!("../../templates/digest.txt")),
    (PAPER_TEXT, include_str!("../../templates/digest.paper.txt")),
    (SUBJECT, include_str!("../../templates/digest.subject.txt")),
    (NOTICE_HTML, include_str!("../../templates/notice.html")),
    (NOTICE_TEXT, include_str!("../../templates/notice.txt")),
];

/// The parsed templates and languages.
#[derive(Clone)]
pub struct Templates {
    tera: Tera,
    folder: Option<PathBuf>,
    replaced: Vec<&'static str>,
    languages: Languages,
    /// The value `words` of templates, by language.
    words: HashMap<String, Value>,
    /// Whether papers can be rendered once for many readers, in text and in HTML.
    shares: [bool; 2],
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The operator's file or folder is not readable.
    #[error("cannot read the template {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A template has a mistake, or uses a value that does not exist.
    #[error("{file}:{line}: {problem}")]
    Template {
        /// The operator's file, or the name of an embedded one.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The error of the template engine.
        problem: String,
    },
    /// A language file cannot be used.
    #[error(transparent)]
    Language(#[from] LanguageError),
    /// An error without a location.
    #[error("cannot use the templates: {0}")]
    Other(String),
}

/// Omits the parsed templates, which are long.
impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates")
            .field("folder", &self.folder)
            .field("replaced", &self.replaced)
            .finish_non_exhaustive()
    }
}

/// The three texts of an issue, with placeholders for its papers.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
}

impl Templates {
    /// Loads the embedded templates, each replaced by the file of the same name in the folder of
    /// `settings`, if there is one.
    ///
    /// Fails if the folder cannot be read or a template does not parse. Names of values are only
    /// checked by rendering: see [`Templates::check`].
    pub fn load(settings: &DigestSettings) -> Result<Templates, TemplateError> {
        let folder = settings.templates.clone();
        if let Some(path) = &folder {
            std::fs::read_dir(path).map_err(|source| TemplateError::Read {
                path: path.clone(),
                source,
            })?;
        }
        let mut sources = Vec::new();
        let mut replaced = Vec::new();
        for (name, embedded) in EMBEDDED {
            let own = match &folder {
                Some(folder) => read(&folder.join(name))?,
                None => None,
            };
            if own.is_some() {
                replaced.push(name);
            }
            sources.push((name, own.unwrap_or_else(|| embedded.to_owned())));
        }
        let languages = language::load(folder.as_deref())?;
        let words = languages
            .iter()
            .map(|language| {
                (
                    language.code.clone(),
                    Value::from_serializable(&language.digest),
                )
            })
            .collect();
        let mut templates = Templates {
            tera: Tera::default(),
            folder,
            replaced,
            languages,
            words,
            shares: [false; 2],
        };
        templates.tera.autoescape_on([".html"]);
        templates.tera.register_filter("wrap", wrap);
        templates
            .tera
            .add_raw_templates(sources)
            .map_err(|error| templates.located(&error))?;
        templates.shares = [templates.can_share(false), templates.can_share(true)];
        Ok(templates)
    }

    /// Names of the embedded templates that the operator's folder replaces.
    pub fn replaced(&self) -> &[&'static str] {
        &self.replaced
    }

    /// The operator's language files, each with the keys that fall back to English.
    pub fn own_languages(&self) -> &[(PathBuf, Vec<String>)] {
        &self.languages.own
    }

    /// Whether there is a language for `code`; others fall back to English.
    pub fn has_language(&self, code: &str) -> bool {
        self.languages.has(code)
    }

    /// Code and own name of every language.
    pub fn language_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.languages
            .iter()
            .map(|language| (language.code.as_str(), language.name.as_str()))
    }

    /// All languages.
    pub(super) fn languages(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.languages.iter()
    }

    /// The language of `code`, else English.
    pub(super) fn language(&self, code: &str) -> &Language {
        self.languages.best(code)
    }

    /// The locale for `code`.
    pub fn locale(&self, code: &str) -> Locale {
        Locale::of(self.languages.best(code))
    }

    /// Renders an issue with placeholders for its papers; HTML only on request.
    pub(super) fn frames(
        &self,
        view: &impl Serialize,
        language: &Language,
        with_html: bool,
    ) -> Result<Frames, TemplateError> {
        let mut context = Context::from_serialize(view).map_err(|error| self.located(&error))?;
        self.add_words(&mut context, language);
        let subject = subject_line(&self.fill(SUBJECT, &context)?);
        context.insert("subject", &subject);
        Ok(Frames {
            text: self.fill(TEXT, &context)?,
            html: if with_html {
                Some(self.fill(HTML, &context)?)
            } else {
                None
            },
            subject,
        })
    }

    /// Renders one paper.
    pub(super) fn paper(
        &self,
        view: &PaperView,
        language: &Language,
        branding: &Branding,
        is_html: bool,
    ) -> Result<String, TemplateError> {
        let mut context = Context::new();
        context.insert("pick", view);
        context.insert("lang", &language.code);
        context.insert("dir", language.dir.word());
        context.insert("accent", &Accent::on_light(branding.accent));
        self.add_words(&mut context, language);
        self.fill(if is_html { PAPER_HTML } else { PAPER_TEXT }, &context)
    }

    /// Renders text and HTML of a notice.
    pub(super) fn notice(
        &self,
        view: &impl Serialize,
        language: &Language,
    ) -> Result<(String, String), TemplateError> {
        let mut context = Context::from_serialize(view).map_err(|error| self.located(&error))?;
        self.add_words(&mut context, language);
        Ok((
            self.fill(NOTICE_TEXT, &context)?,
            self.fill(NOTICE_HTML, &context)?,
        ))
    }

    fn add_words(&self, context: &mut Context, language: &Language) {
        let words = self
            .words
            .get(&language.code)
            .cloned()
            .unwrap_or_else(Value::none);
        context.insert_value("words", words);
    }

    fn fill(&self, name: &str, context: &Context) -> Result<String, TemplateError> {
        self.tera
            .render(name, context)
            .map_err(|error| self.located(&error))
    }

    /// Whether the template of a paper can be rendered once for many readers.
    pub(super) fn shares_papers(&self, is_html: bool) -> bool {
        self.shares[usize::from(is_html)]
    }

    /// Tests whether rendering with placeholders and replacing them equals rendering with the
    /// values. Errors are ignored here: they occur again when the template is used.
    fn can_share(&self, is_html: bool) -> bool {
        let (language, branding) = (self.language("en"), sample::branding());
        let pick = sample::issue().sections.remove(0).picks.remove(0);
        for has_reason in [true, false] {
            let mode = sample::mode(&pick, has_reason);
            let fill = |own: SlotValues| {
                let summary = || {
                    super::summary::Abstract::new(&pick.paper.abstract_text).text(SentenceSet::ALL)
                };
                let view = paper_view::view(&pick.paper, &mode, own, summary, language, &branding);
                self.paper(&view, language, &branding, is_html)
                    .map(|filled| filled.replace('\n', "\r\n"))
            };
            let own = sample::own(has_reason);
            let values: [&str; SLOTS.len()] = [
                &own.marker,
                &own.reason,
                &own.thumbs[0],
                &own.thumbs[1],
                &own.thumbs[2],
            ]
            .map(String::as_str);
            let Ok(marked) = fill(SlotValues::placeholders(&mode)) else {
                return false;
            };
            let mut shared = String::new();
            Fragment::new(&marked).fill(&values, is_html, &mut shared);
            if !fill(own.clone()).is_ok_and(|whole| whole == shared) {
                return false;
            }
        }
        true
    }

    /// Converts `error`, with the path of the operator's file.
    fn located(&self, error: &tera::Error) -> TemplateError {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                let mut problem = report.message().to_owned();
                // Errors of filters are sources of the error.
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    problem = format!("{problem}: {error}");
                    cause = error.source();
                }
                TemplateError::Template {
                    file: self.file(report.filename()),
                    line: report.span().start_line,
                    problem,
                }
            }
            _ => self.located_report(&error.to_string()),
        }
    }

    /// Parses a report of the template engine on unknown names: `error: PROBLEM` and below it
    /// ` --> NAME:LINE:COLUMN`.
    fn located_report(&self, report: &str) -> TemplateError {
        let mut lines = report.lines();
        let problem = lines
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        let place = lines
            .next()
            .and_then(|line| line.trim().strip_prefix("--> "));
        let mut place = place.unwrap_or_default().rsplitn(3, ':');
        match (
            place.next(),
            place.next().and_then(|line| line.parse().ok()),
            place.next(),
        ) {
            (Some(_column), Some(line), Some(name)) => TemplateError::Template {
                file: self.file(name),
                line,
                problem: problem.to_owned(),
            },
            _ => TemplateError::Other(report.to_owned()),
        }
    }

    /// The path of the template `name`, or its name if it is embedded.
    fn file(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) if self.replaced.contains(&name) => {
                folder.join(name).display().to_string()
            }
            _ => name.to_owned(),
        }
    }
}

/// The output of a subject template as one line of at most [`SUBJECT_CHARS_MAX`] characters.
pub(super) fn subject_line(filled: &str) -> String {
    cut(&line(filled), SUBJECT_CHARS_MAX)
}

fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TemplateError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The filter `{{ text | wrap(indent=4, first="1.  ") }}`: wraps to lines of at most 72
/// columns, the first after `first`, the others indented. Wide characters count twice; all
/// white space in `text` is a possible line break.
#[expect(
    clippy::needless_pass_by_value,
    reason = "this is how tera calls its filters"
)]
fn wrap(text: &str, kwargs: Kwargs, _: &State<'_>) -> tera::TeraResult<String> {
    let indent = kwargs.get::<usize>("indent")?.unwrap_or(0).min(COLUMNS / 2);
    let blanks = " ".repeat(indent);
    let first = kwargs.get::<&str>("first")?.unwrap_or(&blanks);
    if has_placeholder(text) || has_placeholder(first) {
        Ok(deferred_wrap(text, first, indent))
    } else {
        Ok(wrapped(text, first, indent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FragmentCache, render};
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, DigestSettings) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let settings = DigestSettings {
            templates: Some(folder.path().to_owned()),
            ..DigestSettings::default()
        };
        (folder, settings)
    }

    #[test]
    fn the_embedded_templates_take_the_sample_values() {
        let templates = Templates::load(&DigestSettings::default()).unwrap();
        templates.check().unwrap();
        assert!(templates.replaced().is_empty());
    }

    #[test]
    fn a_file_of_the_same_name_replaces_a_template() {
        let (_folder, settings) = folder(&[
            ("digest.subject.txt", "{{ count }} Artikel\r\n"),
            ("notes.md", "{{"),
        ]);
        let templates = Templates::load(&settings).unwrap();
        templates.check().unwrap();
        assert_eq!(templates.replaced(), ["digest.subject.txt"]);
        let (address, preferences) = sample::subscriber();
        let recipient = sample::recipient(&address, &preferences);
        let rendered = render(
            &templates,
            &FragmentCache::default(),
            &sample::issue(),
            &recipient,
            &sample::branding(),
        )
        .unwrap();
        assert_eq!(rendered.subject, "2 Artikel");
    }

    #[track_caller]
    fn check_error(file: &str, text: &str, line: usize) {
        let (folder, settings) = folder(&[(file, text)]);
        let error = Templates::load(&settings)
            .and_then(|templates| templates.check())
            .unwrap_err()
            .to_string();
        let start = format!("{}:{line}: ", folder.path().join(file).display());
        assert!(error.starts_with(&start), "{error}");
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        check_error("digest.txt", "fine\n\n{% if %}", 3);
        check_error("digest.html", "\n{{ no_such_value }}", 2);
        check_error("digest.paper.txt", "\n\n\n{{ pick.titel }}", 4);
        check_error(
            "digest.paper.html",
            "{{ pick.title }}\n{{ pick.reason | upper }} {{ x }}",
            2,
        );
        check_error("digest.subject.txt", "{{ headline }}\n{{ x }}", 2);
        check_error("notice.txt", "{{ heading }}\n{{ headnig }}", 2);
        check_error("notice.html", "{{ heading }}\n\n{% endif %}", 3);
        check_error("digest.txt", "{{ opening | wrap(indent=\"x\") }}", 1);
        check_error("digest.txt", "{{ opening | no_such_filter }}", 1);
        check_error("digest.txt", "{% include \"other.txt\" %}", 1);
    }

    #[test]
    fn papers_are_shared_unless_a_template_transforms_the_readers_values() {
        let shares = |files: &[(&str, &str)]| {
            let (_folder, settings) = folder(files);
            Templates::load(&settings).unwrap().shares
        };
        assert_eq!(shares(&[]), [true, true]);
        assert_eq!(
            shares(&[(
                "digest.paper.txt",
                "{{ pick.marker }}{{ pick.reason | wrap }}"
            )]),
            [true, true]
        );
        assert_eq!(
            shares(&[("digest.paper.txt", "{{ pick.reason | upper }}")]),
            [false, true]
        );
        assert_eq!(
            shares(&[("digest.paper.html", "{{ pick.reason | safe }}")]),
            [true, false]
        );
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let settings = DigestSettings {
            templates: Some("/no/such/folder".into()),
            ..DigestSettings::default()
        };
        let error = Templates::load(&settings).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the template /no/such/folder"
        );
    }

    #[test]
    fn text_is_wrapped_by_display_width() {
        let mut tera = Tera::default();
        tera.register_filter("wrap", wrap);
        let long = format!("{} {}", "日本語".repeat(20), "x".repeat(100));
        let context = tera::context! { long => &long };
        tera.add_raw_template("t", "{{ long | wrap(indent=4, first=\"1.  \") }}")
            .unwrap();
        let wrapped = tera.render("t", &context).unwrap();
        for line in wrapped.lines() {
            assert!(textwrap::core::display_width(line) <= COLUMNS, "{line}");
            assert!(
                line.starts_with("1.  ") || line.starts_with("    "),
                "{line}"
            );
        }
        let joined: String = wrapped.split_whitespace().skip(1).collect();
        assert_eq!(joined, long.replace(' ', ""));
    }

    #[test]
    fn a_subject_is_one_line_cut_at_a_word() {
        assert_eq!(subject_line("  a\r\nBcc: b\n"), "a Bcc: b");
        let long = subject_line(&"seven ".repeat(40));
        assert_eq!(
            long,
            format!("{}…", "seven ".repeat(13).trim_end()).as_str()
        );
        assert!(long.chars().count() <= SUBJECT_CHARS_MAX);
    }
}
