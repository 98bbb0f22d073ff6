//! `feedback`: readers' feedback on papers.

use super::context::{CliContext, date, now, subscriber};
use super::{Done, Failure, out};
use crate::edition::{PickOutcome, YOUR_PICKS, follow_author, pick_outcomes};
use crate::paper::{Paper, PaperId};
use crate::pick::Thumb;
use crate::store::{Channel, Db, Feedback, FeedbackChange, NewFeedback, StoredPaper};
use crate::subscriber::Subscriber;
use crate::text::{cut, same_person};
use anyhow::anyhow;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::json;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// Address of the subscriber
    #[arg(required = true)]
    email: Option<String>,
    /// Paper: its id, or a URL that contains it
    #[arg(required = true)]
    paper: Option<String>,
    /// Feedback; `none` takes it back
    #[arg(value_enum, required_unless_present_any = ["follow", "mute", "unmute"])]
    thumb: Option<Word>,
    /// Interest that it is about [default: the one that the paper came through, else the nearest]
    #[arg(long, value_name = "NAME")]
    interest: Option<String>,
    /// Follow this author of the paper
    #[arg(long, value_name = "AUTHOR")]
    follow: Option<String>,
    /// Mute this author: no papers by them
    #[arg(long, value_name = "AUTHOR")]
    mute: Option<String>,
    /// Unmute this author
    #[arg(long, value_name = "AUTHOR")]
    unmute: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List a subscriber's feedback, newest first
    List { email: String },
    /// List a subscriber's muted authors
    Muted { email: String },
    /// Count thumbs by place in the issue
    Ranks {
        /// Only issues composed since this date
        #[arg(long, value_name = "DATE", value_parser = date)]
        since: Option<NaiveDate>,
    },
    /// Compare exploring picks with the others: thumbs and clicks
    Outcomes {
        /// Only issues composed since this date
        #[arg(long, value_name = "DATE", value_parser = date)]
        since: Option<NaiveDate>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Word {
    /// More like this
    More,
    /// Less like this
    Less,
    /// Save for later; counts as a like
    Save,
    /// Take the feedback back
    None,
}

impl Word {
    fn thumb(self) -> Option<Thumb> {
        match self {
            Word::More => Some(Thumb::More),
            Word::Less => Some(Thumb::Less),
            Word::Save => Some(Thumb::Save),
            Word::None => None,
        }
    }
}

pub(super) fn run(options: Options, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    match options.command {
        Some(Command::List { email }) => return list(&db, &email, context),
        Some(Command::Muted { email }) => return muted(&db, &email, context),
        Some(Command::Ranks { since }) => return ranks(&db, since, context),
        Some(Command::Outcomes { since }) => return outcomes(&db, since, context),
        None => {}
    }
    let (email, paper) = (
        options.email.unwrap_or_default(),
        options.paper.unwrap_or_default(),
    );
    let mut subscriber = subscriber(&db, &email)?;
    let stored = known_paper(&db, &paper)?;
    let interest = options
        .interest
        .map(|name| known_interest(&subscriber, &name))
        .transpose()?;
    // Invalid input is reported before anything is changed.
    let author = |name: &Option<String>| {
        name.as_deref()
            .map(|name| author_of(&stored.paper, name))
            .transpose()
    };
    let (follow, mute, unmute) = (
        author(&options.follow)?,
        author(&options.mute)?,
        author(&options.unmute)?,
    );
    let mut said = Vec::new();
    match options.thumb.map(Word::thumb) {
        Some(Some(thumb)) => said.push(give(&db, &subscriber, &stored, thumb, interest.clone())?),
        Some(None) => {
            let before = db.run_here(|store| {
                store.take_back(subscriber.id, stored.row, Channel::Command, now())
            })?;
            said.push(match before {
                Some(thumb) => format!("took back {:?} on {}", thumb.word(), stored.paper.id),
                None => format!("nothing had been said of {}", stored.paper.id),
            });
        }
        None => {}
    }
    if let Some(name) = follow {
        db.run_here(|store| store.unmute_author(subscriber.id, &name))?;
        let heading = follow_author(&mut subscriber, interest.as_deref(), &name);
        said.push(match heading {
            Some(heading) => {
                db.run_here(|store| store.save_subscriber(&subscriber, now()))?;
                format!("{} follows {name} with {heading:?}", subscriber.address)
            }
            None => format!("{} follows {name} already", subscriber.address),
        });
    }
    if let Some(name) = mute {
        let is_new = db.run_here(|store| store.mute_author(subscriber.id, &name, now()))?;
        said.push(if is_new {
            format!("papers by {name} stay out")
        } else {
            format!("{name} was muted already")
        });
    }
    if let Some(name) = unmute {
        let was_muted = db.run_here(|store| store.unmute_author(subscriber.id, &name))?;
        said.push(if was_muted {
            format!("papers by {name} come again")
        } else {
            format!("{name} was not muted")
        });
    }
    if context.json {
        return Ok(out::json(&json!({ "done": said }))?);
    }
    said.iter().try_for_each(|line| Ok(out::line(line)?))
}

fn give(
    db: &Db,
    subscriber: &Subscriber,
    stored: &StoredPaper,
    thumb: Thumb,
    interest: Option<String>,
) -> Result<String, Failure> {
    let new = NewFeedback {
        subscriber: subscriber.id,
        paper: stored.row,
        thumb,
        interest,
        channel: Channel::Command,
    };
    let id = &stored.paper.id;
    Ok(
        match db.run_here(|store| store.give_feedback(&new, now()))? {
            FeedbackChange::Changed(None) => format!("noted {:?} on {id}", thumb.word()),
            FeedbackChange::Changed(Some(before)) => format!(
                "noted {:?} on {id}, which was {:?}",
                thumb.word(),
                before.word()
            ),
            FeedbackChange::Already => format!("{:?} on {id} was noted already", thumb.word()),
            FeedbackChange::Unknown => {
                return Err(Failure::Failed(anyhow!(
                    "the subscriber or the paper {id} no longer exists"
                )));
            }
        },
    )
}

/// Returns the paper that a text of the command line names.
pub(super) fn known_paper(db: &Db, text: &str) -> Result<StoredPaper, Failure> {
    let id: PaperId = text
        .parse()
        .map_err(|error| Failure::Usage(anyhow!("{text:?}: {error}")))?;
    let found = db.run_here(|store| match store.row_of(std::slice::from_ref(&id))? {
        Some(row) => store.papers_in_rows(&[row]),
        None => Ok(Vec::new()),
    })?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| Failure::Failed(anyhow!("there is no paper {id} here")))
}

