//! `subscribers`: manage subscribers.

mod csv;
mod import;

use super::context::{CliContext, address, checked, date, now, subscriber};
use super::{Done, Failure, out};
use crate::fields::Fields;
use crate::store::{Db, Entered, ReportsOf};
use crate::subscriber::{
    Address, PREFERENCES, PreferenceKind, Subscriber, SubscriberId, read_subscriber, record_keys,
};
use crate::token::Signer;
use anyhow::anyhow;
use chrono::NaiveDate;
use serde_json::{Map, Value};
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a subscriber; without interests they get the trending papers
    Add {
        email: String,
        #[command(flatten)]
        choices: PreferenceArgs,
        /// Add the address even if it was erased on request
        #[arg(long)]
        anyway: bool,
    },
    /// List all subscribers
    List,
    /// Show a subscriber
    Show { email: String },
    /// Change a subscriber
    Set {
        email: String,
        #[command(flatten)]
        choices: PreferenceArgs,
    },
    /// Pause a subscription until `resume`, or until a date
    Pause {
        email: String,
        /// Resume automatically on this date
        #[arg(long, value_name = "DATE", value_parser = date)]
        until: Option<NaiveDate>,
    },
    /// Resume a subscription; issues that were due meanwhile are not made up for
    Resume { email: String },
    /// Remove a subscriber for good; the record of sent mails stays in the outbox
    Remove { email: String },
    /// Erase all data of a subscriber, also in the outbox; `add` and `import` then refuse them
    Erase { email: String },
    /// Add or change many, from JSON lines or from CSV with an `email` column
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Take also addresses that were erased on request
        #[arg(long)]
        anyway: bool,
        /// Read and check everything, and store nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Export all as JSON lines that `import` reads
    Export,
}

/// Name and preferences of a subscriber, an option each; they are checked like those of a file.
#[derive(Debug)]
pub(super) struct PreferenceArgs(Map<String, Value>);

impl clap::Args for PreferenceArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let name = clap::Arg::new("name")
            .long("name")
            .value_name("NAME")
            .help("The subscriber's name");
        command.arg(name).args(PREFERENCES.iter().map(|preference| {
            let summary = preference.summary.trim_end_matches('.');
            let (value_name, values) = match preference.kind {
                PreferenceKind::Zone => ("ZONE", "like Europe/Berlin".to_owned()),
                PreferenceKind::Time => ("TIME", "like 07:00".to_owned()),
                PreferenceKind::Date => ("DATE", "`none` to end a pause".to_owned()),
                PreferenceKind::Days => ("DAYS", "like mon,tue,wed".to_owned()),
                PreferenceKind::Day => ("DAY", "like mon".to_owned()),
                PreferenceKind::Language => ("CODE", "like en".to_owned()),
                PreferenceKind::Number(least, most) => ("N", format!("{least} to {most}")),
                PreferenceKind::Fraction => ("SCORE", "0 to 1".to_owned()),
                PreferenceKind::Flag => ("WHETHER", "true or false".to_owned()),
                PreferenceKind::Choice {
                    value_name, words, ..
                } => (value_name, one_of(words)),
            };
            clap::Arg::new(preference.key)
                .long(preference.key.replace('_', "-"))
                .value_name(value_name)
                .help(format!("{summary} ({values})"))
        }))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// Returns the words of a choice: `full, short or none`.
fn one_of(words: &[&str]) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        words => words.concat(),
    }
}

