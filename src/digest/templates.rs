//! The templates of an issue: embedded, and replaced by the operator's.

use super::views::IssueView;
use super::{DigestSettings, sample};
use std::io;
use std::path::{Path, PathBuf};
use tera::{Context, ErrorKind, Kwargs, State, Tera};

/// Width of the text part, in columns.
const COLUMNS: usize = 72;

const HTML: &str = "digest.html";
const TEXT: &str = "digest.txt";
const SUBJECT: &str = "digest.subject.txt";

/// Every embedded template. Those that end in `.html` escape what they print.
const EMBEDDED: [(&str, &str); 5] = [
    (HTML, include_str!("../../templates/digest.html")),
    ("digest.paper.html", include_str!("../../templates/digest.paper.html")),
    (TEXT, include_str!("../../templates/digest.txt")),
    ("digest.paper.txt", include_str!("../../templates/digest.paper.txt")),
    (SUBJECT, include_str!("../../templates/digest.subject.txt")),
];

/// The templates, parsed.
#[derive(Clone)]
pub struct Templates {
    tera: Tera,
    folder: Option<PathBuf>,
    replaced: Vec<&'static str>,
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
        /// Counted from 1.
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

/// The three texts of one issue.
#[derive(Debug)]
pub(super) struct Filled {
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
            std::fs::read_dir(path).map_err(|source| TemplateError::Read { path: path.clone(), source })?;
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
        let mut templates = Templates { tera: Tera::default(), folder, replaced };
        templates.tera.autoescape_on([".html"]);
        templates.tera.register_filter("wrap", wrap);
        templates.tera.add_raw_templates(sources).map_err(|error| templates.located(&error))?;
        Ok(templates)
    }

    /// Names of the embedded templates that the operator's folder replaces.
    pub fn replaced(&self) -> &[&'static str] {
        &self.replaced
    }

    /// Fills every template with sample values, with papers and without.
    pub fn check(&self) -> Result<(), TemplateError> {
        let (address, preferences) = sample::subscriber();
        for issue in [sample::issue(), sample::empty_issue()] {
            super::render(self, &issue, &sample::recipient(&address, &preferences), &sample::dress())?;
        }
        Ok(())
    }

    /// Fills the templates, HTML only if it is wanted. Lines end in LF.
    pub(super) fn fill(&self, view: &IssueView, with_html: bool) -> Result<Filled, TemplateError> {
        let mut context = Context::from_serialize(view).map_err(|error| self.located(&error))?;
        let fill = |name: &str, context: &Context| {
            let filled = self.tera.render(name, context).map_err(|error| self.located(&error))?;
            Ok::<String, TemplateError>(if filled.contains('\r') { filled.replace("\r\n", "\n") } else { filled })
        };
        let subject = super::render::subject_line(&fill(SUBJECT, &context)?);
        context.insert("subject", &subject);
        Ok(Filled {
            text: fill(TEXT, &context)?,
            html: if with_html { Some(fill(HTML, &context)?) } else { None },
            subject,
        })
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
                TemplateError::Template { file: self.file(report.filename()), line: report.span().start_line, problem }
            }
            _ => self.located_report(&error.to_string()),
        }
    }

    /// Names that no template knows come as a finished report: `error: PROBLEM`
    /// and below it ` --> NAME:LINE:COLUMN`.
    fn located_report(&self, report: &str) -> TemplateError {
        let mut lines = report.lines();
        let problem = lines.next().unwrap_or_default().trim_start_matches("error: ");
        let place = lines.next().and_then(|line| line.trim().strip_prefix("--> "));
        let mut place = place.unwrap_or_default().rsplitn(3, ':');
        match (place.next(), place.next().and_then(|line| line.parse().ok()), place.next()) {
            (Some(_column), Some(line), Some(name)) => {
                TemplateError::Template { file: self.file(name), line, problem: problem.to_owned() }
            }
            _ => TemplateError::Other(report.to_owned()),
        }
    }

    /// Where the operator finds the template `name`.
    fn file(&self, name: &str) -> String {
        match &self.folder {
            Some(folder) if self.replaced.contains(&name) => folder.join(name).display().to_string(),
            _ => name.to_owned(),
        }
    }
}

fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TemplateError::Read { path: path.to_owned(), source }),
    }
}

/// `{{ text | wrap(indent=4, first="1.  ") }}`: lines of at most 72 columns,
/// the first after `first`, the others indented. Wide characters count twice.
/// White space in `text` is where lines may break and nothing else.
#[expect(clippy::needless_pass_by_value, reason = "this is how tera calls its filters")]
fn wrap(text: &str, kwargs: Kwargs, _: &State<'_>) -> tera::TeraResult<String> {
    let indent = " ".repeat(kwargs.get::<usize>("indent")?.unwrap_or(0).min(COLUMNS / 2));
    let first = kwargs.get::<&str>("first")?.unwrap_or(&indent);
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let options = textwrap::Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(&indent)
        // Hyphens stand in names, codes and addresses.
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    Ok(textwrap::fill(&one_line, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, DigestSettings) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let settings = DigestSettings { templates: Some(folder.path().to_owned()), ..DigestSettings::default() };
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
        let (_folder, settings) = folder(&[("digest.subject.txt", "{{ count }} Artikel\r\n"), ("notes.md", "{{")]);
        let templates = Templates::load(&settings).unwrap();
        templates.check().unwrap();
        assert_eq!(templates.replaced(), ["digest.subject.txt"]);
        let (address, preferences) = sample::subscriber();
        let recipient = sample::recipient(&address, &preferences);
        let rendered = super::super::render(&templates, &sample::issue(), &recipient, &sample::dress()).unwrap();
        assert_eq!(rendered.subject, "2 Artikel");
    }

    #[track_caller]
    fn check_error(file: &str, text: &str, line: usize) {
        let (folder, settings) = folder(&[(file, text)]);
        let error = Templates::load(&settings).and_then(|templates| templates.check()).unwrap_err().to_string();
        let start = format!("{}:{line}: ", folder.path().join(file).display());
        assert!(error.starts_with(&start), "{error}");
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        check_error("digest.txt", "fine\n\n{% if %}", 3);
        check_error("digest.html", "\n{{ no_such_value }}", 2);
        check_error("digest.paper.txt", "\n\n\n{{ pick.titel }}", 4);
        check_error("digest.txt", "{{ opening | wrap(indent=\"x\") }}", 1);
        check_error("digest.txt", "{{ opening | no_such_filter }}", 1);
        check_error("digest.txt", "{% include \"other.txt\" %}", 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let settings = DigestSettings { templates: Some("/no/such/folder".into()), ..DigestSettings::default() };
        let error = Templates::load(&settings).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the template /no/such/folder");
    }

    #[test]
    fn text_is_wrapped_by_what_it_takes_on_the_screen() {
        let mut tera = Tera::default();
        tera.register_filter("wrap", wrap);
        let long = format!("{} {}", "日本語".repeat(20), "x".repeat(100));
        let context = tera::context! { long => &long };
        tera.add_raw_template("t", "{{ long | wrap(indent=4, first=\"1.  \") }}").unwrap();
        let wrapped = tera.render("t", &context).unwrap();
        for line in wrapped.lines() {
            assert!(textwrap::core::display_width(line) <= COLUMNS, "{line}");
            assert!(line.starts_with("1.  ") || line.starts_with("    "), "{line}");
        }
        let joined: String = wrapped.split_whitespace().skip(1).collect();
        assert_eq!(joined, long.replace(' ', ""));
    }
}
