//! Charts of the last days.

use super::AdminState;
use super::chart::{Chart, ChartView, Series};
use super::format::state_words;
use super::papers::spans;
use super::session::Session;
use crate::store::{DeliveryState, LatencyCount, LatencyStart, Store, StoreError, ThumbsAtRank};
use crate::subscriber::Status;
use crate::web::PageError;
use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};

/// Days that can be chosen.
const DAYS: [u64; 3] = [30, 7, 90];

/// How long figures are reused: counting takes a while in a large installation.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// Places in the issue that are shown.
const RANKS_MAX: usize = 20;

/// The cached figures, by the number of days.
#[derive(Default)]
pub(super) struct FigureCache(HashMap<u64, (DateTime<Utc>, Arc<Figures>)>);

/// The figures that the charts are drawn from.
pub(super) struct Figures {
    mails: Vec<(NaiveDate, DeliveryState, u64)>,
    announced: Vec<LatencyCount>,
    queued: Vec<LatencyCount>,
    reports: Vec<(NaiveDate, String, u64)>,
    people: Vec<(NaiveDate, Status, u64)>,
    ranks: Vec<ThumbsAtRank>,
}

fn read(store: &mut dyn Store, days: u64, now: DateTime<Utc>) -> Result<Figures, StoreError> {
    let first = now.date_naive() - Days::new(days - 1);
    let since = first.and_time(NaiveTime::MIN).and_utc();
    let mut people = store.subscriber_counts(first)?;
    // Today is not over, so the current counts are used.
    people.retain(|(day, _, _)| *day != now.date_naive());
    people.extend(
        store
            .count_subscribers()?
            .into_iter()
            .map(|(status, count)| (now.date_naive(), status, count)),
    );
    Ok(Figures {
        mails: store.mails_by_day(since)?,
        announced: store.latencies(LatencyStart::Announcement, since)?,
        queued: store.latencies(LatencyStart::Queueing, since)?,
        reports: store.reports_by_day(since)?,
        people,
        ranks: store.thumbs_by_rank(since)?,
    })
}

/// `GET /admin/charts?days=`
pub(super) async fn show(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    uri: Uri,
) -> Result<Response, PageError> {
    let (days, spans) = spans(&uri, DAYS);
    let now = admin.site.clock.now();
    let kept = admin
        .figures
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .0
        .get(&days)
        .cloned();
    let kept = kept.filter(|(at, _)| (TimeDelta::zero()..FRESH).contains(&(now - *at)));
    let figures = if let Some((_, figures)) = kept {
        figures
    } else {
        let figures = Arc::new(
            admin
                .site
                .db
                .read(move |store| read(store, days, now))
                .await?,
        );
        let mut all = admin.figures.lock().unwrap_or_else(PoisonError::into_inner);
        all.0.insert(days, (now, Arc::clone(&figures)));
        figures
    };
    let page = admin
        .page(&session, "/admin/charts")
        .with("spans", &spans)
        .with("days", &days)
        .with("charts", &draw(&figures, days, now.date_naive()));
    admin.respond("admin/charts.html", &page)
}

fn draw(figures: &Figures, days: u64, today: NaiveDate) -> Vec<ChartView> {
    let all: Vec<NaiveDate> = (0..days)
        .rev()
        .map(|back| today - Days::new(back))
        .collect();
    vec![
        mails(figures, &all).stacked(),
        took(
            "announced",
            "From announcement to inbox",
            "Minutes from the announcement of an issue's newest papers until a server had taken it; the hour that \
             each reader chose is a part of it.",
            &figures.announced,
            &all,
        )
        .lines(),
        took(
            "queued",
            "From queueing to acceptance",
            "Minutes from queueing an issue until a server had taken it: how fast the relay is.",
            &figures.queued,
            &all,
        )
        .lines(),
        reports(figures, &all).stacked(),
        people(figures, &all).stacked(),
        ranks(figures).stacked(),
    ]
}

/// Labels of days.
fn labels(days: &[NaiveDate]) -> Vec<String> {
    days.iter()
        .map(|day| day.format("%-d %b").to_string())
        .collect()
}

/// One value for each of `days`, from counts of a kind.
fn by_day<K: PartialEq + Hash>(
    counts: &[(NaiveDate, K, u64)],
    kind: &K,
    days: &[NaiveDate],
) -> Vec<Option<f64>> {
    let of_day = |day: &NaiveDate| {
        let fitting = counts.iter().filter(|(at, of, _)| at == day && of == kind);
        fitting.map(|(_, _, count)| *count as f64).sum::<f64>()
    };
    days.iter().map(|day| Some(of_day(day))).collect()
}

fn mails(figures: &Figures, days: &[NaiveDate]) -> Chart {
    use DeliveryState::{
        Accepted, Claimed, Deferred, Expired, HandingOver, Held, Rejected, Rendered, Uncertain,
    };
    let colours = [
        (Accepted, 1),
        (Rendered, 2),
        (Claimed, 2),
        (HandingOver, 2),
        (Deferred, 3),
        (Uncertain, 4),
        (Rejected, 5),
        (Held, 6),
        (Expired, 7),
    ];
    Chart {
        id: "mails",
        title: "Mails by outcome",
        about: "Mails by the day (UTC) on which they were queued, and where they stand now."
            .to_owned(),
        unit: "mails",
        axis: "Day",
        labels: labels(days),
        series: colours
            .into_iter()
            .map(|(state, colour)| Series {
                name: state_words(state).to_owned(),
                colour,
                values: by_day(&figures.mails, &state, days),
            })
            .collect(),
    }
}

