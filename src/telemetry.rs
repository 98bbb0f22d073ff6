//! The log on stderr, and the filter that keeps secrets out of it.

use std::io::IsTerminal;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, ParseError, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

/// The environment variable that filters the log by `tracing` directives.
pub const LOG_VARIABLE: &str = "PAPERBOY_LOG";

/// The environment variable that sets the format of log lines: `human` or `json`.
pub const FORMAT_VARIABLE: &str = "PAPERBOY_LOG_FORMAT";

/// The log target of each single mail, from composing to the server's reply. The service logs
/// it; commands print a summary instead.
pub const JOURNEY: &str = "paperboy::journey";

/// The default directives of the service.
const SERVICE_DIRECTIVES: &str = "paperboy=info,warn";

/// The default directives of a command.
const COMMAND_DIRECTIVES: &str = "paperboy=info,paperboy::journey=warn,warn";

/// The kind of process that logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessKind {
    /// The service.
    Service,
    /// A command, which prints its results besides.
    Command,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Readable text, in colour on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// The `[log]` settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogSettings {
    /// The format of log lines.
    pub format: LogFormat,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives cannot be read.
    #[error("{LOG_VARIABLE} = {directives:?}: must be written like paperboy=debug,warn")]
    Directives {
        /// The directives.
        directives: String,
        /// The error of the parser.
        source: ParseError,
    },
    /// The format is unknown.
    #[error("{FORMAT_VARIABLE} = {format:?}: must be human or json")]
    Format {
        /// The format.
        format: String,
    },
    /// Logging was started before.
    #[error("the log was started twice")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// The format that [`FORMAT_VARIABLE`] sets; `None` if it is not set.
pub fn asked_format() -> Result<Option<LogFormat>, TelemetryError> {
    let format = std::env::var(FORMAT_VARIABLE).unwrap_or_default();
    match format.trim() {
        "" => Ok(None),
        "human" => Ok(Some(LogFormat::Human)),
        "json" => Ok(Some(LogFormat::Json)),
        _ => Err(TelemetryError::Format { format }),
    }
}

/// Starts logging to stderr, filtered as [`LOG_VARIABLE`] says.
pub fn init(format: LogFormat, process: ProcessKind) -> Result<(), TelemetryError> {
    let directives = std::env::var(LOG_VARIABLE).unwrap_or_default();
    let usual = match process {
        ProcessKind::Service => SERVICE_DIRECTIVES,
        ProcessKind::Command => COMMAND_DIRECTIVES,
    };
    let directives = if directives.trim().is_empty() {
        usual.to_owned()
    } else {
        directives
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    // https://no-color.org: any value except an empty one.
    let colour_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let started = match format {
        LogFormat::Human => {
            let colour = std::io::stderr().is_terminal() && !colour_refused;
            let lines = lines.with_ansi(colour).with_filter(filter(&directives)?);
            registry().with(lines).try_init()
        }
        LogFormat::Json => {
            let lines = lines
                .json()
                .flatten_event(true)
                .with_filter(filter(&directives)?);
            registry().with(lines).try_init()
        }
    };
    started.map_err(TelemetryError::Twice)
}

/// The filter of `directives`, without what must never be logged.
fn filter<S>(directives: &str) -> Result<impl Filter<S> + use<S>, TelemetryError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let chosen =
        EnvFilter::builder()
            .parse(directives)
            .map_err(|source| TelemetryError::Directives {
                directives: directives.to_owned(),
                source,
            })?;
    Ok(chosen.and(filter_fn(is_discreet)))
}

/// Whether a log line may be written. At debug level lettre logs whole commands and messages, with
/// passwords and addresses. No directive may enable that, so this is a second filter and not one
/// more directive, which a more specific one would override.
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
            info!(target: JOURNEY, "accepted");
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
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.trim_start_matches("session: ").trim())
            .collect();
        assert_eq!(lines, expected, "{directives:?}");
    }

    #[test]
    fn directives_choose_what_is_logged() {
        check(
            SERVICE_DIRECTIVES,
            &["our info", "accepted", "their warning"],
        );
        check(COMMAND_DIRECTIVES, &["our info", "their warning"]);
        check("paperboy=debug,off", &["our info", "accepted", "our debug"]);
        check("error", &[]);
    }

    #[test]
    fn no_directive_makes_lettre_log_what_it_sends() {
        let most = [
            "our info",
            "accepted",
            "our debug",
            "their info",
            "their warning",
            "lettre info",
        ];
        check("trace", &most);
        check("trace,lettre::transport::smtp=trace", &most);
        check("trace,[session]=trace", &most);
    }

    #[test]
    fn directives_that_cannot_be_read_are_quoted() {
        let error = filter::<registry::Registry>("paperboy=loud").err().unwrap();
        assert_eq!(
            error.to_string(),
            r#"PAPERBOY_LOG = "paperboy=loud": must be written like paperboy=debug,warn"#
        );
    }
}
