//! The history of a subscriber.

use super::SqliteStore;
use super::papers::stored_paper;
use super::requests::request;
use super::row::{Columns, date_text};
use crate::store::{
    DeliveryState, PastIssue, PastIssueContent, PastPick, Request, SentMail, StoreError,
    SubscriberHistoryStore,
};
use crate::subscriber::SubscriberId;
use chrono::NaiveDate;
use rusqlite::{OptionalExtension, Row, named_params};

impl SubscriberHistoryStore for SqliteStore {
    fn past_issues(
        &mut self,
        subscriber: SubscriberId,
        limit: u32,
    ) -> Result<Vec<PastIssue>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT issues.local_date, deliveries.subject,
                    (SELECT count(*) FROM picks WHERE picks.issue_id = issues.id) AS papers
               FROM issues
               JOIN deliveries ON deliveries.id = issues.id
              WHERE issues.subscriber_id = :subscriber
              ORDER BY issues.local_date DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":subscriber": subscriber.0, ":limit": limit },
            |row| {
                let columns = Columns::of("issues", row);
                Ok(PastIssue {
                    local_date: columns.date("local_date")?,
                    subject: columns.get("subject")?,
                    papers: columns.get("papers")?,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn past_issue(
        &mut self,
        subscriber: SubscriberId,
        date: NaiveDate,
    ) -> Result<Option<PastIssueContent>, StoreError> {
        // One snapshot for both queries.
        let tx = self.conn.transaction()?;
        let wanted = named_params! { ":subscriber": subscriber.0, ":date": date_text(date) };
        let issue = tx
            .prepare_cached(
                "SELECT issues.*,
                        NOT EXISTS (SELECT 1 FROM issues AS earlier
                                     WHERE earlier.subscriber_id = issues.subscriber_id
                                       AND earlier.local_date < issues.local_date) AS is_first
                   FROM issues
                  WHERE issues.subscriber_id = :subscriber AND issues.local_date = :date",
            )?
            .query_row(wanted, |row| {
                let columns = Columns::of("issues", row);
                Ok(PastIssueContent {
                    covers: columns
                        .date_if_any("covers_from")?
                        .zip(columns.date_if_any("covers_to")?),
                    composed_at: columns.instant("composed_at")?,
                    is_first: columns.get("is_first")?,
                    picks: Vec::new(),
                })
            })
            .optional()?;
        let Some(mut issue) = issue else {
            return Ok(None);
        };
        issue.picks = tx
            .prepare_cached(
                "SELECT papers.*, picks.position, picks.score, picks.section, picks.reason,
                        issues.local_date, issues.composed_at
                   FROM issues
                   JOIN picks ON picks.issue_id = issues.id
                   JOIN papers AS picked ON picked.row = picks.paper
                   JOIN papers ON papers.row = coalesce(picked.merged_into, picked.row)
                  WHERE issues.subscriber_id = :subscriber AND issues.local_date = :date
                  ORDER BY picks.position",
            )?
            .query_map(wanted, own_pick)?
            .collect::<Result<_, _>>()?;
        Ok(Some(issue))
    }

    fn picks_of(
        &mut self,
        subscriber: SubscriberId,
        issues: u32,
    ) -> Result<Vec<PastPick>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT papers.*, picks.position, picks.score, picks.section, picks.reason,
                    newest.local_date, newest.composed_at
               FROM (SELECT id, local_date, composed_at
                       FROM issues
                      WHERE subscriber_id = :subscriber
                      ORDER BY local_date DESC
                      LIMIT :issues) AS newest
               JOIN picks ON picks.issue_id = newest.id
               JOIN papers AS picked ON picked.row = picks.paper
               JOIN papers ON papers.row = coalesce(picked.merged_into, picked.row)
              ORDER BY newest.local_date DESC, picks.position",
        )?;
        let rows = statement.query_map(
            named_params! { ":subscriber": subscriber.0, ":issues": issues },
            own_pick,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn mails_to(
        &mut self,
        subscriber: SubscriberId,
        limit: u32,
    ) -> Result<Vec<SentMail>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT *
               FROM deliveries
              WHERE subscriber_id = :id
              ORDER BY id DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":id": subscriber.0, ":limit": limit },
            |row| {
                let columns = Columns::of("deliveries", row);
                Ok(SentMail {
                    kind: columns.get("kind")?,
                    local_date: columns.date("local_date")?,
                    address: columns.get("address")?,
                    subject: columns.get("subject")?,
                    message_id: columns.get("message_id")?,
                    state: columns.word("state", &DeliveryState::WORDS)?,
                    code: columns.get("code")?,
                    text: columns.get("text")?,
                    at: columns.instant("at")?,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn requests_of(&mut self, subscriber: SubscriberId) -> Result<Vec<Request>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM requests WHERE subscriber_id = :id ORDER BY id")?;
        let rows = statement.query_map(named_params! { ":id": subscriber.0 }, request)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn own_pick(row: &Row<'_>) -> rusqlite::Result<PastPick> {
    let columns = Columns::of("picks", row);
    Ok(PastPick {
        paper: stored_paper(row)?,
        rank: columns.get::<u32>("position")? + 1,
        score: columns.get::<f64>("score")? as f32,
        section: columns.json("section")?,
        reasons: columns.json("reason")?,
        local_date: columns.date("local_date")?,
        composed_at: columns.instant("composed_at")?,
    })
}