fn took(
    id: &'static str,
    title: &'static str,
    about: &str,
    took: &[LatencyCount],
    days: &[NaiveDate],
) -> Chart {
    let of = |share: f64| days.iter().map(|day| quantile(took, *day, share)).collect();
    Chart {
        id,
        title,
        about: about.to_owned(),
        unit: "minutes, in steps of 5",
        axis: "Day",
        labels: labels(days),
        series: vec![
            Series {
                name: "median".to_owned(),
                colour: 1,
                values: of(0.5),
            },
            Series {
                name: "nine of ten".to_owned(),
                colour: 5,
                values: of(0.9),
            },
        ],
    }
}

/// Minutes within which `share` of the mails of `day` were sent; `None` without mails.
fn quantile(took: &[LatencyCount], day: NaiveDate, share: f64) -> Option<f64> {
    let of_day: Vec<&LatencyCount> = took.iter().filter(|took| took.day == day).collect();
    let all: u64 = of_day.iter().map(|took| took.mails).sum();
    let wanted = (all as f64 * share).ceil().max(1.0) as u64;
    let mut seen = 0;
    // Rows are ordered by minutes.
    of_day.into_iter().find_map(|took| {
        seen += took.mails;
        (seen >= wanted).then(|| f64::from(took.minutes))
    })
}

fn reports(figures: &Figures, days: &[NaiveDate]) -> Chart {
    let classes = [
        ("hard", 5),
        ("soft", 3),
        ("policy", 6),
        ("complaint", 7),
        ("delayed", 2),
        ("auto_reply", 8),
        ("unsubscribe", 4),
        ("unknown", 9),
    ];
    Chart {
        id: "reports",
        title: "Reports",
        about: "Reports by the day (UTC) on which they came, and their class: bounces, complaints and the rest."
            .to_owned(),
        unit: "reports",
        axis: "Day",
        labels: labels(days),
        series: classes
            .into_iter()
            .map(|(class, colour)| Series {
                name: class.replace('_', " "),
                colour,
                values: by_day(&figures.reports, &class.to_owned(), days),
            })
            .collect(),
    }
}

fn people(figures: &Figures, days: &[NaiveDate]) -> Chart {
    let colours = [
        (Status::Active, 1),
        (Status::Paused, 2),
        (Status::Pending, 3),
        (Status::Unsubscribed, 9),
        (Status::Suppressed, 5),
    ];
    // A day without a count is unknown, not zero.
    let is_counted = |day: &NaiveDate| figures.people.iter().any(|(at, _, _)| at == day);
    Chart {
        id: "people",
        title: "Subscribers by status",
        about: "Counted once a day, during the upkeep; the last value is the current one."
            .to_owned(),
        unit: "subscribers",
        axis: "Day",
        labels: labels(days),
        series: colours
            .into_iter()
            .map(|(status, colour)| {
                let values = by_day(&figures.people, &status, days);
                let values = values
                    .into_iter()
                    .zip(days)
                    .map(|(value, day)| value.filter(|_| is_counted(day)));
                Series {
                    name: status.word().to_owned(),
                    colour,
                    values: values.collect(),
                }
            })
            .collect(),
    }
}

fn ranks(figures: &Figures) -> Chart {
    let shown: Vec<&ThumbsAtRank> = figures
        .ranks
        .iter()
        .filter(|at| at.shown > 0)
        .take(RANKS_MAX)
        .collect();
    let of_hundred = |count: fn(&ThumbsAtRank) -> u64| {
        shown
            .iter()
            .map(|at| Some(100.0 * count(at) as f64 / at.shown as f64))
            .collect()
    };
    Chart {
        id: "ranks",
        title: "Thumbs by place in the issue",
        about: "Of 100 papers that stood at a place, how many were liked, saved or disliked. If the ranking is good, \
                the likes stand on the left."
            .to_owned(),
        unit: "of 100 papers shown",
        axis: "Place",
        labels: shown.iter().map(|at| at.rank.to_string()).collect(),
        series: vec![
            Series { name: "more like it".to_owned(), colour: 1, values: of_hundred(|at| at.more) },
            Series { name: "saved".to_owned(), colour: 2, values: of_hundred(|at| at.save) },
            Series { name: "less like it".to_owned(), colour: 5, values: of_hundred(|at| at.less) },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_count_mails() {
        let day: NaiveDate = "2026-08-04".parse().unwrap();
        let took = |minutes, mails| LatencyCount {
            day,
            minutes,
            mails,
        };
        let all = [took(5, 5), took(10, 4), took(600, 1)];
        assert_eq!(quantile(&all, day, 0.5), Some(5.0));
        assert_eq!(quantile(&all, day, 0.9), Some(10.0));
        assert_eq!(quantile(&all, day, 0.91), Some(600.0));
        assert_eq!(quantile(&all, day.succ_opt().unwrap(), 0.5), None);
    }
}
