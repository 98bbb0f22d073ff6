//! `inbound`: one returned mail, from a file or a mail alias.
//!
//! The exit codes are those of sysexits.h, which mail servers understand: 0 once the report
//! is recorded, or ignored; 75 (`EX_TEMPFAIL`) if it cannot be recorded now, so that the mail
//! server keeps it and retries, also for invalid settings: they will be corrected, but a
//! bounced report is lost. 66 (`EX_NOINPUT`) and 64 (`EX_USAGE`) are for a person at a
//! terminal.

use super::context::{CliContext, now};
use super::out;
use crate::inbound::{Envelope, MAIL_BYTES_MAX, Receipt, Reception};
use crate::token::Signer;
use serde_json::{Value, json};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

const EX_NOINPUT: u8 = 66;
const EX_TEMPFAIL: u8 = 75;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The mail; standard input if absent
    file: Option<PathBuf>,
    /// Print the class and the action, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The address that it was sent to [default: what the mail server says in `ORIGINAL_RECIPIENT`
    /// or `RECIPIENT`]
    #[arg(long = "to", value_name = "ADDRESS")]
    to: Vec<String>,
}

pub(super) fn run(options: &Options, context: &CliContext) -> ExitCode {
    match take(options, context) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            out::note(format!("error: {error:#}"));
            ExitCode::from(code)
        }
    }
}

fn take(options: &Options, context: &CliContext) -> Result<(), (u8, anyhow::Error)> {
    let later = |error: super::Failure| match error {
        super::Failure::Failed(error) | super::Failure::Usage(error) => (EX_TEMPFAIL, error),
        super::Failure::Said => (EX_TEMPFAIL, anyhow::anyhow!("failed")),
    };
    let mail = read(options.file.as_ref())?;
    let (config, db) = context.open().map_err(later)?;
    let reception = Reception {
        settings: config.inbound.clone(),
        signer: Signer::new(&config.site.secret),
    };
    let envelope = Envelope {
        to: recipients(options),
        ..Envelope::default()
    };
    let taken =
        db.run_here(|store| reception.take_mail(store, &mail, &envelope, options.dry_run, now()));
    let receipt = taken.map_err(|error| (EX_TEMPFAIL, anyhow::Error::from(error)))?;
    if let Some(id) = receipt.asks {
        let composer = config
            .composer()
            .map_err(|error| (EX_TEMPFAIL, anyhow::Error::from(error)))?;
        let mut asked = Ok(false);
        db.run_here(|store| {
            asked = composer.ask_to_leave(store, id, now());
            Ok(())
        })
        .map_err(|error| (EX_TEMPFAIL, anyhow::Error::from(error)))?;
        asked.map_err(|error| {
            (
                EX_TEMPFAIL,
                anyhow::Error::from(error).context("the unsubscribe confirmation was not sent"),
            )
        })?;
    }
    let said = if context.json {
        out::json(&json_of(&receipt))
    } else {
        out::line(line_of(&receipt)).map_err(Into::into)
    };
    // The report is recorded, whether or not the output can be written.
    if let Err(error) = said
        && !out::is_closed_pipe(&error)
    {
        out::note(format!("cannot say what was done: {error:#}"));
    }
    Ok(())
}

fn read(file: Option<&PathBuf>) -> Result<Vec<u8>, (u8, anyhow::Error)> {
    let mut mail = Vec::new();
    let unread =
        |name: &str, error: io::Error| (EX_NOINPUT, anyhow::anyhow!("cannot read {name}: {error}"));
    if let Some(path) = file {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|error| unread(&name, error))?;
        file.take(MAIL_BYTES_MAX as u64)
            .read_to_end(&mut mail)
            .map_err(|error| unread(&name, error))?;
        return Ok(mail);
    }
    let mut input = io::stdin().lock();
    // An incomplete mail must not be classified.
    (&mut input)
        .take(MAIL_BYTES_MAX as u64)
        .read_to_end(&mut mail)
        .map_err(|error| {
            (
                EX_TEMPFAIL,
                anyhow::anyhow!("cannot read the mail: {error}"),
            )
        })?;
    // The rest is not needed, but a mail server that cannot write it all reports a failure.
    let _ = io::copy(&mut input, &mut io::sink());
    Ok(mail)
}

/// Names of the recipient's variable: Postfix' local and pipe, Exim's and Courier's.
fn recipients(options: &Options) -> Vec<String> {
    if !options.to.is_empty() {
        return options.to.clone();
    }
    let names = [
        "ORIGINAL_RECIPIENT",
        "RECIPIENT",
        "LOCAL_PART_DOMAIN",
        "EXTENDED_RECIPIENT",
    ];
    names
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .filter(|value| value.contains('@'))
        .collect()
}

fn json_of(receipt: &Receipt) -> Value {
    let first = &receipt.verdicts[0];
    let others: Vec<&String> = receipt.verdicts[1..]
        .iter()
        .filter_map(|verdict| verdict.recipient.as_ref())
        .collect();
    json!({
        "class": first.class.word(),
        "recipient": first.recipient,
        "others": others,
        "status": first.status.map(|status| status.to_string()),
        "reason": first.reason.map(crate::refusal::Reason::word),
        "action": receipt.decision.action.word(),
        "why": if receipt.is_repeated { "it was taken in before" } else { receipt.decision.why },
        "diagnostic": first.diagnostic,
    })
}

fn line_of(receipt: &Receipt) -> String {
    let first = &receipt.verdicts[0];
    let mut words = vec![first.class.word().to_owned()];
    words.extend(first.recipient.clone());
    words.extend(first.status.map(|status| status.to_string()));
    words.extend(first.reason.map(|reason| reason.word().to_owned()));
    if receipt.verdicts.len() > 1 {
        words.push(format!(
            "and {} more recipients",
            receipt.verdicts.len() - 1
        ));
    }
    let why = if receipt.is_repeated {
        "it was taken in before"
    } else {
        receipt.decision.why
    };
    format!(
        "{}: {} ({why})",
        words.join(" "),
        receipt.decision.action.word()
    )
}
