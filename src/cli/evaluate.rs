//! `evaluate`: ranking quality on a dataset of people's choices.

use super::context::CliContext;
use super::{Done, Failure, out};
use crate::embedding::Embedder;
use crate::model;
use crate::paper::PaperId;
use crate::ranking::evaluation::metrics::{self, Metrics};
use crate::ranking::evaluation::references::{Centroid, MeanCosine, SanitySvm};
use crate::ranking::evaluation::{
    Case, Dataset, Pool, Production, Ranker, RankerResult, User, evaluate,
};
use crate::source::jsonl::Reader;
use crate::source::{Record, Unreadable};
use anyhow::{Context, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Dataset: a folder with users.jsonl and papers.jsonl (or .jsonl.gz)
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Papers, if they are not in the folder (may be repeated)
    #[arg(long, value_name = "FILE", num_args = 1..)]
    papers: Vec<PathBuf>,
    /// Rank with this model: the name of an installed one, or the folder of any
    #[arg(long, value_name = "NAME|FOLDER")]
    model: Option<String>,
    /// Take likes as typed words, and learn from nothing else
    #[arg(long)]
    words: bool,
    /// Only this ranker
    #[arg(long, value_name = "NAME")]
    ranker: Option<String>,
}

const RANKERS: [&str; 4] = [
    "paperboy",
    "arxiv-sanity-lite-svm",
    "tfidf-centroid",
    "mean-cosine",
];

/// A line of users.jsonl.
#[derive(Deserialize)]
struct UserLine {
    user: String,
    profile: Vec<PaperId>,
    candidates: Option<Vec<PaperId>>,
    relevance: Option<HashMap<PaperId, f64>>,
    days: Option<BTreeMap<chrono::NaiveDate, HashMap<PaperId, f64>>>,
}

pub(super) fn run(options: &Options, context: &CliContext) -> Done {
    if let Some(name) = &options.ranker
        && !RANKERS.contains(&name.as_str())
    {
        return Err(Failure::Usage(anyhow!(
            "--ranker {name}: must be one of {}",
            RANKERS.join(", ")
        )));
    }
    let model = options
        .model
        .as_deref()
        .map(|model| open_model(model, context))
        .transpose()?;
    let dataset = read(options)?;
    let production =
        || Production::new(&dataset.papers, model.as_deref()).with_queries(dataset.queries.clone());
    let mut results = Vec::new();
    for name in RANKERS
        .iter()
        .filter(|name| options.ranker.as_deref().is_none_or(|only| only == **name))
    {
        let progress = out::Progress::new(
            name,
            dataset
                .users
                .iter()
                .map(|user| user.cases.len() as u64)
                .sum(),
        );
        let ranker: Box<dyn Ranker> = match *name {
            "paperboy" if options.words => Box::new(production().by_words()),
            "paperboy" => Box::new(production()),
            "arxiv-sanity-lite-svm" => Box::new(SanitySvm::new(&dataset.papers)),
            "tfidf-centroid" => Box::new(Centroid::new(&dataset.papers)),
            _ => Box::new(MeanCosine::new(&dataset.papers)),
        };
        results.push(evaluate(&dataset, &*ranker, |done| progress.at(done)));
    }
    let name = options.dir.file_name().map_or_else(
        || "dataset".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let maker = model.as_deref().map(Embedder::name);
    print(&name, maker, &dataset, &results, context.json)
}

/// Returns the folder of that name, if there is one, else an installed model's.
fn open_model(named: &str, context: &CliContext) -> Result<Arc<dyn Embedder>, Failure> {
    if Path::new(named).join("config.json").is_file() {
        return Ok(model::open(Path::new(named))?);
    }
    let (config, _) = context.open()?;
    Ok(model::open_installed(&config.model.path, named)?)
}

fn read(options: &Options) -> Result<Dataset, Failure> {
    if !options.dir.is_dir() {
        return Err(Failure::Usage(anyhow!(
            "there is no folder {}",
            options.dir.display()
        )));
    }
    let files = if options.papers.is_empty() {
        let inside = ["papers.jsonl", "papers.jsonl.gz"].map(|name| options.dir.join(name));
        let found: Vec<PathBuf> = inside.into_iter().filter(|path| path.is_file()).collect();
        if found.is_empty() {
            let dir = options.dir.display();
            return Err(Failure::Usage(anyhow!(
                "{dir} holds no papers.jsonl; name the papers with --papers FILE…"
            )));
        }
        found
    } else {
        options.papers.clone()
    };
    let mut dataset = Dataset::default();
    for file in &files {
        read_papers(file, &mut dataset)?;
    }
    let by_id: HashMap<PaperId, usize> = dataset
        .papers
        .iter()
        .enumerate()
        .map(|(at, paper)| (paper.id.clone(), at))
        .collect();
    let path = options.dir.join("users.jsonl");
    let input = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for (at, line) in BufReader::new(input).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        if !line.trim().is_empty() {
            let user: UserLine = serde_json::from_str(&line)
                .with_context(|| format!("{}:{}", path.display(), at + 1))?;
            dataset.users.push(user_of(user, &by_id));
        }
    }
    say_what_is_not_judged(&dataset);
    if dataset.users.is_empty() {
        return Err(Failure::Failed(anyhow!(
            "{} holds no users",
            path.display()
        )));
    }
    Ok(dataset)
}

