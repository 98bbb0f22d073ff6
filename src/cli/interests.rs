//! `interests`: look after what a subscriber follows.

use super::open::{Place, now, subscriber};
use super::subscribers::checked;
use super::{Done, Failure, out};
use crate::fields::Fields;
use crate::profile::Expression;
use crate::subscriber::{Interest, Subscriber, read_interest};
use anyhow::anyhow;
use serde_json::{Map, Value};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add an interest
    Add {
        email: String,
        /// Its name; heads a section of the issue
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        content: Content,
    },
    /// List a subscriber's interests
    List { email: String },
    /// Change an interest; each list that is given replaces the one before
    Set {
        email: String,
        /// Which
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        content: Content,
    },
    /// Remove an interest
    Remove { email: String, name: String },
}

/// What an interest is made of.
#[derive(Debug, clap::Args)]
pub(super) struct Content {
    /// What it is about, in plain words
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A word or phrase; papers that hold it are always above the line (may be
    /// repeated). Also: molecul*, '"graph neural" AND molecul*', 'dft OR "density functional"'
    #[arg(long = "keyword", value_name = "PHRASE")]
    keywords: Vec<String>,
    /// The same for papers that are never picked; author:NAME and category:CODE
    /// mute a person or a category (may be repeated)
    #[arg(long, value_name = "PHRASE")]
    must_not: Vec<String>,
    /// A person whose papers are always above the line (may be repeated)
    #[arg(long = "author", value_name = "NAME")]
    authors: Vec<String>,
    /// Where papers must come from, like cs.LG or cs.* (may be repeated)
    #[arg(long = "category", value_name = "CODE")]
    categories: Vec<String>,
    /// A paper to find more of (may be repeated)
    #[arg(long = "like", value_name = "ID")]
    liked: Vec<String>,
    /// A paper to find less of (may be repeated)
    #[arg(long = "dislike", value_name = "ID")]
    disliked: Vec<String>,
}

impl Content {
    fn into_table(self, name: Option<String>) -> Map<String, Value> {
        let texts = [("name", name), ("description", self.description)];
        let lists = [
            ("keywords", self.keywords),
            ("must_not", self.must_not),
            ("authors", self.authors),
            ("categories", self.categories),
            ("liked", self.liked),
            ("disliked", self.disliked),
        ];
        let texts = texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), Value::String(text?))));
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        texts.chain(lists.map(|(key, list)| (key.to_owned(), list.into()))).collect()
    }
}

pub(super) fn run(command: Command, place: &Place) -> Done {
    let (_, db) = place.open()?;
    let save = |subscriber: &Subscriber, what: String| -> Done {
        db.run_here(|store| store.save_subscriber(subscriber, now()))?;
        Ok(out::line(what)?)
    };
    match command {
        Command::Add { email, name, content } => {
            let mut subscriber = subscriber(&db, &email)?;
            let table = content.into_table(name);
            if table.is_empty() {
                return Err(Failure::Usage(anyhow!(
                    "an interest needs something to go by, like --description or --like"
                )));
            }
            let mut fields = Fields::new(table);
            let interest = read_interest(&mut fields, None);
            let interest = checked(fields, Some(interest))?;
            complain(&interest);
            let name = interest.name.clone();
            if position(&subscriber, &name).is_some() {
                return Err(Failure::Failed(anyhow!(
                    "there is an interest called {name:?} already; `interests set` changes it"
                )));
            }
            subscriber.details.interests.push(interest);
            save(&subscriber, format!("added {name:?} to {}", subscriber.address))
        }
        Command::List { email } => {
            let subscriber = subscriber(&db, &email)?;
            if place.json {
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
        Command::Set { email, name, rename, content } => {
            let mut subscriber = subscriber(&db, &email)?;
            let at = known(&subscriber, &name)?;
            let table = content.into_table(rename);
            if table.is_empty() {
                return Err(Failure::Usage(anyhow!("nothing to change: name at least one thing, like --keyword")));
            }
            let mut fields = Fields::new(table);
            let interest = read_interest(&mut fields, Some(&subscriber.interests[at]));
            let interest = checked(fields, Some(interest))?;
            complain(&interest);
            if position(&subscriber, &interest.name).is_some_and(|other| other != at) {
                return Err(Failure::Failed(anyhow!("there is an interest called {:?} already", interest.name)));
            }
            subscriber.details.interests[at] = interest;
            save(&subscriber, format!("changed {name:?} of {}", subscriber.address))
        }
        Command::Remove { email, name } => {
            let mut subscriber = subscriber(&db, &email)?;
            let at = known(&subscriber, &name)?;
            subscriber.details.interests.remove(at);
            save(&subscriber, format!("removed {name:?} from {}", subscriber.address))
        }
    }
}

/// Says which keywords are not understood as they are written. They are kept: they are read as phrases.
fn complain(interest: &Interest) {
    for complaint in complaints(interest) {
        out::note(complaint);
    }
}

/// What is wrong with the keywords of an interest.
pub(super) fn complaints(interest: &Interest) -> Vec<String> {
    let lists = [("keywords", &interest.keywords), ("must_not", &interest.must_not)];
    let entries = lists.into_iter().flat_map(|(list, entries)| entries.iter().map(move |written| (list, written)));
    entries
        .filter_map(|(list, written)| {
            let complaint = Expression::complaint_about(written)?;
            let read = if Expression::read(written).is_some() { "; it is read as a phrase" } else { "" };
            Some(format!("{:?}, {list}: {written:?}: {complaint}{read}", interest.name))
        })
        .collect()
}

fn position(subscriber: &Subscriber, name: &str) -> Option<usize> {
    subscriber.interests.iter().position(|interest| interest.name.eq_ignore_ascii_case(name))
}

fn known(subscriber: &Subscriber, name: &str) -> Result<usize, Failure> {
    position(subscriber, name).ok_or_else(|| {
        let names: Vec<&str> = subscriber.interests.iter().map(|interest| interest.name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Failure::Failed(anyhow!("{} has no interest called {name:?}; they have: {names}", subscriber.address))
    })
}

/// Prints one interest.
pub(super) fn print(interest: &Interest) -> std::io::Result<()> {
    out::line(&interest.name)?;
    if !interest.description.is_empty() {
        out::line(format!("  {}", interest.description))?;
    }
    let ids = |ids: &[crate::paper::PaperId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
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
