//! The JSON objects that commands print with `--json` and the API answers with:
//! one shape for both, where the thing itself is not one already.

use crate::digest::{IssuePick, Locale};
use crate::edition::{Composed, ExplainedPaper};
use crate::paper::{Paper, PaperId};
use crate::store::{
    AttemptRecord, Db, DeliveryRow, DeliveryState, NewPick, OperatorOutcome, PaperRecord,
    PolicyReports, ReportRow, ReportsOf, StoreError, StoredPaper, Suppression,
};
use crate::subscriber::Address;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A paper with what each source calls it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaperShape {
    /// The paper.
    #[serde(flatten)]
    pub paper: Paper,
    /// What each source says of it, in the order in which it came.
    pub records: Vec<PaperRecord>,
}

impl PaperShape {
    /// A stored paper with its records.
    pub fn read(db: &Db, stored: StoredPaper) -> Result<Self, StoreError> {
        let row = stored.row;
        let records = db.read_here(|store| store.paper_records(row))?;
        Ok(PaperShape {
            paper: stored.paper,
            records,
        })
    }
}

/// An issue as it would be sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PreviewShape {
    /// To whom.
    pub email: Address,
    /// Its date where they live.
    pub local_date: NaiveDate,
    /// The subject line.
    pub subject: String,
    /// As in the message, with angle brackets.
    pub message_id: String,
    /// The announcement days in it.
    pub covers: Vec<NaiveDate>,
    /// Papers looked at.
    pub considered: u32,
    /// Papers above the line that found no room.
    pub no_room: u32,
    /// Papers below the line.
    pub below_the_line: u32,
    /// Whether it would be sent: not where nothing is above the line and they want no mail then.
    pub would_be_sent: bool,
    /// Its papers, in order.
    pub picks: Vec<PickShape>,
    /// With `explain`: the whole sum behind the score of every pick, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub explained: Option<Vec<ExplainedPaper>>,
}

/// A paper in an issue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PickShape {
    /// The paper.
    pub id: PaperId,
    /// Its title.
    pub title: String,
    /// Its announcement day.
    pub announced: Option<NaiveDate>,
    /// The heading that it stands below.
    pub section: String,
    /// 0 to 1.
    pub score: f32,
    /// Why it was picked.
    pub reason: String,
}

impl PreviewShape {
    /// A composed issue.
    pub fn new(composed: &Composed, explained: Option<Vec<ExplainedPaper>>) -> Self {
        let english = Locale::english();
        let picks = picks(composed).map(|(pick, stored)| PickShape {
            id: pick.paper.id.clone(),
            title: pick.paper.title.clone(),
            announced: pick.paper.announced,
            section: english.section(&stored.section),
            score: pick.score,
            reason: english.reason(&stored.reasons),
        });
        PreviewShape {
            email: composed.subscriber.address.clone(),
            local_date: composed.issue.local_date,
            subject: composed.rendered.subject.clone(),
            message_id: format!("<{}>", composed.message_id),
            covers: composed.issue.covers.iter().map(|day| day.date).collect(),
            considered: composed.issue.considered,
            no_room: composed.issue.no_room,
            below_the_line: composed.issue.below_the_line,
            would_be_sent: composed.wanted(),
            picks: picks.collect(),
            explained,
        }
    }
}

/// Every pick that is in the mail, with what is stored of it.
fn picks(composed: &Composed) -> impl Iterator<Item = (&IssuePick, &NewPick)> {
    let all = composed
        .issue
        .sections
        .iter()
        .flat_map(|section| &section.picks);
    all.filter_map(|pick| {
        let stored = composed
            .picks()
            .iter()
            .find(|stored| Some(stored.paper.0) == pick.row)?;
        Some((pick, stored))
    })
}

/// A delivery with all that became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryShape {
    /// The line of the outbox.
    #[serde(flatten)]
    pub row: DeliveryRow,
    /// Its number, which stands as `issue=` in every line of the log about it.
    #[schema(example = 1234)]
    pub issue: i64,
    /// The issue's subject.
    pub subject: String,
    /// When it will be tried (again).
    pub next_at: Option<DateTime<Utc>>,
    /// Every try, oldest first.
    pub tries: Vec<TryShape>,
    /// What came back about it, newest first.
    pub reports: Vec<ReportRow>,
}