/// Reports how much of a dataset cannot be used.
fn say_what_is_not_judged(dataset: &Dataset) {
    let known: HashSet<&PaperId> = dataset.papers.iter().map(|paper| &paper.id).collect();
    let is_judged = |user: &&User| {
        let mut grades = user.cases.iter().flat_map(|case| &case.relevance);
        grades.any(|(id, grade)| *grade > 0.0 && known.contains(id) && !user.profile.contains(id))
    };
    let unjudged = dataset.users.len() - dataset.users.iter().filter(is_judged).count();
    if unjudged > 0 {
        out::note(format!(
            "{unjudged} of {} users name no paper to be found: they do not count",
            dataset.users.len()
        ));
    }
    let named = dataset.users.iter().flat_map(|user| {
        user.profile
            .iter()
            .chain(user.cases.iter().flat_map(|case| case.relevance.keys()))
    });
    let unknown: HashSet<&PaperId> = named.filter(|id| !known.contains(id)).collect();
    if let Some(first) = unknown.iter().min() {
        out::note(format!(
            "{} ids of users are not among the papers, like {first}",
            unknown.len()
        ));
    }
}

fn read_papers(file: &Path, dataset: &mut Dataset) -> Done {
    let unreadable = || format!("cannot read {}", file.display());
    let mut reader = Reader::open(file).with_context(unreadable)?;
    let mut queries = queries(file)?.into_iter();
    while let Some(record) = reader.next_record().with_context(unreadable)? {
        let is_query = queries.next().unwrap_or(false);
        match record {
            Record::Paper(paper) => {
                if is_query {
                    dataset.queries.insert(dataset.papers.len());
                }
                dataset.papers.push(Arc::new(*paper));
            }
            Record::Unreadable(Unreadable { place, reason, .. }) => {
                out::note(format!("set aside {place}: {reason}"));
            }
        }
    }
    Ok(())
}

/// Returns, for each record of a file, whether it has `"is_query": true`.
fn queries(file: &Path) -> Result<Vec<bool>, Failure> {
    let unreadable = || format!("cannot read {}", file.display());
    let mut lines = crate::source::jsonl::lines(file).with_context(unreadable)?;
    let mut found = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines
            .read_until(b'\n', &mut line)
            .with_context(unreadable)?
            == 0
        {
            return Ok(found);
        }
        if !line.iter().all(u8::is_ascii_whitespace) {
            let is_query = line.windows(10).any(|part| part == b"\"is_query\"")
                && serde_json::from_slice::<Value>(&line)
                    .is_ok_and(|value| value["is_query"] == true);
            found.push(is_query);
        }
    }
}

fn user_of(line: UserLine, by_id: &HashMap<PaperId, usize>) -> User {
    let cases = if let Some(days) = line.days {
        days.into_iter()
            .map(|(day, relevance)| Case {
                pool: Pool::Day(day),
                relevance,
            })
            .collect()
    } else {
        let pool = line.candidates.map_or(Pool::All, |ids| {
            Pool::These(ids.iter().filter_map(|id| by_id.get(id).copied()).collect())
        });
        vec![Case {
            pool,
            relevance: line.relevance.unwrap_or_default(),
        }]
    };
    User {
        name: line.user,
        profile: line.profile,
        cases,
    }
}

fn interval(results: &RankerResult, which: usize) -> Option<(f64, f64)> {
    let values: Vec<f64> = results
        .people
        .iter()
        .filter_map(|metrics| metrics.named()[which].1)
        .collect();
    metrics::interval(&values)
}

fn print(
    name: &str,
    maker: Option<&str>,
    dataset: &Dataset,
    results: &[RankerResult],
    json: bool,
) -> Done {
    if json {
        let rankers: Vec<Value> = results
            .iter()
            .map(|results| {
                let mut line = json!({ "ranker": results.ranker });
                let mut intervals = json!({});
                for (which, (metric, value)) in results.mean.named().into_iter().enumerate() {
                    line[metric] = json!(value);
                    intervals[metric] = json!(interval(results, which));
                }
                line["interval95"] = intervals;
                line
            })
            .collect();
        let value = json!({
            "dataset": name,
            "users": dataset.users.len(),
            "papers": dataset.papers.len(),
            "model": maker,
            "rankers": rankers,
        });
        return Ok(out::json(&value)?);
    }
    let with = maker.map_or_else(String::new, |maker| format!(", paperboy with {maker}"));
    out::line(format!(
        "{name}: {} users, {} papers{with}",
        dataset.users.len(),
        dataset.papers.len()
    ))?;
    let shown = |results: &RankerResult, which: usize| {
        let value = results.mean.named()[which].1;
        match (value, interval(results, which)) {
            (Some(value), Some((low, high))) => format!("{value:.3} [{low:.3}, {high:.3}]"),
            _ => "undefined".to_owned(),
        }
    };
    let rows: Vec<[String; 5]> = results
        .iter()
        .map(|results| {
            [
                results.ranker.to_owned(),
                shown(results, 0),
                shown(results, 1),
                shown(results, 2),
                shown(results, 3),
            ]
        })
        .collect();
    let [a, b, c, d] = Metrics::default().named().map(|(metric, _)| metric);
    Ok(out::table(["RANKER (MEAN, 95 %)", a, b, c, d], &rows)?)
}
