//! The ranking models, and how readers rate their order.

use super::AdminState;
use super::format::grouped;
use super::papers::spans;
use super::session::Session;
use crate::edition::{PickOutcome, pick_outcomes};
use crate::embedding::EmbedderKind;
use crate::model;
use crate::store::ThumbsAtRank;
use crate::web::PageError;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{NaiveTime, TimeDelta};
use serde::Serialize;

/// Days whose issues are evaluated.
const DAYS: [u64; 3] = [30, 7, 90];

#[derive(Serialize)]
struct ModelView {
    name: String,
    kind: &'static str,
    state: &'static str,
    size: String,
    from: String,
    vectors: String,
}

#[derive(Serialize)]
struct KindView {
    kind: &'static str,
    shown: String,
    liked: String,
    disliked: String,
    clicks: String,
    share: String,
}

/// `GET /admin/models?days=`
pub(super) async fn show(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let (days, spans) = spans(&uri, DAYS);
    let today = admin
        .site
        .clock
        .now()
        .date_naive()
        .and_time(NaiveTime::MIN)
        .and_utc();
    let since = today - TimeDelta::days(days as i64);
    let folder = admin.context.models.clone();
    let installed = tokio::task::spawn_blocking(move || model::list(&folder))
        .await
        .map_err(|_| PageError::Aborted)?;
    let (rows, active, missing, papers, ranks) = admin
        .site
        .db
        .read(move |store| {
            let active = store.active_model()?;
            let missing = match &active {
                Some(active) => store.count_vectors_missing(&active.maker)?,
                None => 0,
            };
            Ok((
                store.models()?,
                active,
                missing,
                store.count_papers()?,
                store.thumbs_by_rank(since)?,
            ))
        })
        .await?;
    let outcomes = admin
        .site
        .db
        .run_blocking(move |db| pick_outcomes(db, since))
        .await?;
    let kinds = [
        kind_view("Chosen: above the line", &outcomes.chosen),
        kind_view(
            "Near miss: below the line, on a short day",
            &outcomes.near_miss,
        ),
        kind_view(
            "Exploring: near the line, tried to learn",
            &outcomes.exploring,
        ),
    ];
    let kinds: Vec<KindView> = kinds.into_iter().flatten().collect();
    let (installed, problem) = match installed {
        Ok(installed) => (installed, None),
        Err(error) => (
            Vec::new(),
            Some(format!("{:#}", anyhow::Error::from(error))),
        ),
    };
    let views: Vec<ModelView> = installed
        .iter()
        .map(|one| {
            let row = rows.iter().find(|row| row.folder == one.name);
            ModelView {
                name: one.name.clone(),
                kind: match one.kind {
                    Some(EmbedderKind::Table) => "static table",
                    Some(EmbedderKind::Encoder) => "sentence encoder",
                    None => "unknown",
                },
                state: match row {
                    Some(row) if row.is_active => "ranks",
                    Some(_) => "its vectors are being computed",
                    None => "installed",
                },
                size: format!("{} MB", grouped(one.bytes.div_ceil(1_000_000))),
                from: one.manifest.from.clone(),
                vectors: grouped(row.map_or(0, |row| row.vectors)),
            }
        })
        .collect();
    let page = admin
        .page(&session, "/admin/models")
        .with("spans", &spans)
        .with("days", &days)
        .with("problem", &problem)
        .with("models", &views)
        .with("active", &active.map(|active| active.folder))
        .with("missing", &(missing > 0).then(|| grouped(missing)))
        .with("papers", &grouped(papers))
        .with("judgement", &judgement(&ranks))
        .with("kinds", &kinds);
    admin.respond("admin/models.html", &page)
}

/// The ratings of picks of one kind, if there are any.
fn kind_view(kind: &'static str, outcome: &PickOutcome) -> Option<KindView> {
    let liked = outcome.more + outcome.save;
    (outcome.shown > 0).then(|| KindView {
        kind,
        shown: grouped(outcome.shown),
        liked: grouped(liked),
        disliked: grouped(outcome.less),
        clicks: grouped(outcome.clicks),
        share: percent(liked, outcome.shown),
    })
}

