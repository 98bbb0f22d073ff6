//! The log: what is written to stderr, and what never is.

use std::io::IsTerminal;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, ParseError, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

/// The environment variable that says what is logged, as `tracing` directives.
pub const LOG_VARIABLE: &str = "PAPERBOY_LOG";

/// The environment variable that says how log lines look: `human` or `json`.
pub const FORMAT_VARIABLE: &str = "PAPERBOY_LOG_FORMAT";

const DEFAULT_DIRECTIVES: &str = "paperboy=info,warn";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes; in colour on a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives cannot be read.
    #[error("{LOG_VARIABLE} = {directives:?}: must be written like paperboy=debug,warn")]
    Directives {
        /// As written.
        directives: String,
        /// What is wrong with them.
        source: ParseError,
    },
    /// There is no such form.
    #[error("{FORMAT_VARIABLE} = {format:?}: must be human or json")]
    Format {
        /// As written.
        format: String,
    },
    /// It was started before.
    #[error("the log was started twice")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// The form that [`FORMAT_VARIABLE`] asks for: for eyes, if it is not set.
pub fn usual_format() -> Result<LogFormat, TelemetryError> {
    let format = std::env::var(FORMAT_VARIABLE).unwrap_or_default();
    match format.trim() {
        "" | "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err(TelemetryError::Format { format }),
    }
}

/// Starts logging to stderr, filtered as [`LOG_VARIABLE`] says.
pub fn init(format: LogFormat) -> Result<(), TelemetryError> {
    let directives = std::env::var(LOG_VARIABLE).unwrap_or_default();
    let lines = fmt::layer().with_writer(std::io::stderr);
    // https://no-color.org: any value but an empty one.
    let colour_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let started = match format {
        LogFormat::Human => {
            let colour = std::io::stderr().is_terminal() && !colour_refused;
            let lines = lines.with_ansi(colour).with_filter(filter(&directives)?);
            registry().with(lines).try_init()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter(filter(&directives)?);
            registry().with(lines).try_init()
        }
    };
    started.map_err(TelemetryError::Twice)
}

/// What `directives` let through, the default ones if they are blank.
fn filter<S>(directives: &str) -> Result<impl Filter<S> + use<S>, TelemetryError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let directives = if directives.trim().is_empty() { DEFAULT_DIRECTIVES } else { directives };
    let chosen = EnvFilter::builder()
        .parse(directives)
        .map_err(|source| TelemetryError::Directives { directives: directives.to_owned(), source })?;
    Ok(chosen.and(filter_fn(is_discreet)))
}

/// At debug level lettre logs whole commands and messages: passwords in AUTH,
/// addresses, letters. No directive may ask for that, so this is a wall beside
/// the chosen filter and not one more directive, which a finer one would beat.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let lettre = target == "lettre" || target.starts_with("lettre::");
    !lettre || *metadata.level() <= Level::INFO
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing::{debug, debug_span, info, warn};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[track_caller]
    fn check(directives: &str, expected: &[&str]) {
        let page = Page::default();
        let writer = page.clone();
        let lines = fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .with_level(false)
            .with_target(false)
            .with_filter(filter(directives).unwrap());
        tracing::subscriber::with_default(registry().with(lines), || {
            info!(target: "paperboy::outbox", "our info");
            debug!(target: "paperboy::outbox", "our debug");
            info!(target: "hyper", "their info");
            warn!(target: "hyper", "their warning");
            info!(target: "lettre", "lettre info");
            debug_span!("session").in_scope(|| {
                debug!(target: "lettre", "AUTH PLAIN");
                debug!(target: "lettre::transport::smtp", "AUTH PLAIN");
            });
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches("session: ").trim()).collect();
        assert_eq!(lines, expected, "{directives:?}");
    }

    #[test]
    fn directives_choose_what_is_logged() {
        check("", &["our info", "their warning"]);
        check("paperboy=debug,off", &["our info", "our debug"]);
        check("error", &[]);
    }

    #[test]
    fn no_directive_makes_lettre_log_what_it_sends() {
        let most = ["our info", "our debug", "their info", "their warning", "lettre info"];
        check("trace", &most);
        check("trace,lettre::transport::smtp=trace", &most);
        check("trace,[session]=trace", &most);
    }

    #[test]
    fn directives_that_cannot_be_read_are_quoted() {
        let error = filter::<registry::Registry>("paperboy=loud").err().unwrap();
        assert_eq!(error.to_string(), r#"PAPERBOY_LOG = "paperboy=loud": must be written like paperboy=debug,warn"#);
    }
}