fn known_interest(subscriber: &Subscriber, name: &str) -> Result<String, Failure> {
    let interests = &subscriber.interests;
    let found = interests
        .iter()
        .find(|interest| interest.name.eq_ignore_ascii_case(name));
    if let Some(interest) = found {
        return Ok(interest.name.clone());
    }
    if interests.is_empty() && name.eq_ignore_ascii_case(YOUR_PICKS) {
        return Ok(YOUR_PICKS.to_owned());
    }
    let names: Vec<&str> = interests
        .iter()
        .map(|interest| interest.name.as_str())
        .collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Err(Failure::Failed(anyhow!(
        "{} has no interest called {name:?}; they have: {names}",
        subscriber.address
    )))
}

/// Returns the author's name as the paper writes it.
fn author_of(paper: &Paper, name: &str) -> Result<String, Failure> {
    let found = paper
        .authors
        .iter()
        .find(|author| same_person(author, name));
    found.cloned().ok_or_else(|| {
        Failure::Failed(anyhow!(
            "{:?} is no author of {}, which is by {}",
            name,
            paper.id,
            paper.authors.join(", ")
        ))
    })
}

fn list(db: &Db, email: &str, context: &CliContext) -> Done {
    let id = subscriber(db, email)?.id;
    let said = db.run_here(|store| store.feedback_of(&[id]))?;
    if context.json {
        return Ok(out::json(&said.iter().map(as_json).collect::<Vec<_>>())?);
    }
    let rows: Vec<[String; 6]> = said
        .iter()
        .map(|said| {
            [
                said.at.format("%Y-%m-%d %H:%M").to_string(),
                said.thumb.word().to_owned(),
                said.id.to_string(),
                said.interest.clone().unwrap_or_default(),
                said.rank.map_or_else(String::new, |rank| rank.to_string()),
                cut(&said.title, 60),
            ]
        })
        .collect();
    Ok(out::table(
        ["WHEN (UTC)", "SAID", "PAPER", "INTEREST", "RANK", "TITLE"],
        &rows,
    )?)
}