/// One try to hand a mail over.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TryShape {
    /// When.
    pub at: DateTime<Utc>,
    /// How it went.
    #[serde(flatten)]
    pub attempt: AttemptRecord,
}

/// Reports on one delivery that are shown.
const REPORTS_SHOWN: u32 = 100;

impl DeliveryShape {
    /// A delivery with its tries and the reports on it.
    pub fn read(db: &Db, row: DeliveryRow) -> Result<Self, StoreError> {
        let (id, of) = (row.id, ReportsOf::Delivery(row.id));
        let (attempts, reports) =
            db.read_here(|store| Ok((store.attempts(id)?, store.reports(&of, REPORTS_SHOWN)?)))?;
        let tries = attempts
            .into_iter()
            .map(|(at, attempt)| TryShape { at, attempt })
            .collect();
        Ok(DeliveryShape {
            issue: id.0,
            subject: row.subject.clone(),
            next_at: row.next_at,
            row,
            tries,
            reports,
        })
    }
}

/// An address that must not be written to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SuppressionShape {
    /// The address.
    pub address: Address,
    /// Why, with the server's words.
    pub reason: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// The report on which it was suppressed, if it was one.
    pub evidence: Option<ReportRow>,
}

impl SuppressionShape {
    /// A suppression with its evidence.
    pub fn read(db: &Db, suppression: Suppression) -> Result<Self, StoreError> {
        let evidence = db.read_here(|store| store.suppression_evidence(&suppression.address))?;
        let Suppression {
            address,
            reason,
            at,
        } = suppression;
        Ok(SuppressionShape {
            address,
            reason,
            at,
            evidence,
        })
    }
}

/// How far back reports that call for a person are shown.
pub const ALARM_DAYS: i64 = 7;

/// Reports of the last `days` that say that mail from us is not wanted.
pub fn policy_reports(db: &Db, now: DateTime<Utc>, days: i64) -> Result<PolicyReports, StoreError> {
    let since = now - TimeDelta::days(days);
    db.read_here(|store| store.policy_reports(since))
}

/// Deliveries by state, reports by class (`report_hard`, …), `alarms` and `total`.
pub fn outbox_counts(db: &Db, now: DateTime<Utc>) -> Result<BTreeMap<String, u64>, StoreError> {
    let alarms = policy_reports(db, now, ALARM_DAYS)?.count;
    let (counts, reports) =
        db.read_here(|store| Ok((store.count_deliveries()?, store.count_reports()?)))?;
    let count = |state| {
        counts
            .iter()
            .find(|(known, _)| *known == state)
            .map_or(0, |(_, count)| *count)
    };
    let mut all: BTreeMap<String, u64> = DeliveryState::WORDS
        .iter()
        .map(|(word, state)| ((*word).to_owned(), count(*state)))
        .collect();
    all.extend(
        reports
            .into_iter()
            .map(|(class, count)| (format!("report_{class}"), count)),
    );
    all.insert("alarms".to_owned(), alarms);
    all.insert(
        "total".to_owned(),
        counts.iter().map(|(_, count)| count).sum(),
    );
    Ok(all)
}

/// What became of a delivery that a person touched, in words; `done` says what was asked.
pub fn by_hand(answer: OperatorOutcome, done: &str) -> String {
    match answer {
        OperatorOutcome::Done => done.to_owned(),
        OperatorOutcome::MayDuplicate => {
            format!("{done}; the server may have a copy already, so a second one is possible")
        }
        OperatorOutcome::Not(DeliveryState::Claimed | DeliveryState::HandingOver) => {
            "a sender has it in hand: try again once it is done".to_owned()
        }
        OperatorOutcome::Not(state) => {
            format!("is {}: there is nothing to do about it", state.word())
        }
        OperatorOutcome::Suppressed => {
            "its address is suppressed: `paperboy suppressions remove` allows mail to it".to_owned()
        }
        OperatorOutcome::Unknown => "there is no such delivery".to_owned(),
    }
}