impl clap::FromArgMatches for PreferenceArgs {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let keys = PREFERENCES.iter().map(|preference| preference.key);
        let given = keys.chain(["name"]).filter_map(|key| {
            let text = matches.get_one::<String>(key)?;
            Some((key.to_owned(), Value::String(text.clone())))
        });
        Ok(PreferenceArgs(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let erased = |anyway: bool| ErasureCheck {
        signer: config.site.signer(),
        anyway,
    };
    match command {
        Command::Add {
            email,
            choices,
            anyway,
        } => add(&db, &email, choices, &erased(anyway)),
        Command::List => list(&db, context.json),
        Command::Show { email } => show(&db, &subscriber(&db, &email)?, context.json),
        Command::Set { email, choices } => set(&db, &email, choices),
        Command::Pause { email, until } => pause(&db, subscriber(&db, &email)?, until),
        Command::Resume { email } => resume(&db, subscriber(&db, &email)?),
        Command::Remove { email } => {
            let subscriber = subscriber(&db, &email)?;
            db.run_here(|store| store.remove_subscriber(subscriber.id, now()))?;
            Ok(out::line(format!("removed {}", subscriber.address))?)
        }
        Command::Erase { email } => {
            let subscriber = subscriber(&db, &email)?;
            let hash = config
                .site
                .signer()
                .address_hash(subscriber.address.as_str());
            db.run_here(|store| store.erase_subscriber(subscriber.id, &hash, now()))?;
            Ok(out::line(format!(
                "erased all that was stored of {}",
                subscriber.address
            ))?)
        }
        Command::Import {
            files,
            anyway,
            dry_run,
        } => import::run(&db, &files, &erased(anyway), dry_run, context.json),
        Command::Export => each(&db, |subscriber| {
            Ok(out::line(subscriber.to_record().to_string())?)
        }),
    }
}

/// Refuses addresses that were erased on request.
struct ErasureCheck {
    signer: Signer,
    anyway: bool,
}

impl ErasureCheck {
    /// Returns the reason for which this address may not be added, if there is one.
    fn refuses(&self, db: &Db, address: &Address) -> Result<Option<&'static str>, Failure> {
        let hashes = self.signer.address_hashes(address.as_str());
        let is_erased = !self.anyway && db.run_here(|store| store.was_erased(&hashes))?;
        Ok(is_erased.then_some("they asked to be erased; --anyway takes them all the same"))
    }
}

/// Calls `act` for every subscriber, one page in memory at a time.
pub(super) fn each(db: &Db, mut act: impl FnMut(&Subscriber) -> Done) -> Done {
    let mut after = SubscriberId(0);
    loop {
        let page = db.run_here(|store| store.subscribers_after(after, 500))?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.id;
        page.iter().try_for_each(&mut act)?;
    }
}

fn add(db: &Db, email: &str, choices: PreferenceArgs, erased: &ErasureCheck) -> Done {
    let address = address(email)?;
    if db.run_here(|store| store.subscriber(&address))?.is_some() {
        return Err(Failure::Failed(anyhow!(
            "{address} is a subscriber already; `paperboy subscribers set` changes one"
        )));
    }
    if let Some(why) = erased.refuses(db, &address)? {
        return Err(Failure::Failed(anyhow!("{address} is not added: {why}")));
    }
    let mut table = choices.0;
    table.insert("email".to_owned(), Value::String(address.to_string()));
    let mut fields = Fields::new(table);
    let read = read_subscriber(&mut fields, None);
    let new = checked(fields, read)?;
    let entered =
        db.run_here(|store| store.enter_subscribers(std::slice::from_ref(&new), now()))?;
    match entered.first() {
        Some(Entered::Left(status)) => Err(Failure::Failed(anyhow!("{}", status.why_no_issues()))),
        _ => Ok(out::line(format!("added {address}"))?),
    }
}

fn set(db: &Db, email: &str, choices: PreferenceArgs) -> Done {
    let mut subscriber = subscriber(db, email)?;
    let table = choices.0;
    if table.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "nothing to change: name at least one choice, like --send-at 07:00"
        )));
    }
    let mut fields = Fields::new(table);
    let read = read_subscriber(&mut fields, Some(&subscriber.details));
    subscriber.details = checked(fields, read)?;
    db.run_here(|store| store.save_subscriber(&subscriber, now()))?;
    Ok(out::line(format!("changed {}", subscriber.address))?)
}

fn pause(db: &Db, mut subscriber: Subscriber, until: Option<NaiveDate>) -> Done {
    let address = subscriber.address.clone();
    subscriber
        .details
        .pause(until)
        .map_err(|why| anyhow!("{address} gets no issues: {why}"))?;
    let said = match until {
        Some(until) => format!("{address} gets no issue before {until}"),
        None => format!("{address} gets no issue until `paperboy subscribers resume {address}`"),
    };
    db.run_here(|store| store.save_subscriber(&subscriber, now()))?;
    Ok(out::line(said)?)
}

fn resume(db: &Db, mut subscriber: Subscriber) -> Done {
    let address = subscriber.address.clone();
    subscriber
        .details
        .resume()
        .map_err(|why| anyhow!("{address} cannot be resumed: {why}"))?;
    db.run_here(|store| store.save_subscriber(&subscriber, now()))?;
    Ok(out::line(format!("{address} gets issues again"))?)
}

fn list(db: &Db, json: bool) -> Done {
    let mut records = Vec::new();
    let mut rows: Vec<[String; 5]> = Vec::new();
    each(db, |subscriber| {
        let record = subscriber.to_record();
        if json {
            records.push(record);
        } else {
            let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
            let names: Vec<&str> = subscriber
                .interests
                .iter()
                .map(|interest| interest.name.as_str())
                .collect();
            rows.push([
                text("email"),
                text("status"),
                format!("{} {}", text("send_at"), text("timezone")),
                text("frequency"),
                if names.is_empty() {
                    "(trending)".to_owned()
                } else {
                    crate::text::cut(&names.join(", "), 60)
                },
            ]);
        }
        Ok(())
    })?;
    if json {
        return Ok(out::json(&records)?);
    }
    Ok(out::table(
        ["ADDRESS", "STATUS", "AT", "HOW OFTEN", "INTERESTS"],
        &rows,
    )?)
}

/// Most reports that are shown.
const REPORTS_SHOWN: u32 = 20;

fn show(db: &Db, subscriber: &Subscriber, json: bool) -> Done {
    let mut record = subscriber.to_record();
    let of_them = ReportsOf::Address(subscriber.address.clone());
    let reports = db.run_here(|store| store.reports(&of_them, REPORTS_SHOWN))?;
    if json {
        record["reports"] = serde_json::json!(reports);
        return Ok(out::json(&record)?);
    }
    for key in record_keys() {
        let value = &record[key];
        if key != "interests" && !value.is_null() {
            out::line(format!(
                "{key:<12} {}",
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            ))?;
        }
    }
    for interest in &subscriber.interests {
        out::line("")?;
        super::interests::print(interest)?;
    }
    if !reports.is_empty() {
        out::line("")?;
    }
    for report in reports.iter().rev() {
        let at = report.at.format("%Y-%m-%d %H:%M:%S");
        out::line(format!(
            "{at}  came back by {}: {}",
            report.source,
            super::outbox::in_words(report)
        ))?;
    }
    Ok(())
}