fn as_json(said: &Feedback) -> serde_json::Value {
    json!({
        "id": said.id,
        "title": said.title,
        "thumb": said.thumb.word(),
        "interest": said.interest,
        "issue": said.local_date,
        "rank": said.rank,
        "channel": said.channel,
        "at": said.at,
    })
}

fn muted(db: &Db, email: &str, context: &CliContext) -> Done {
    let id = subscriber(db, email)?.id;
    let muted = db.run_here(|store| store.muted_authors(&[id]))?;
    let names: Vec<String> = muted.into_iter().map(|(_, name)| name).collect();
    if context.json {
        return Ok(out::json(&names)?);
    }
    names.iter().try_for_each(|name| Ok(out::line(name)?))
}

/// Returns the beginning of a day, or of all time.
fn start_of(since: Option<NaiveDate>) -> DateTime<Utc> {
    since.map_or(DateTime::<Utc>::UNIX_EPOCH, |date| {
        date.and_time(NaiveTime::MIN).and_utc()
    })
}

fn ranks(db: &Db, since: Option<NaiveDate>, context: &CliContext) -> Done {
    let ranks = db.run_here(|store| store.thumbs_by_rank(start_of(since)))?;
    if context.json {
        return Ok(out::json(&ranks)?);
    }
    let rows: Vec<[String; 5]> = ranks
        .iter()
        .map(|at| {
            let numbers = [u64::from(at.rank), at.shown, at.more, at.less, at.save];
            numbers.map(|number| number.to_string())
        })
        .collect();
    Ok(out::table(
        ["RANK", "SHOWN", "MORE", "LESS", "SAVE"],
        &rows,
    )?)
}

fn outcomes(db: &Db, since: Option<NaiveDate>, context: &CliContext) -> Done {
    let outcomes = pick_outcomes(db, start_of(since))?;
    if context.json {
        return Ok(out::json(&outcomes)?);
    }
    let row = |what: String, outcome: &PickOutcome| {
        let PickOutcome {
            shown,
            more,
            less,
            save,
            clicks,
        } = outcome;
        let liked = (more + save) * 100;
        let share = if *shown == 0 {
            "-".to_owned()
        } else {
            format!("{} %", liked / shown)
        };
        let [shown, more, less, save, clicks] =
            [shown, more, less, save, clicks].map(u64::to_string);
        [what, shown, more, less, save, clicks, share]
    };
    let mut rows = vec![
        row("above the line".to_owned(), &outcomes.chosen),
        row("near misses".to_owned(), &outcomes.near_miss),
        row("exploring".to_owned(), &outcomes.exploring),
    ];
    for at in &outcomes.ranks {
        rows.push(row(format!("place {}", at.rank), &at.chosen));
        if at.exploring.shown > 0 {
            rows.push(row(format!("place {}, exploring", at.rank), &at.exploring));
        }
    }
    Ok(out::table(
        ["PICKS", "SHOWN", "MORE", "LESS", "SAVE", "CLICKS", "LIKED"],
        &rows,
    )?)
}
