//! `subscribers`: look after who gets issues.

mod csv;
mod import;

use super::context::{CliContext, address, date, now, subscriber};
use super::{Done, Failure, out};
use crate::fields::{Fields, in_one_line};
use crate::store::{Db, Entered, ReportsOf};
use crate::subscriber::{Address, Subscriber, SubscriberId, read_subscriber};
use crate::token::Signer;
use anyhow::anyhow;
use chrono::NaiveDate;
use serde_json::{Map, Value};
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a subscriber; with an address alone they get the trending papers
    Add {
        email: String,
        #[command(flatten)]
        choices: PreferenceArgs,
        /// Add also somebody who asked to be erased
        #[arg(long)]
        anyway: bool,
    },
    /// List all subscribers
    List,
    /// Show everything about one
    Show { email: String },
    /// Change what one chose
    Set {
        email: String,
        #[command(flatten)]
        choices: PreferenceArgs,
    },
    /// Send one no more issues until `resume`, or before a date
    Pause {
        email: String,
        /// Come back by itself on this date
        #[arg(long, value_name = "DATE", value_parser = date)]
        until: Option<NaiveDate>,
    },
    /// Send one issues again; what was due meanwhile is not made up for
    Resume { email: String },
    /// Remove one for good; the record of what they were sent stays in the outbox
    Remove { email: String },
    /// Erase all that is stored of one, also from the outbox; `add` and `import` refuse them from then on
    Erase { email: String },
    /// Add or change many, from JSON lines or from CSV with an `email` column
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Take also people who asked to be erased
        #[arg(long)]
        anyway: bool,
        /// Read and check everything, and store nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print all as JSON lines that `import` reads
    Export,
}

/// What a subscriber can choose. Texts: they are checked like those of a file.
#[derive(Debug, clap::Args)]
pub(super) struct PreferenceArgs {
    /// What to call them
    #[arg(long)]
    name: Option<String>,
    /// Where they live, like Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// The hour there at which issues come, like 07:00
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// The days on which they come, like mon,tue,wed
    #[arg(long)]
    days: Option<String>,
    /// daily or weekly
    #[arg(long)]
    frequency: Option<String>,
    /// The day of weekly issues
    #[arg(long, value_name = "DAY")]
    weekday: Option<String>,
    /// Most papers in an issue
    #[arg(long, value_name = "N")]
    max_papers: Option<String>,
    /// full, short or none
    #[arg(long, value_name = "LENGTH")]
    abstracts: Option<String>,
    /// The line: papers that score below it are not sent, 0 to 1
    #[arg(long, value_name = "SCORE")]
    min_score: Option<String>,
    /// skip or note: what to do when nothing is above the line
    #[arg(long, value_name = "WHAT")]
    when_empty: Option<String>,
    /// html (with a text part) or text
    #[arg(long)]
    format: Option<String>,
    /// Language of the issue's own words
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// true or false: tell of new versions and withdrawals of papers they had or like
    #[arg(long, value_name = "WHETHER")]
    replacements: Option<String>,
    /// true or false: tell where papers they had or like were published
    #[arg(long, value_name = "WHETHER")]
    publications: Option<String>,
    /// No issue before this date; `none` to end a pause
    #[arg(long, value_name = "DATE")]
    pause_until: Option<String>,
}

impl PreferenceArgs {
    fn into_table(self) -> Map<String, Value> {
        let texts = [
            ("name", self.name),
            ("timezone", self.timezone),
            ("send_at", self.send_at),
            ("days", self.days),
            ("frequency", self.frequency),
            ("weekday", self.weekday),
            ("max_papers", self.max_papers),
            ("abstracts", self.abstracts),
            ("min_score", self.min_score),
            ("when_empty", self.when_empty),
            ("format", self.format),
            ("language", self.language),
            ("pause_until", self.pause_until),
            ("replacements", self.replacements),
            ("publications", self.publications),
        ];
        texts
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), Value::String(text?))))
            .collect()
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

/// Keeps out who asked to be erased.
struct ErasureCheck {
    signer: Signer,
    anyway: bool,
}

impl ErasureCheck {
    /// Why somebody with this address may not be entered, if so.
    fn refuses(&self, db: &Db, address: &Address) -> Result<Option<&'static str>, Failure> {
        let hashes = self.signer.address_hashes(address.as_str());
        let is_erased = !self.anyway && db.run_here(|store| store.was_erased(&hashes))?;
        Ok(is_erased.then_some("they asked to be erased; --anyway takes them all the same"))
    }
}

/// Calls `act` for every subscriber, without holding all of them in memory.
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
    let mut table = choices.into_table();
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
    let mut table = choices.into_table();
    if table.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "nothing to change: name at least one choice, like --send-at 07:00"
        )));
    }
    let ends_pause = table.get("pause_until").and_then(Value::as_str) == Some("none");
    if ends_pause {
        table.remove("pause_until");
    }
    let mut fields = Fields::new(table);
    let read = read_subscriber(&mut fields, Some(&subscriber.details));
    subscriber.details = checked(fields, read)?;
    if ends_pause {
        subscriber.details.preferences.pause_until = None;
    }
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

/// A value, unless something was wrong with what it was read from.
pub(super) fn checked<T>(fields: Fields, value: Option<T>) -> Result<T, Failure> {
    let problems = fields.into_all_problems();
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Failure::Usage(anyhow!("{}", in_one_line(&problems)))),
    }
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

/// Reports on their mail that are shown.
const REPORTS_SHOWN: u32 = 20;

fn show(db: &Db, subscriber: &Subscriber, json: bool) -> Done {
    let mut record = subscriber.to_record();
    let of_them = ReportsOf::Address(subscriber.address.clone());
    let reports = db.run_here(|store| store.reports(&of_them, REPORTS_SHOWN))?;
    if json {
        record["reports"] = serde_json::json!(reports);
        return Ok(out::json(&record)?);
    }
    for key in crate::subscriber::RECORD_KEYS {
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
