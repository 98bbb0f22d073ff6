//! `papers`: search and import papers.

use super::context::{CliContext, composer, date, now, subscriber};
use super::{Done, Failure, explain, out};
use crate::archive::{self, VectorSearch};
use crate::archive::{
    SimilarityIndex, StoredVectors, refresh_signatures, refresh_stats, similar_papers,
};
use crate::coverage::Coverage;
use crate::edition::explain_paper;
use crate::http::{Http, HttpEnv, HttpSettings};
use crate::intake::{Import, fetch_papers};
use crate::paper::query::SearchQuery;
use crate::paper::{Paper, PaperId};
use crate::shapes::PaperShape;
use crate::site::Site;
use crate::source::SourceSettings;
use crate::store::{Db, SetAside, SplitOutcome, StoredPaper};
use anyhow::{Context, anyhow};
use chrono::NaiveDate;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Import papers from JSON lines, or saved feeds and answers of sources, plain or gzipped
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Search papers by words, authors and ids
    ///
    /// "…" finds a phrase, -word excludes papers, and author:, title:, cat:cs.LG,
    /// source:arxiv, from:2026-01-01 and until:2026-02-01 narrow the search. Put --
    /// before a query that has a -word in it.
    #[command(verbatim_doc_comment)]
    Search {
        /// Query
        #[arg(required = true)]
        query: Vec<String>,
        /// Papers to skip
        #[arg(long, default_value_t = 0)]
        offset: u32,
        /// Most papers to print
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// List the papers most similar to one
    Similar {
        /// Id of the paper, or a URL that contains it
        id: String,
        /// Most papers to print
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show a paper with all its names and records
    Show {
        /// Any of its names, or a URL that contains one
        id: String,
        /// Explain its place in this subscriber's issue
        #[arg(long = "for", value_name = "EMAIL")]
        reader: Option<String>,
        /// Issue of this date [default: the next one]
        #[arg(long, value_parser = date, requires = "reader")]
        date: Option<NaiveDate>,
    },
    /// Undo a merge: the record of this name becomes a paper of its own, for good
    Split {
        /// Name of the record, as `papers show` lists it
        id: String,
    },
    /// List the papers of a day, most votes first
    Trending {
        /// Announcement day [default: the newest one]
        #[arg(long, value_parser = date)]
        date: Option<NaiveDate>,
        /// Most papers to print
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show the coverage of the sources' announcement days
    Coverage {
        /// From this day on [default: the last days with coverage]
        #[arg(long, value_name = "DATE", value_parser = date)]
        since: Option<NaiveDate>,
        /// Show the unreadable records instead: counts by source and day, and the newest ones
        #[arg(long)]
        set_aside: bool,
        /// Most of these to print
        #[arg(long, default_value_t = 20, requires = "set_aside", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    match command {
        Command::Import { files } => import(&files, context),
        Command::Search {
            query,
            offset,
            limit,
        } => search(&query, offset, limit, context),
        Command::Similar { id, limit } => {
            let (config, db) = context.open()?;
            let paper = super::feedback::known_paper(&db, &id)?;
            let vectors =
                super::model::active(&config, &db).map(|model| StoredVectors::new(&db, model));
            let nearest = vectors.as_ref().map(|vectors| vectors as &dyn VectorSearch);
            refresh_signatures(&db)?;
            list(
                &similar_papers(
                    &db,
                    &SimilarityIndex::read(&db)?,
                    &paper,
                    limit as usize,
                    nearest,
                )?,
                context.json,
            )
        }
        Command::Show {
            id, reader: None, ..
        } => show(&id, context),
        Command::Show {
            id,
            reader: Some(reader),
            date,
        } => show_for(&id, &reader, date, context),
        Command::Split { id } => split(&id, context),
        Command::Trending { date, limit } => trending(date, limit, context),
        Command::Coverage {
            since,
            set_aside: false,
            ..
        } => coverage(since, context),
        Command::Coverage {
            since,
            set_aside: true,
            limit,
        } => set_aside(since, limit, context),
    }
}

fn search(words: &[String], offset: u32, limit: u32, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    // The shell has removed the quotes of a phrase.
    let is_quoted_by_shell = words.len() > 1;
    let quoted = |word: &String| {
        let is_phrase = is_quoted_by_shell && word.contains(' ') && !word.contains('"');
        match word.split_once(':') {
            Some((field, value)) if is_phrase => format!("{field}:\"{value}\""),
            None if is_phrase => format!("\"{word}\""),
            _ => word.clone(),
        }
    };
    let query = SearchQuery::parse(&words.iter().map(quoted).collect::<Vec<_>>().join(" "));
    let vectors = super::model::active(&config, &db).map(|model| StoredVectors::new(&db, model));
    let nearest = vectors.as_ref().map(|vectors| vectors as &dyn VectorSearch);
    let found = archive::search(&db, &query, offset, limit, nearest)?;
    if found.is_relaxed && !context.json {
        out::note("no paper contains all of these words; these contain some");
    }
    if found.papers.is_empty() && !context.json {
        out::note(match query.is_empty() {
            true => "the query has no word to search for",
            false if offset > 0 => "there are no more",
            false => "no paper fits",
        });
        return Ok(());
    }
    list(&found.papers, context.json)?;
    if found.has_more && !context.json {
        out::note(format!(
            "there are more: --offset {}",
            u64::from(offset) + u64::from(limit)
        ));
    }
    Ok(())
}

/// Most unreadable records that are shown; the rest is counted.
const SHOWN_MAX: u64 = 20;

fn import(files: &[PathBuf], context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let mut import = Import::new(now());
    let progress = out::Progress::new("papers", 0);
    let mut shown = 0;
    let result = files.iter().try_for_each(|file| {
        import.take_in_file(&db, file, |imported, aside| {
            progress.at(imported.read);
            for record in aside {
                shown += 1;
                if shown <= SHOWN_MAX {
                    out::note(format!("set aside {}: {}", record.place, record.reason));
                }
            }
        })
    });
    drop(progress);
    let imported = import.imported();
    if imported.rejected > SHOWN_MAX {
        out::note(format!("set aside {} more", imported.rejected - SHOWN_MAX));
    }
    let model = super::model::refresh(&config, &db)?;
    let progress = out::Progress::new("statistics", 0);
    refresh_stats(&db, model, |papers| progress.at(papers))?;
    drop(progress);
    if context.json {
        out::json(&imported)?;
    } else {
        out::line(format!(
            "read {}: {} new, {} changed, {} merged, {} rejected",
            imported.read, imported.new, imported.changed, imported.merged, imported.rejected
        ))?;
        if imported.undated > 0 {
            out::note(format!(
                "{} papers have no announcement day (`announced`): they can be found and liked, but no issue announces them",
                imported.undated
            ));
        }
    }
    result?;
    if imported.read > 0 && imported.rejected == imported.read {
        return Err(Failure::Failed(anyhow!(
            "no line could be read as a paper: one JSON object a line, with id and title"
        )));
    }
    Ok(())
}

fn show(id: &str, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let id: PaperId = id
        .parse()
        .map_err(|error| Failure::Usage(anyhow!("{id:?}: {error}")))?;
    let mut found = db.run_here(|store| store.paper(&id))?;
    if found.is_none()
        && let Some(source) = config
            .sources
            .iter()
            .find(|source| source.open().finds().is_some_and(|finds| finds(&id)))
    {
        out::note(format!("{id} is not here; asking {}", source.name));
        ask_for(&id, source, &config.site, &db)?;
        found = db.run_here(|store| store.paper(&id))?;
    }
    let Some(stored) = found else {
        return Err(Failure::Failed(anyhow!("there is no paper {id} here")));
    };
    let shape = PaperShape::read(&db, stored)?;
    if context.json {
        return Ok(out::json(&shape)?);
    }
    let PaperShape { paper, records } = shape;
    out::line(&paper.title)?;
    out::line(paper.authors.join(", "))?;
    out::line(facts(&paper).join(" · "))?;
    if let Some(link) = paper.link() {
        out::line(link)?;
    }
    if let Some(comment) = &paper.comment {
        out::line(comment)?;
    }
    if !paper.abstract_text.is_empty() {
        out::line("")?;
        out::line(textwrap::fill(&paper.abstract_text, 80))?;
    }
    out::line("")?;
    let rows: Vec<[String; 4]> = records
        .iter()
        .map(|record| {
            let others = record.names.iter().filter(|name| **name != record.id);
            [
                record.id.to_string(),
                record.source.clone(),
                record.seen_at.format("%Y-%m-%d").to_string(),
                others.map(PaperId::as_str).collect::<Vec<_>>().join(" "),
            ]
        })
        .collect();
    Ok(out::table(
        ["RECORD", "SOURCE", "SINCE", "OTHER NAMES IN IT"],
        &rows,
    )?)
}

fn split(id: &str, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    let id: PaperId = id
        .parse()
        .map_err(|error| Failure::Usage(anyhow!("{id:?}: {error}")))?;
    let now = now();
    let list = |ids: &[PaperId]| {
        ids.iter()
            .map(PaperId::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let refused = match db.run_here(|store| store.split_paper(&id, now))? {
        SplitOutcome::Done { from, apart } => {
            if context.json {
                return Ok(out::json(
                    &serde_json::json!({ "from": from, "apart": apart }),
                )?);
            }
            return Ok(out::line(format!(
                "{} is a paper of its own again, apart from {from}",
                list(&apart)
            ))?);
        }
        SplitOutcome::Unknown => anyhow!("there is no paper {id} here"),
        SplitOutcome::Whole(paper) => {
            anyhow!("nothing was merged into {paper}: there is nothing to split")
        }
        SplitOutcome::Several(paper, merged) => {
            anyhow!(
                "several records were merged into {paper}: name the one to take out, of {}",
                list(&merged)
            )
        }
        SplitOutcome::OnlyAName(record) => anyhow!(
            "no source lists {id}: it is a name that the record {record} gives; `papers show {record}` lists the records"
        ),
    };
    Err(Failure::Failed(refused))
}

/// Asks a source for one paper, and reports the reason if it does not come.
fn ask_for(id: &PaperId, source: &SourceSettings, site: &Site, db: &Db) -> Done {
    let http = Http::new(HttpSettings::of_site(site), HttpEnv::system())?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let polled = runtime.block_on(fetch_papers(db, &http, source, std::slice::from_ref(id)))?;
    for note in &polled.notes {
        out::note(format!("{}: {note}", source.name));
    }
    for record in &polled.set_aside {
        out::note(format!("set aside {}: {}", record.place, record.reason));
    }
    if let Some(until) = polled.paused_until {
        out::note(format!(
            "{}: asked to wait until {}",
            source.name,
            until.format("%Y-%m-%d %H:%M:%S UTC")
        ));
    }
    Ok(())
}

fn show_for(id: &str, reader: &str, date: Option<NaiveDate>, context: &CliContext) -> Done {
    let (config, db) = context.open()?;
    let id: PaperId = id
        .parse()
        .map_err(|error| Failure::Usage(anyhow!("{id:?}: {error}")))?;
    let reader = subscriber(&db, reader)?;
    let Some(StoredPaper { paper, .. }) = db.run_here(|store| store.paper(&id))? else {
        return Err(Failure::Failed(anyhow!("there is no paper {id} here")));
    };
    if paper.announced.is_none() {
        return Err(Failure::Failed(anyhow!(
            "{id} has no announcement day, so no issue announces it"
        )));
    }
    let Some(explained) = explain_paper(&db, &composer(&config)?, &reader, &id, date, now())?
    else {
        return Err(Failure::Failed(anyhow!(
            "no issue is coming up for {} within a week",
            reader.address
        )));
    };
    if context.json {
        return Ok(out::json(&explained)?);
    }
    out::line(&paper.title)?;
    Ok(explain::print(&explained, false)?)
}

fn facts(paper: &Paper) -> Vec<String> {
    let mut facts = vec![match paper.version {
        Some(version) => format!("{}v{version}", paper.id),
        None => paper.id.to_string(),
    }];
    facts.extend(paper.categories.iter().cloned());
    facts.extend(paper.announced.map(|day| format!("announced {day}")));
    facts.extend(paper.upvotes.map(|votes| format!("{votes} votes")));
    facts
}

fn trending(date: Option<NaiveDate>, limit: u32, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    let today = now().date_naive();
    let date = match date {
        Some(date) => Some(date),
        None => db.run_here(|store| store.newest_day(today))?,
    };
    let papers = match date {
        Some(date) => crate::edition::trending(&db, date, limit, now())?,
        None => Vec::new(),
    };
    list(&papers, context.json)
}

/// Days shown by default.
const DAYS_SHOWN: usize = 14;

fn coverage(since: Option<NaiveDate>, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    let rows =
        db.run_here(|store| store.coverage(since.unwrap_or(NaiveDate::MIN), NaiveDate::MAX))?;
    if context.json {
        return Ok(out::json(&rows)?);
    }
    let mut days: Vec<NaiveDate> = rows.iter().map(|row| row.date).collect();
    days.dedup();
    let first = if since.is_some() {
        None
    } else {
        days.iter().rev().nth(DAYS_SHOWN - 1).copied()
    };
    let shown: Vec<&Coverage> = rows
        .iter()
        .filter(|row| first.is_none_or(|first| row.date >= first))
        .collect();
    print_coverage(&shown)?;
    if shown.len() < rows.len() {
        out::note(format!(
            "{} earlier rows; --since DATE shows them",
            rows.len() - shown.len()
        ));
    }
    let first = shown.first().map(|row| row.date);
    let counts = db.run_here(|store| store.count_set_aside())?;
    let aside: u64 = counts
        .iter()
        .filter(|(_, day, _)| first.is_none_or(|first| *day >= first))
        .map(|(.., n)| n)
        .sum();
    if aside > 0 {
        out::note(format!(
            "{aside} records could not be read and were set aside; --set-aside shows them"
        ));
    }
    Ok(())
}

/// Returns the beginning of a record for a listing.
const RECORD_CHARS: usize = 60;

fn set_aside(since: Option<NaiveDate>, limit: u32, context: &CliContext) -> Done {
    let (_, db) = context.open()?;
    let mut counts = db.run_here(|store| store.count_set_aside())?;
    let mut rows = db.run_here(|store| store.records_set_aside(limit))?;
    if let Some(since) = since {
        counts.retain(|(_, day, _)| *day >= since);
        rows.retain(|row| row.at.date_naive() >= since);
    }
    if context.json {
        let counts: Vec<_> = counts
            .iter()
            .map(|(source, day, records)| json!({"source": source, "day": day, "records": records}))
            .collect();
        let records: Vec<_> = rows
            .iter()
            .map(|row| {
                let SetAside { place, reason, record } = &row.record;
                json!({"source": row.source, "at": row.at, "place": place, "reason": reason, "record": record})
            })
            .collect();
        return Ok(out::json(&json!({"counts": counts, "records": records}))?);
    }
    if counts.is_empty() {
        return Ok(out::line("nothing was set aside")?);
    }
    let cells: Vec<[String; 3]> = counts
        .iter()
        .map(|(source, day, records)| [day.to_string(), source.clone(), records.to_string()])
        .collect();
    out::table(["DAY (UTC)", "SOURCE", "SET ASIDE"], &cells)?;
    out::line("")?;
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            [
                row.at.format("%Y-%m-%d %H:%M").to_string(),
                row.source.clone(),
                crate::text::clean_line(&row.record.place),
                crate::text::clean_line(&row.record.reason),
                crate::text::cut(&crate::text::clean_line(&row.record.record), RECORD_CHARS),
            ]
        })
        .collect();
    out::table(["AT (UTC)", "SOURCE", "PLACE", "REASON", "RECORD"], &cells)?;
    let all: u64 = counts.iter().map(|(.., records)| records).sum();
    if all > rows.len() as u64 {
        out::note(format!(
            "{} earlier ones; --limit N shows more",
            all - rows.len() as u64
        ));
    }
    Ok(())
}

/// Prints the coverage of some days.
pub(super) fn print_coverage(rows: &[&Coverage]) -> Done {
    let cells: Vec<[String; 8]> = rows
        .iter()
        .map(|row| {
            [
                row.date.to_string(),
                row.source.clone(),
                row.category.clone(),
                row.state.word().to_owned(),
                row.declared
                    .map_or_else(String::new, |declared| declared.to_string()),
                row.papers.to_string(),
                row.checked_at.format("%m-%d %H:%M").to_string(),
                row.note.clone(),
            ]
        })
        .collect();
    let headings = [
        "DATE",
        "SOURCE",
        "CATEGORY",
        "STATE",
        "DECLARED",
        "PAPERS",
        "CHECKED (UTC)",
        "NOTE",
    ];
    Ok(out::table(headings, &cells)?)
}

fn list(papers: &[StoredPaper], json: bool) -> Done {
    if json {
        let papers: Vec<&Paper> = papers.iter().map(|stored| &stored.paper).collect();
        return Ok(out::json(&papers)?);
    }
    let rows: Vec<[String; 5]> = papers
        .iter()
        .map(|StoredPaper { paper, .. }| {
            [
                paper.id.to_string(),
                paper
                    .announced
                    .map_or_else(String::new, |day| day.to_string()),
                paper.categories.first().cloned().unwrap_or_default(),
                paper
                    .upvotes
                    .map_or_else(String::new, |votes| votes.to_string()),
                crate::text::cut(&paper.title, 80),
            ]
        })
        .collect();
    Ok(out::table(
        ["ID", "ANNOUNCED", "CATEGORY", "VOTES", "TITLE"],
        &rows,
    )?)
}
