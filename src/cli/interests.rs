//! `interests`: manage a subscriber's interests.

use super::context::{CliContext, checked, now, subscriber};
use super::{Done, Failure, out};
use crate::edition::{LibraryImport, YOUR_LIBRARY, import_library};
use crate::fields::Fields;
use crate::paper::query::SearchQuery;
use crate::paper::{PaperId, category_matches};
use crate::profile::Expression;
use crate::profile::library::read_library;
use crate::store::{Db, StoredPaper};
use crate::subscriber::{Interest, InterestWeight, Subscriber, read_interest};
use anyhow::{Context, anyhow};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add an interest
    Add {
        email: String,
        /// Name; heads a section of the issue
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        content: InterestArgs,
    },
    /// List a subscriber's interests
    List { email: String },
    /// Change an interest; each list that is given replaces the one before
    Set {
        email: String,
        /// Name of the interest
        name: String,
        /// New name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        content: InterestArgs,
    },
    /// Learn from a library: BibTeX, RIS, CSL-JSON, Zotero JSON, or a list of ids
    Import {
        email: String,
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Interest that learns from it; created if it does not exist
        #[arg(long, value_name = "NAME", default_value = YOUR_LIBRARY)]
        interest: String,
    },
    /// Remove an interest
    Remove { email: String, name: String },
}

/// The options of an interest.
#[derive(Debug, clap::Args)]
pub(super) struct InterestArgs {
    /// Description in plain words
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Share of the issue, relative to the other interests: one of 2 gets twice the
    /// places of one of 1, the default; 0.1 to 10
    #[arg(long, value_name = "NUMBER")]
    weight: Option<String>,
    /// Word or phrase; papers that contain it are always above the line (may be
    /// repeated). Also: molecul*, '"graph neural" AND molecul*', 'dft OR "density functional"'
    #[arg(long = "keyword", value_name = "PHRASE")]
    keywords: Vec<String>,
    /// The same for papers that are never picked; author:NAME and category:CODE
    /// mute a person or a category (may be repeated)
    #[arg(long, value_name = "PHRASE")]
    must_not: Vec<String>,
    /// Author whose papers are always above the line (may be repeated)
    #[arg(long = "author", value_name = "NAME")]
    authors: Vec<String>,
    /// Category that papers must be in, like cs.LG or cs.* (may be repeated)
    #[arg(long = "category", value_name = "CODE")]
    categories: Vec<String>,
    /// Liked paper (may be repeated)
    #[arg(long = "like", value_name = "ID")]
    liked: Vec<String>,
    /// Disliked paper (may be repeated)
    #[arg(long = "dislike", value_name = "ID")]
    disliked: Vec<String>,
}

