//! The templates of every mail: embedded, and replaced by the operator's.
//!
//! Not pure: reads the folder of templates.

use super::fragments::{Fragment, SLOTS, deferred_wrap, has_placeholder};
use super::issue_view::IssueView;
use super::language::{self, Language, Languages};
use super::paper_view::{self, PaperView, SlotValues};
use super::summary::SentenceSet;
use super::{Accent, Branding, DigestSettings, FragmentCache, Locale, notices, sample};
use crate::subscriber::AbstractLength;
use serde::Serialize;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use tera::{Context, ErrorKind, Kwargs, State, Tera, Value};

/// Width of the text part, in columns.
const COLUMNS: usize = 72;

const HTML: &str = "digest.html";
const TEXT: &str = "digest.txt";
const SUBJECT: &str = "digest.subject.txt";
const PAPER_HTML: &str = "digest.paper.html";
const PAPER_TEXT: &str = "digest.paper.txt";
const NOTICE_HTML: &str = "notice.html";
const NOTICE_TEXT: &str = "notice.txt";

/// Every embedded template. Those that end in `.html` escape what they print.
const EMBEDDED: [(&str, &str); 7] = [
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

/// The templates and the languages, parsed.
#[derive(Clone)]
pub struct Templates {
    tera: Tera,
    folder: Option<PathBuf>,
    replaced: Vec<&'static str>,
    languages: Languages,
    /// What templates see of each language.
    words: HashMap<String, Value>,
    /// Whether papers in text and in HTML can be rendered once for many readers.
    shares: [bool; 2],
}

/// Why templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The operator's file or folder is not readable.
    #[error("cannot read the template {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A template is wrong, in itself or for the values it got.
    #[error("{file}:{line}: {problem}")]
    Template {
        /// The operator's file, or the name of an embedded one.
        file: String,
        /// PluralText from 1.
        line: usize,
        /// What the template engine says.
        problem: String,
    },
    /// The template engine does not say where.
    #[error("cannot use the templates: {0}")]
    Other(String),
}

/// Prints the folder and what it replaces; the parsed templates are long.
impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates")
            .field("folder", &self.folder)
            .field("replaced", &self.replaced)
            .finish_non_exhaustive()
    }
}

/// The three texts of one issue, with placeholders where its papers go.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: Option<String>,
}

impl Templates {
    /// The embedded templates, each replaced by the file of the same name in
    /// the folder of `settings`, if there is one.
    ///
    /// Fails if the folder cannot be read or a template does not parse. Names
    /// of values are checked only when a template is filled: see [`Templates::check`].
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

    /// The operator's own languages: each file, and the texts that it leaves to English.
    pub fn own_languages(&self) -> &[(PathBuf, Vec<String>)] {
        &self.languages.own
    }

    /// Whether there is a language for `code`; who chose another gets English.
    pub fn has_language(&self, code: &str) -> bool {
        self.languages.has(code)
    }

    /// Code and own name of every language there is.
    pub fn language_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.languages
            .iter()
            .map(|language| (language.code.as_str(), language.name.as_str()))
    }

    /// The words for who chose `code`.
    pub(super) fn language(&self, code: &str) -> &Language {
        self.languages.best(code)
    }

    /// The words of web pages for who chose `code`.
    pub fn locale(&self, code: &str) -> Locale {
        Locale::of(self.languages.best(code))
    }

    /// Fills every template with sample values in every language, with papers and without.
    pub fn check(&self) -> Result<(), TemplateError> {
        let (address, mut preferences) = sample::subscriber();
        for language in self.languages.iter() {
            preferences.language.clone_from(&language.code);
            for abstracts in [AbstractLength::Full, AbstractLength::None] {
                preferences.abstracts = abstracts;
                for issue in [sample::issue(), sample::empty_issue()] {
                    let recipient = sample::recipient(&address, &preferences);
                    super::render(
                        self,
                        &FragmentCache::default(),
                        &issue,
                        &recipient,
                        &sample::branding(),
                    )?;
                }
            }
            for notice in sample::notices() {
                notices::parts(self, &notice, &language.code, &address, &sample::branding())?;
            }
        }
        Ok(())
    }

    /// The templates of the issue around its papers, HTML only if it is wanted.
    pub(super) fn frames(
        &self,
        view: &IssueView,
        language: &Language,
        with_html: bool,
    ) -> Result<Frames, TemplateError> {
        let mut context = Context::from_serialize(view).map_err(|error| self.located(&error))?;
        self.add_words(&mut context, language);
        let subject = super::render::subject_line(&self.fill(SUBJECT, &context)?);
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

    /// The template of one paper.
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

    /// Text and HTML of a mail that is no issue.
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

    /// Whether the template of a paper can be filled once for many readers.
    pub(super) fn shares_papers(&self, is_html: bool) -> bool {
        self.shares[usize::from(is_html)]
    }

    /// Tries out whether a paper rendered with placeholders becomes what it is without
    /// them. A template that fails here fails again where that is reported.
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

    /// `error` with the file that the operator knows.
    fn located(&self, error: &tera::Error) -> TemplateError {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                let mut problem = report.message().to_owned();
                // A filter's own complaint stands behind the error.
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

    /// Names that no template knows come as a finished report: `error: PROBLEM`
    /// and below it ` --> NAME:LINE:COLUMN`.
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

    /// Where the operator finds the template `name`.
    fn file(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) if self.replaced.contains(&name) => {
                folder.join(name).display().to_string()
            }
            _ => name.to_owned(),
        }
    }
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

/// `{{ text | wrap(indent=4, first="1.  ") }}`: lines of at most 72 columns,
/// the first after `first`, the others indented. Wide characters count twice.
/// White space in `text` is where lines may break and nothing else.
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

/// What the filter `wrap` gives.
pub(super) fn wrapped(text: &str, first: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let options = textwrap::Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(&indent)
        // Hyphens stand in names, codes and addresses.
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(&one_line, options)
}

#[cfg(test)]
mod tests {
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
        let rendered = super::super::render(
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
    fn papers_are_shared_unless_a_template_does_more_with_what_is_the_readers_own() {
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
    fn a_folder_that_is_not_there_is_an_error() {
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
    fn text_is_wrapped_by_what_it_takes_on_the_screen() {
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
}