/// `12.5 %`
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} %", 100.0 * part as f64 / whole as f64)
    }
}

/// The order of the issues judged by readers' thumbs.
#[derive(Debug, Serialize)]
struct OrderRating {
    shown: String,
    liked: String,
    disliked: String,
    /// The share of likes among the first three places, and among the others.
    top: String,
    rest: String,
    /// The gain of the likes against likes at random places; 1 is no better than random.
    lift: Option<String>,
    verdict: &'static str,
}

/// Fewer likes prove nothing about an order.
const LIKES_MIN: u64 = 20;

fn judgement(ranks: &[ThumbsAtRank]) -> OrderRating {
    let liked = |at: &ThumbsAtRank| at.more + at.save;
    let sum = |of: &dyn Fn(&ThumbsAtRank) -> u64, from: u32, to: u32| -> u64 {
        ranks
            .iter()
            .filter(|at| (from..=to).contains(&at.rank))
            .map(of)
            .sum()
    };
    let shown = |at: &ThumbsAtRank| at.shown;
    let (all_shown, all_liked) = (sum(&shown, 1, u32::MAX), sum(&liked, 1, u32::MAX));
    let lift = lift(ranks);
    OrderRating {
        shown: grouped(all_shown),
        liked: grouped(all_liked),
        disliked: grouped(sum(&|at| at.less, 1, u32::MAX)),
        top: percent(sum(&liked, 1, 3), sum(&shown, 1, 3)),
        rest: percent(sum(&liked, 4, u32::MAX), sum(&shown, 4, u32::MAX)),
        lift: lift.map(|lift| format!("{lift:.2}")),
        verdict: match lift {
            _ if all_liked < LIKES_MIN => "There are too few thumbs up for a judgement.",
            Some(lift) if lift >= 1.1 => {
                "Readers like what stands high more than what stands low: the order is good."
            }
            Some(lift) if lift > 0.95 => {
                "Readers like what stands low about as often: the order says little."
            }
            Some(_) => "Readers like what stands low more: something is wrong with the order.",
            None => "There are too few thumbs up for a judgement.",
        },
    }
}

/// The discounted gain of the likes (1 / log2(rank + 1) each, as nDCG counts)
/// over what as many likes would have at random among the papers shown.
fn lift(ranks: &[ThumbsAtRank]) -> Option<f64> {
    let discount = |at: &ThumbsAtRank| 1.0 / f64::from(at.rank + 1).log2();
    let (mut gained, mut likes, mut random, mut shown) = (0.0, 0.0, 0.0, 0.0);
    for at in ranks {
        let liked = (at.more + at.save) as f64;
        gained += liked * discount(at);
        likes += liked;
        random += at.shown as f64 * discount(at);
        shown += at.shown as f64;
    }
    (likes > 0.0 && shown > 0.0).then(|| (gained / likes) / (random / shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rank: u32, shown: u64, more: u64) -> ThumbsAtRank {
        ThumbsAtRank {
            rank,
            shown,
            more,
            less: 0,
            save: 0,
        }
    }

    #[test]
    fn likes_at_the_top_lift_the_order_and_likes_at_random_do_not() {
        let even = [
            at(1, 100, 10),
            at(2, 100, 10),
            at(3, 100, 10),
            at(4, 100, 10),
        ];
        assert!((lift(&even).unwrap() - 1.0).abs() < 1e-9);
        let good = [at(1, 100, 30), at(2, 100, 10), at(3, 100, 5), at(4, 100, 1)];
        assert!(
            lift(&good).unwrap() > 1.2 && judgement(&good).verdict.ends_with("the order is good.")
        );
        let bad = [at(1, 100, 1), at(2, 100, 5), at(3, 100, 10), at(4, 100, 30)];
        assert!(
            lift(&bad).unwrap() < 0.9 && judgement(&bad).verdict.contains("something is wrong")
        );
        assert_eq!(lift(&[]), None);
        assert_eq!(lift(&[at(1, 10, 0)]), None);
    }
}