impl InterestArgs {
    fn into_table(self, name: Option<String>) -> Map<String, Value> {
        let texts = [
            ("name", name),
            ("description", self.description),
            ("weight", self.weight),
        ];
        let lists = [
            ("keywords", self.keywords),
            ("must_not", self.must_not),
            ("authors", self.authors),
            ("categories", self.categories),
            ("liked", self.liked),
            ("disliked", self.disliked),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), Value::String(text?))));
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        texts
            .chain(lists.map(|(key, list)| (key.to_owned(), list.into())))
            .collect()
    }
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    let save = |subscriber: &Subscriber, what: String| -> Done {
        db.run_here(|store| store.save_subscriber(subscriber, now()))?;
        Ok(out::line(what)?)
    };
    match command {
        Command::Add {
            email,
            name,
            content,
        } => {
            let mut subscriber = subscriber(&db, &email)?;
            let table = content.into_table(name);
            if table.is_empty() {
                return Err(Failure::Usage(anyhow!(
                    "an interest needs content, like --description or --like"
                )));
            }
            let mut fields = Fields::new(table);
            let interest = read_interest(&mut fields, None);
            let interest = checked(fields, Some(interest))?;
            complain(&interest);
            complain_of_unknown(&db, &interest)?;
            let name = interest.name.clone();
            if subscriber.interest_called(&name).is_some() {
                return Err(Failure::Failed(anyhow!(
                    "there is an interest called {name:?} already; `interests set` changes it"
                )));
            }
            subscriber.details.interests.push(interest);
            save(
                &subscriber,
                format!("added {name:?} to {}", subscriber.address),
            )
        }
        Command::List { email } => {
            let subscriber = subscriber(&db, &email)?;
            if context.json {
                return Ok(out::json(&subscriber.interests)?);
            }
            for (at, interest) in subscriber.interests.iter().enumerate() {
                if at > 0 {
                    out::line("")?;
                }
                print(interest)?;
            }
            Ok(())
        }
        Command::Set {
            email,
            name,
            rename,
            content,
        } => {
            let mut subscriber = subscriber(&db, &email)?;
            let at = known(&subscriber, &name)?;
            let table = content.into_table(rename);
            if table.is_empty() {
                return Err(Failure::Usage(anyhow!(
                    "nothing to change: name at least one thing, like --keyword"
                )));
            }
            let mut fields = Fields::new(table);
            let interest = read_interest(&mut fields, Some(&subscriber.interests[at]));
            let interest = checked(fields, Some(interest))?;
            complain(&interest);
            complain_of_unknown(&db, &interest)?;
            if subscriber
                .interest_called(&interest.name)
                .is_some_and(|other| other != at)
            {
                return Err(Failure::Failed(anyhow!(
                    "there is an interest called {:?} already",
                    interest.name
                )));
            }
            let renamed = (subscriber.interests[at].name.clone(), interest.name.clone());
            subscriber.details.interests[at] = interest;
            if renamed.0 != renamed.1 {
                db.run_here(|store| store.rename_interest(subscriber.id, &renamed.0, &renamed.1))?;
            }
            save(
                &subscriber,
                format!("changed {name:?} of {}", subscriber.address),
            )
        }
        Command::Import {
            email,
            files,
            interest,
        } => {
            let mut subscriber = subscriber(&db, &email)?;
            import(&db, &mut subscriber, &files, &interest, context)
        }
        Command::Remove { email, name } => {
            let mut subscriber = subscriber(&db, &email)?;
            let at = known(&subscriber, &name)?;
            let removed = subscriber.details.interests.remove(at);
            db.run_here(|store| store.forget_library(subscriber.id, &removed.name))?;
            save(
                &subscriber,
                format!("removed {name:?} from {}", subscriber.address),
            )
        }
    }
}

/// Most skipped entries that are shown; the rest is counted.
const SHOWN_MAX: usize = 20;

fn import(
    db: &Db,
    subscriber: &mut Subscriber,
    files: &[PathBuf],
    interest: &str,
    context: &CliContext,
) -> Done {
    let interest = crate::text::clean_line(interest);
    if interest.is_empty() || interest.chars().count() > 200 {
        return Err(Failure::Usage(anyhow!(
            "--interest must have 1 to 200 characters"
        )));
    }
    // All files are read before anything is stored: an import is complete or not done.
    let mut libraries = Vec::new();
    for file in files {
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let library =
            read_library(&bytes).with_context(|| format!("cannot import {}", file.display()))?;
        libraries.push((file, library));
    }
    let (mut read, mut all, mut skipped) = (0, LibraryImport::default(), Vec::new());
    for (file, library) in &libraries {
        let taken = import_library(db, subscriber, &interest, library, now())?;
        read += library.read;
        all.known += taken.known;
        all.learned += taken.learned;
        all.new += taken.new;
        let file = file.display().to_string();
        let aside = library
            .skipped
            .iter()
            .map(|aside| (aside.line, aside.reason.clone()));
        let unknown = taken
            .unknown
            .iter()
            .map(|id| (0, format!("{id} is not known here, and there is no text")));
        skipped.extend(
            aside
                .chain(unknown)
                .map(|(line, reason)| (file.clone(), line, reason)),
        );
    }
    if context.json {
        let skipped: Vec<Value> = skipped
            .iter()
            .map(|(file, line, reason)| serde_json::json!({ "file": file, "line": line, "reason": reason }))
            .collect();
        return Ok(out::json(&serde_json::json!({
            "read": read,
            "known": all.known,
            "learned": all.learned,
            "new": all.new,
            "skipped": skipped,
        }))?);
    }
    out::line(format!(
        "{read} entries read into {interest:?}: {} known here, {} learned from by their text, {} skipped; {} were new",
        all.known,
        all.learned,
        skipped.len(),
        all.new
    ))?;
    for (file, line, reason) in skipped.iter().take(SHOWN_MAX) {
        let line = if *line == 0 {
            String::new()
        } else {
            format!(":{line}")
        };
        out::note(format!("{file}{line}: {reason}"));
    }
    if skipped.len() > SHOWN_MAX {
        out::note(format!(
            "and {} more; --json lists them all",
            skipped.len() - SHOWN_MAX
        ));
    }
    Ok(())
}

