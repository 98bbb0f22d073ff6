//! The JSON objects that commands print with `--json` and the API returns, where a type of
//! the program is not one already.

use crate::digest::IssuePick;
use crate::edition::{Composed, ExplainedPaper};
use crate::language::Locale;
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

/// A paper with the records of its sources.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PaperShape {
    /// The paper.
    #[serde(flatten)]
    pub paper: Paper,
    /// Records of its sources, oldest first.
    pub records: Vec<PaperRecord>,
}

impl PaperShape {
    /// Reads the records of a stored paper.
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
    /// The recipient.
    pub email: Address,
    /// Local date.
    pub local_date: NaiveDate,
    /// Subject line.
    pub subject: String,
    /// Message-ID, with angle brackets.
    pub message_id: String,
    /// Announcement days.
    pub covers: Vec<NaiveDate>,
    /// Papers considered.
    pub considered: u32,
    /// Papers above the line for which there was no room.
    pub no_room: u32,
    /// Papers below the line.
    pub below_the_line: u32,
    /// Whether it would be sent: `false` if no paper is above the line and the subscriber wants
    /// no mail then.
    pub would_be_sent: bool,
    /// Papers, in order.
    pub picks: Vec<PickShape>,
    /// With `explain`: all terms of every pick's score, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub explained: Option<Vec<ExplainedPaper>>,
}

/// A paper in an issue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PickShape {
    /// Id of the paper.
    pub id: PaperId,
    /// The title.
    pub title: String,
    /// Announcement day.
    pub announced: Option<NaiveDate>,
    /// Heading of its section.
    pub section: String,
    /// Score, 0 to 1.
    pub score: f32,
    /// Reason for which it was picked.
    pub reason: String,
}

impl PreviewShape {
    /// Converts a composed issue.
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

/// A delivery with its attempts and reports.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryShape {
    /// Row of the outbox.
    #[serde(flatten)]
    pub row: DeliveryRow,
    /// Number, which stands as `issue=` in every log line about it.
    #[schema(example = 1234)]
    pub issue: i64,
    /// Subject of the issue.
    pub subject: String,
    /// Time of the next attempt.
    pub next_at: Option<DateTime<Utc>>,
    /// Attempts, oldest first.
    pub tries: Vec<TryShape>,
    /// Reports, newest first.
    pub reports: Vec<ReportRow>,
}

/// An attempt to hand a mail over.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TryShape {
    /// Time of the attempt.
    pub at: DateTime<Utc>,
    /// Course of the attempt.
    #[serde(flatten)]
    pub attempt: AttemptRecord,
}

/// Most reports on one delivery that are shown.
const REPORTS_SHOWN: u32 = 100;

impl DeliveryShape {
    /// Reads the attempts and reports of a delivery.
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

/// A suppressed address.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SuppressionShape {
    /// The address.
    pub address: Address,
    /// Reason, with the server's text.
    pub reason: String,
    /// Time of the suppression.
    pub at: DateTime<Utc>,
    /// Report that caused it, if there was one.
    pub evidence: Option<ReportRow>,
}

impl SuppressionShape {
    /// Reads the evidence of a suppression.
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

/// Days for which policy reports are shown.
pub const ALARM_DAYS: i64 = 7;

/// Returns the policy reports of the last `days`.
pub fn policy_reports(db: &Db, now: DateTime<Utc>, days: i64) -> Result<PolicyReports, StoreError> {
    let since = now - TimeDelta::days(days);
    db.read_here(|store| store.policy_reports(since))
}

/// Counts deliveries by state, reports by class (`report_hard`, …), `alarms` and `total`.
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

/// Describes the outcome of an operator's action on a delivery; `done` names the action.
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
