//! Weeks of arXiv are replayed as its servers answered: the coverage table must
//! tell the truth of them, and no paper may be missing in the end.
//!
//! The world is a list of papers with the instants of their submission; what feeds
//! and lists of changes answer follows from arXiv's rules as
//! research/recommenders.md section 6 has them, reckoned here by another way than
//! in the program, from the announcements on.

use crate::harness::fake_http::{FakeHttp, Reply};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::America::New_York;
use paperboy::clock::{Clock, FixedClock};
use paperboy::http::{Http, HttpEnv, HttpSettings};
use paperboy::intake::{PollScope, PollSummary, poll};
use paperboy::random::NoChance;
use paperboy::source::SourceSettings;
use paperboy::store::Db;
use paperboy::store::sqlite::SqliteStore;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// From one look to the next.
const STEP: TimeDelta = TimeDelta::minutes(20);

struct Announced {
    number: u32,
    submitted: DateTime<Utc>,
    day: NaiveDate,
    category: &'static str,
    /// The UTC day of its last change.
    changed: NaiveDate,
}

/// arXiv, and an installation that reads it.
struct World {
    arxiv: FakeHttp,
    papers: Vec<Announced>,
    categories: Vec<&'static str>,
    holidays: Vec<NaiveDate>,
    /// What a category's feed shows on a day instead of the truth.
    odd: BTreeMap<(NaiveDate, &'static str), Odd>,
    lists_are_down: bool,
    /// Whether the catch-up pages are asked for.
    reads_pages: bool,
    db: Db,
    http: Http,
    clock: Arc<FixedClock>,
}

#[derive(Clone, Copy)]
enum Odd {
    /// Still that of the day before.
    Stale,
    /// Without the last paper.
    Short,
    /// Status 503, time after time.
    Storm,
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn eastern(day: NaiveDate, hour: u32) -> DateTime<Utc> {
    let time = NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    New_York
        .from_local_datetime(&day.and_time(time))
        .unwrap()
        .to_utc()
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

impl World {
    async fn new(now: DateTime<Utc>, categories: &[&'static str]) -> Self {
        let clock = Arc::new(FixedClock::at(now));
        let moved = Arc::clone(&clock);
        let around = HttpEnv {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            chance: Arc::new(NoChance),
            sleep: Arc::new(move |wait| {
                moved.set(moved.now() + TimeDelta::from_std(wait).unwrap());
                Box::pin(std::future::ready(()))
            }),
        };
        World {
            arxiv: FakeHttp::start().await,
            papers: Vec::new(),
            categories: categories.to_vec(),
            holidays: Vec::new(),
            odd: BTreeMap::new(),
            lists_are_down: false,
            reads_pages: false,
            db: Db::new(SqliteStore::in_memory().unwrap()),
            http: Http::new(HttpSettings::named("test"), around).unwrap(),
            clock,
        }
    }

    /// From `first` to `last`, every announcement brings `count` papers a category,
    /// submitted evenly between the deadlines before it.
    fn announces(&mut self, first: &str, last: &str, count: u32) {
        let mut opened = None;
        for day in date(first).iter_days().take_while(|day| *day <= date(last)) {
            if is_weekend(day) {
                continue;
            }
            // The deadline is on the last weekday before.
            let mut eve = day - Days::new(1);
            while is_weekend(eve) {
                eve = eve - Days::new(1);
            }
            let closes = eastern(eve, 14);
            let opens = opened.unwrap_or_else(|| {
                let mut before = eve - Days::new(1);
                while is_weekend(before) {
                    before = before - Days::new(1);
                }
                eastern(before, 14)
            });
            if self.holidays.contains(&day) {
                // What was submitted comes with the next announcement.
                opened = Some(opens);
                continue;
            }
            opened = Some(closes);
            let all = count * self.categories.len() as u32;
            for at in 0..all {
                let number = self.papers.len() as u32 + 1;
                // The first is of the first second after the deadline, the last of the last one
                // before.
                let span = (closes - opens).num_seconds() - 1;
                let submitted =
                    opens + TimeDelta::seconds(span * i64::from(at) / i64::from(all - 1).max(1));
                let category = self.categories[at as usize % self.categories.len()];
                let changed = eastern(day - Days::new(1), 20).date_naive().max(day);
                self.papers.push(Announced {
                    number,
                    submitted,
                    day,
                    category,
                    changed,
                });
            }
        }
    }

    fn feed_of(&self, day: NaiveDate, category: &str, shown_as: NaiveDate) -> String {
        let stamp = format!("{} 00:00:00 -0{}00", shown_as.format("%a, %d %b %Y"), {
            let offset = eastern(shown_as, 0).time().to_string();
            offset[1..2].to_owned()
        });
        let mut items = String::new();
        for paper in self
            .papers
            .iter()
            .filter(|paper| paper.day == day && paper.category == category)
        {
            let id = format!("26{:02}.{:05}", day.month(), paper.number);
            write!(
                items,
                "<item><title>Paper {}</title><link>https://arxiv.org/abs/{id}</link>\
                 <description>arXiv:{id}v1 Announce Type: new \nAbstract: About it.</description>\
                 <guid>oai:arXiv.org:{id}v1</guid><category>{category}</category><pubDate>{stamp}</pubDate>\
                 <arxiv:announce_type>new</arxiv:announce_type><dc:creator>Ada Lovelace</dc:creator></item>",
                paper.number
            )
            .unwrap();
        }
        format!(
            "<?xml version='1.0'?><rss version=\"2.0\"><channel><title>updates</title><pubDate>{stamp}</pubDate>{items}</channel></rss>"
        )
    }

    /// The servers answer as they do at this time.
    fn serves(&self) {
        let now = self.clock.now();
        let today = now.with_timezone(&New_York).date_naive();
        for category in self.categories.clone() {
            let path = format!("/rss/{category}");
            let odd = self
                .odd
                .iter()
                .find(|((day, of), _)| *day == today && *of == category)
                .map(|(_, odd)| *odd);
            let reply = match odd {
                Some(Odd::Storm) => Reply::status(503),
                Some(Odd::Stale) => {
                    let mut before = today - Days::new(1);
                    while is_weekend(before) {
                        before = before - Days::new(1);
                    }
                    Reply::ok(self.feed_of(before, category, before))
                }
                Some(Odd::Short) => {
                    let feed = self.feed_of(today, category, today);
                    let last = feed.rfind("<item>").unwrap();
                    Reply::ok(format!("{}</channel></rss>", &feed[..last]))
                }
                None => Reply::ok(self.feed_of(today, category, today)),
            };
            self.arxiv.on(&path).says(reply);
        }
        self.arxiv.on("/oai").says(if self.lists_are_down {
            Reply::status(503)
        } else {
            Reply::ok(self.list(now))
        });
    }

    /// All records of half a month, two versions of one of them old: the server does
    /// not look at the question, so that the program has to.
    fn list(&self, now: DateTime<Utc>) -> String {
        let mut records = String::new();
        // Records come some hours after the announcement.
        for paper in self
            .papers
            .iter()
            .filter(|paper| eastern(paper.day - Days::new(1), 22) <= now)
        {
            let id = format!("26{:02}.{:05}", paper.day.month(), paper.number);
            write!(
                records,
                "<record><header><identifier>oai:arXiv.org:{id}</identifier><datestamp>{}</datestamp></header>\
                 <metadata><arXivRaw><id>{id}</id><version version=\"v1\"><date>{}</date><size>1kb</size></version>\
                 <title>Paper {}</title><authors>Ada Lovelace</authors><categories>{}</categories>\
                 <abstract>About it.</abstract></arXivRaw></metadata></record>",
                paper.changed,
                paper.submitted.format("%a, %d %b %Y %H:%M:%S GMT"),
                paper.number,
                paper.category,
            )
            .unwrap();
        }
        if records.is_empty() {
            return "<OAI-PMH><error code='noRecordsMatch'/></OAI-PMH>".to_owned();
        }
        format!("<OAI-PMH><ListRecords>{records}</ListRecords></OAI-PMH>")
    }

    /// The catch-up page of one category and day, as arXiv shows it.
    fn page_of(&self, day: NaiveDate, category: &str) -> String {
        let papers: Vec<_> = self
            .papers
            .iter()
            .filter(|paper| paper.day == day && paper.category == category)
            .collect();
        let entries: Vec<String> = papers
            .iter()
            .map(|paper| {
                let id = format!("26{:02}.{:05}", day.month(), paper.number);
                format!(
                    "<dt><a href =\"/abs/{id}\">arXiv:{id}</a></dt><dd><div class='list-title mathjax'>\
                     <span class='descriptor'>Title:</span>Paper {}</div><div class='list-authors'>Ada Lovelace</div>\
                     <div class='list-subjects'>Something ({category})</div><p class='mathjax'>About it.</p></dd>",
                    paper.number
                )
            })
            .collect();
        let all = papers.len();
        let heading = format!(
            "<h1>Catchup results for {category} on {}</h1>",
            day.format("%a, %d %b %Y")
        );
        if all == 0 {
            return format!(
                "{heading}Total of 0 entries <p>No updates for {}</p>",
                day.format("%a, %d %b %Y")
            );
        }
        format!(
            "{heading}Total of {all} entries <dl><h3>New submissions (showing {all} of {all} entries)</h3>{}</dl>",
            entries.concat()
        )
    }

    fn source(&self) -> SourceSettings {
        SourceSettings {
            categories: self
                .categories
                .iter()
                .map(|category| (*category).to_owned())
                .collect(),
            endpoint: Some(self.arxiv.url()),
            catchup: self.reads_pages,
            ..SourceSettings::new("arxiv", &paperboy::source::arxiv::KIND)
        }
    }

    async fn asks(&self, ask: PollScope) -> PollSummary {
        self.serves();
        poll(&self.db, &self.http, &self.source(), ask)
            .await
            .unwrap()
    }

    /// The service runs until then.
    async fn runs_to(&self, then: DateTime<Utc>) {
        while self.clock.now() < then {
            self.asks(PollScope::WhatIsDue).await;
            self.clock.set((self.clock.now() + STEP).min(then));
        }
    }

    /// What `papers coverage` shows.
    fn table(&self) -> String {
        let rows = self
            .db
            .run_here(|store| store.coverage(NaiveDate::MIN, NaiveDate::MAX))
            .unwrap();
        let lines = rows.iter().map(|row| {
            let declared = row
                .declared
                .map_or_else(|| "-".to_owned(), |declared| declared.to_string());
            let word = row.state.word();
            let line = format!(
                "{} {:8} {word:8} {declared:>3} {:>3}  {}",
                row.date.format("%a %d"),
                row.category,
                row.papers,
                row.note
            );
            line.trim_end().to_owned()
        });
        // The port of the server is another one each time.
        lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace(&self.arxiv.url(), "http://arxiv")
    }

    /// How many papers are known on the day on which they were announced, and how
    /// many on another one or not at all; of those announced from `first` to `last`.
    fn known(&self, first: &str, last: &str) -> (usize, usize) {
        let (mut right, mut wrong) = (0, 0);
        for paper in self
            .papers
            .iter()
            .filter(|paper| (date(first)..=date(last)).contains(&paper.day))
        {
            let id = format!("26{:02}.{:05}", paper.day.month(), paper.number)
                .parse()
                .unwrap();
            let stored = self.db.run_here(|store| store.paper(&id)).unwrap();
            let day = stored.and_then(|stored| stored.paper.announced);
            *(if day == Some(paper.day) {
                &mut right
            } else {
                &mut wrong
            }) += 1;
        }
        (right, wrong)
    }
}

#[tokio::test]
async fn a_bad_week_is_told_as_it_was_and_misses_nothing() {
    let mut world = World::new(
        eastern(date("2026-08-03"), 1),
        &["cs.LG", "cs.CL", "quant-ph"],
    )
    .await;
    world.announces("2026-07-30", "2026-08-14", 4);
    world.odd.insert((date("2026-08-04"), "cs.CL"), Odd::Stale);
    world.odd.insert((date("2026-08-05"), "cs.LG"), Odd::Short);
    for category in ["cs.LG", "cs.CL", "quant-ph"] {
        world.odd.insert((date("2026-08-06"), category), Odd::Storm);
    }
    world.runs_to(eastern(date("2026-08-04"), 5)).await;
    assert!(
        world.table().contains("Tue 04 cs.CL    waiting"),
        "{}",
        world.table()
    );
    world.runs_to(eastern(date("2026-08-06"), 5)).await;
    assert!(
        world.table().contains("Thu 06 cs.CL    failed"),
        "{}",
        world.table()
    );
    world.runs_to(eastern(date("2026-08-09"), 12)).await;
    insta::assert_snapshot!(world.table());
    assert_eq!(world.known("2026-08-03", "2026-08-07"), (60, 0));
    assert_eq!(world.arxiv.connections_max(), 1);
    // Three feeds of three looks a day or so, and a list for each category; not hundreds.
    let lists = world
        .arxiv
        .paths()
        .iter()
        .filter(|path| path.starts_with("/oai"))
        .count();
    assert!(lists <= 3 * 7, "{lists} lists were asked for");
}

#[tokio::test]
async fn a_daemon_that_was_off_for_a_week_catches_up() {
    let mut world = World::new(eastern(date("2026-08-03"), 1), &["cs.LG", "cs.CL"]).await;
    world.announces("2026-07-30", "2026-08-14", 4);
    // Held by moderators for a week: submitted on the 28th of July, announced on the 6th.
    let held = world
        .papers
        .iter_mut()
        .filter(|paper| paper.day == date("2026-08-06"))
        .nth(3)
        .unwrap();
    held.submitted = eastern(date("2026-07-28"), 9);
    world.runs_to(eastern(date("2026-08-03"), 12)).await;
    world.clock.set(eastern(date("2026-08-11"), 9));
    // One paper of the time was changed since: its day is inferred.
    world
        .papers
        .iter_mut()
        .find(|paper| paper.day == date("2026-08-05"))
        .unwrap()
        .changed = date("2026-08-10");
    world.runs_to(eastern(date("2026-08-11"), 12)).await;
    insta::assert_snapshot!(world.table());
    assert_eq!(world.known("2026-08-03", "2026-08-11"), (56, 0));
}

#[tokio::test]
async fn clocks_change_in_march_and_in_november() {
    for (first, last, from) in [
        ("2026-03-04", "2026-03-13", "2026-03-06"),
        ("2026-10-28", "2026-11-06", "2026-10-30"),
    ] {
        let mut world = World::new(eastern(date(from), 1), &["cs.LG", "cs.CL"]).await;
        world.announces(first, last, 5);
        world
            .odd
            .insert((date(from) + Days::new(3), "cs.CL"), Odd::Stale);
        world.runs_to(eastern(date(from) + Days::new(4), 12)).await;
        let until = (date(from) + Days::new(4)).to_string();
        assert_eq!(world.known(from, &until), (30, 0), "{}", world.table());
        assert_eq!(
            world.table().matches("complete").count(),
            6,
            "{}",
            world.table()
        );
    }
}

#[tokio::test]
async fn a_holiday_in_a_gap_is_quiet() {
    let mut world = World::new(eastern(date("2026-11-23"), 1), &["cs.LG", "cs.CL"]).await;
    // No announcement on the evening of Thanksgiving: nothing is dated the 27th.
    world.holidays.push(date("2026-11-27"));
    world.announces("2026-11-20", "2026-12-02", 6);
    world.runs_to(eastern(date("2026-11-24"), 12)).await;
    world.clock.set(eastern(date("2026-12-01"), 9));
    world.runs_to(eastern(date("2026-12-01"), 11)).await;
    assert_eq!(
        world.known("2026-11-23", "2026-12-01"),
        (72, 0),
        "{}",
        world.table()
    );
    for category in ["cs.CL   ", "cs.LG   "] {
        assert!(
            !world
                .table()
                .contains(&format!("Fri 27 {category} complete")),
            "{}",
            world.table()
        );
    }
}

#[tokio::test]
async fn fetch_since_fills_days_before_the_first_look() {
    let mut world = World::new(eastern(date("2026-08-11"), 9), &["cs.LG"]).await;
    world.announces("2026-07-30", "2026-08-14", 4);
    world.asks(PollScope::Everything).await;
    assert_eq!(world.known("2026-08-03", "2026-08-11"), (4, 24));
    let polled = world.asks(PollScope::Since(date("2026-08-03"))).await;
    assert_eq!(
        (polled.new, polled.failures.len()),
        (24, 0),
        "{}",
        world.table()
    );
    assert_eq!(
        world.known("2026-08-03", "2026-08-11"),
        (28, 0),
        "{}",
        world.table()
    );
    // The same again changes nothing.
    let again = world.asks(PollScope::Since(date("2026-08-03"))).await;
    assert_eq!((again.new, again.changed), (0, 0));
}

#[tokio::test]
async fn lists_that_are_down_are_said_and_asked_again() {
    let mut world = World::new(eastern(date("2026-08-03"), 1), &["cs.LG"]).await;
    world.announces("2026-07-30", "2026-08-14", 4);
    world.runs_to(eastern(date("2026-08-03"), 12)).await;
    world.clock.set(eastern(date("2026-08-05"), 9));
    world.lists_are_down = true;
    let polled = world.asks(PollScope::WhatIsDue).await;
    assert_eq!(polled.failures.len(), 1, "{polled:?}");
    assert!(
        world.table().contains("Tue 04 cs.LG    stalled"),
        "{}",
        world.table()
    );
    world.lists_are_down = false;
    world.asks(PollScope::WhatIsDue).await;
    assert!(
        world.table().contains("Tue 04 cs.LG    stalled"),
        "not before an hour has passed"
    );
    world.runs_to(eastern(date("2026-08-05"), 12)).await;
    assert_eq!(
        world.known("2026-08-03", "2026-08-05"),
        (12, 0),
        "{}",
        world.table()
    );
}

#[tokio::test]
async fn catch_up_pages_fill_gaps_exactly() {
    let mut world = World::new(eastern(date("2026-11-23"), 1), &["cs.LG", "cs.CL"]).await;
    world.holidays.push(date("2026-11-27"));
    world.announces("2026-11-20", "2026-12-02", 4);
    world.reads_pages = true;
    world.lists_are_down = true;
    world.runs_to(eastern(date("2026-11-24"), 12)).await;
    for day in date("2026-11-23").iter_days().take(9) {
        for category in ["cs.LG", "cs.CL"] {
            world
                .arxiv
                .on(&format!("/catchup/{category}/{day}"))
                .says(Reply::ok(world.page_of(day, category)));
        }
    }
    // One page says more than it shows, and is not believed; lists do without it later.
    let torn = world
        .page_of(date("2026-11-25"), "cs.CL")
        .replace("Total of 4", "Total of 5");
    world
        .arxiv
        .on("/catchup/cs.CL/2026-11-25")
        .says(Reply::ok(torn));
    world.clock.set(eastern(date("2026-12-01"), 9));
    world.asks(PollScope::WhatIsDue).await;
    insta::assert_snapshot!(world.table());
    assert_eq!(
        world.known("2026-11-23", "2026-12-01"),
        (48, 0),
        "{}",
        world.table()
    );
}