/// Reports keywords with invalid syntax. They are kept, and read as phrases.
fn complain(interest: &Interest) {
    for complaint in complaints(interest) {
        out::note(complaint);
    }
}

/// Reports the papers and categories of an interest that are not known here. They are kept:
/// they may come later.
fn complain_of_unknown(db: &Db, interest: &Interest) -> Done {
    let ids: Vec<PaperId> = interest
        .liked
        .iter()
        .chain(&interest.disliked)
        .cloned()
        .collect();
    let found = db.run_here(|store| store.papers_by_id(&ids))?;
    let known: HashSet<&PaperId> = found.iter().map(|(name, _)| name).collect();
    for id in ids.iter().filter(|id| !known.contains(id)) {
        out::note(format!(
            "{:?}: there is no paper {id} here yet; it is learned from when it comes",
            interest.name
        ));
    }
    for pattern in &interest.categories {
        let query = SearchQuery {
            categories: vec![pattern.clone()],
            ..SearchQuery::default()
        };
        let found = db.run_here(|store| {
            let hits = store.find_papers(&query, 0, 1)?;
            store.papers_in_rows(&hits.iter().map(|hit| hit.paper).collect::<Vec<_>>())
        })?;
        let is_in = |stored: &StoredPaper| {
            stored
                .paper
                .categories
                .iter()
                .any(|own| category_matches(pattern, own))
        };
        if !found.iter().any(is_in) {
            // A search reads the name of an archive as all of its categories; an interest does not.
            let meant = if found.is_empty() {
                String::new()
            } else {
                format!("; all of it is {pattern}.*")
            };
            out::note(format!(
                "{:?}: no paper here is in the category {pattern}{meant}",
                interest.name
            ));
        }
    }
    Ok(())
}

/// Returns the problems of an interest's keywords.
pub(super) fn complaints(interest: &Interest) -> Vec<String> {
    let lists = [
        ("keywords", &interest.keywords),
        ("must_not", &interest.must_not),
    ];
    let entries = lists
        .into_iter()
        .flat_map(|(list, entries)| entries.iter().map(move |written| (list, written)));
    entries
        .filter_map(|(list, written)| {
            let complaint = Expression::warning_for(written)?;
            let read = if Expression::read(written).is_some() {
                "; it is read as a phrase"
            } else {
                ""
            };
            Some(format!(
                "{:?}, {list}: {written:?}: {complaint}{read}",
                interest.name
            ))
        })
        .collect()
}

fn known(subscriber: &Subscriber, name: &str) -> Result<usize, Failure> {
    subscriber.interest_called(name).ok_or_else(|| {
        let names: Vec<&str> = subscriber
            .interests
            .iter()
            .map(|interest| interest.name.as_str())
            .collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        Failure::Failed(anyhow!(
            "{} has no interest called {name:?}; they have: {names}",
            subscriber.address
        ))
    })
}

/// Prints one interest.
pub(super) fn print(interest: &Interest) -> std::io::Result<()> {
    out::line(&interest.name)?;
    if !interest.description.is_empty() {
        out::line(format!("  {}", interest.description))?;
    }
    if interest.weight != InterestWeight::USUAL {
        out::line(format!("  {:<11} {}", "weight", interest.weight))?;
    }
    let ids = |ids: &[PaperId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let lists = [
        ("keywords", interest.keywords.clone()),
        ("must not", interest.must_not.clone()),
        ("authors", interest.authors.clone()),
        ("categories", interest.categories.clone()),
        ("liked", ids(&interest.liked)),
        ("disliked", ids(&interest.disliked)),
    ];
    for (what, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        out::line(format!("  {what:<11} {}", list.join(", ")))?;
    }
    Ok(())
}
