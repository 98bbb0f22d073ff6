//! The command line: one file a command group.
//!
//! To add a command, add a variant here, and its `Options` and `run` in the file of its
//! group. Commands print their results through `out`, and return errors, which are printed
//! once, here, with their causes.

mod admin;
mod alive;
mod backup;
mod check;
mod context;
mod deliver;
mod evaluate;
mod explain;
mod feedback;
mod fetch;
mod inbound;
mod init;
mod interests;
mod man;
mod model;
mod out;
mod outbox;
mod papers;
mod preview;
mod publish;
mod run;
mod subscribers;
mod suppressions;
mod trial;

use crate::telemetry::{self, ProcessKind, TelemetryError};
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Ranks the day's new papers for every subscriber's interests and delivers them by mail.
#[derive(Debug, Parser)]
#[command(name = "paperboy", version, max_term_width = 100)]
struct Cli {
    /// Settings file [default: paperboy.toml in this folder, else /etc/paperboy/paperboy.toml]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything without settings: fetch, rank, render and deliver papers
    Try(trial::Options),
    /// Write a commented settings file, a secret and an empty database
    Init(init::Options),
    /// Manage the operator's access: the password of the pages, and API keys
    #[command(subcommand)]
    Admin(admin::Command),
    /// Check everything that mail depends on, and print remedies
    Check(check::Options),
    /// Run as a service: fetch, publish and deliver every day, and serve the pages
    Run(run::Options),
    /// Poll the sources now, and take in new papers
    Fetch(fetch::Options),
    /// Search and import papers
    #[command(subcommand)]
    Papers(papers::Command),
    /// Manage subscribers
    #[command(subcommand)]
    Subscribers(subscribers::Command),
    /// Manage subscribers' interests
    #[command(subcommand)]
    Interests(interests::Command),
    /// Manage the models of dense vectors
    #[command(subcommand)]
    Model(model::Command),
    /// Record a subscriber's feedback on a paper
    Feedback(feedback::Options),
    /// Manage suppressed addresses
    #[command(subcommand)]
    Suppressions(suppressions::Command),
    /// Show a subscriber's next issue; changes nothing
    Preview(preview::Options),
    /// Compose and queue every issue that is due
    Publish(publish::Options),
    /// Send due mail
    Deliver(deliver::Options),
    /// Show deliveries: recipient, state, and the server's replies
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Process one returned mail: a bounce, a complaint, an unsubscribe request
    Inbound(inbound::Options),
    /// Measure the ranking on a dataset of people's choices, beside other rankers
    Evaluate(evaluate::Options),
    /// Copy the database into a new file, also while the service runs
    Backup(backup::Options),
    /// Restore a backup; waiting mail is held, and nothing is sent again
    Restore(backup::Options),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
    /// Create the database, or migrate it to this version's schema
    Migrate(init::MigrateOptions),
    /// Check whether the service of these settings is alive; exit code 1 if not
    #[command(hide = true)]
    Alive,
    /// Write the manual pages of all commands into a folder
    #[command(hide = true)]
    Man(man::Options),
}

/// The failure of a command.
#[derive(Debug)]
enum Failure {
    /// The command failed: exit code 1.
    Failed(anyhow::Error),
    /// The arguments or the settings are invalid: exit code 2.
    Usage(anyhow::Error),
    /// The failure was reported already: exit code 1.
    Said,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Failed(error.into())
    }
}

/// The result of a command.
type Done = Result<(), Failure>;

/// Reads the command line, runs the command, and returns the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = start_log(&cli) {
        let _ = writeln!(std::io::stderr(), "error: {:#}", anyhow::Error::from(error));
        return ExitCode::from(2);
    }
    // Mail servers read its exit code.
    if let Command::Inbound(options) = &cli.command {
        let at = context::CliContext {
            config: context::settings_file(cli.config),
            json: cli.json,
        };
        return inbound::run(options, &at);
    }
    let (error, code) = match run(cli) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Said) => return ExitCode::from(1),
        // The reader of our output has closed the pipe.
        Err(Failure::Failed(error)) if out::is_closed_pipe(&error) => return ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => (error, 1),
        Err(Failure::Usage(error)) => (error, 2),
    };
    let _ = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::from(code)
}

/// Starts the log: as given by the command line, else the environment, else, for the service,
/// the settings.
fn start_log(cli: &Cli) -> Result<(), TelemetryError> {
    let Command::Run(options) = &cli.command else {
        let format = telemetry::asked_format()?;
        return telemetry::init(format.unwrap_or_default(), ProcessKind::Command);
    };
    let asked = match options.log_format() {
        Some(format) => Some(format),
        None => telemetry::asked_format()?,
    };
    let at = context::CliContext {
        config: context::settings_file(cli.config.clone()),
        json: cli.json,
    };
    // Invalid settings are reported by the command that uses them.
    let settings = || {
        at.config()
            .map(|config| config.log.format)
            .unwrap_or_default()
    };
    telemetry::init(asked.unwrap_or_else(settings), ProcessKind::Service)
}

fn run(cli: Cli) -> Done {
    let at = context::CliContext {
        config: context::settings_file(cli.config),
        json: cli.json,
    };
    match cli.command {
        Command::Try(options) => trial::run(options, at.json),
        Command::Init(options) => init::init(&options, at.json),
        Command::Admin(command) => admin::run(command, &at),
        Command::Check(options) => check::run(&options, &at),
        Command::Fetch(options) => fetch::run(&options, &at),
        Command::Papers(command) => papers::run(command, &at),
        Command::Subscribers(command) => subscribers::run(command, &at),
        Command::Interests(command) => interests::run(command, &at),
        Command::Model(command) => model::run(command, &at),
        Command::Feedback(options) => feedback::run(options, &at),
        Command::Preview(options) => preview::run(&options, &at),
        Command::Publish(options) => publish::run(&options, &at),
        Command::Deliver(options) => deliver::run(&options, &at),
        Command::Outbox(command) => outbox::run(command, &at),
        Command::Inbound(_) => Err(Failure::Said),
        Command::Evaluate(options) => evaluate::run(&options, &at),
        Command::Run(options) => run::run(options, &at),
        Command::Suppressions(command) => suppressions::run(command, &at),
        Command::Backup(options) => backup::backup(&options, &at),
        Command::Restore(options) => backup::restore(&options, &at),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(
                shell,
                &mut <Cli as clap::CommandFactory>::command(),
                "paperboy",
                &mut script,
            );
            Ok(out::bytes(&script)?)
        }
        Command::Migrate(options) => init::migrate(&options, &at),
        Command::Alive => alive::run(&at),
        Command::Man(options) => man::run(&options),
    }
}
