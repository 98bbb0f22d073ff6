//! Long lists, page by page.

use super::SqliteStore;
use super::deliveries::delivery;
use super::row::{Columns, date_text};
use super::subscribers::{address_key, subscriber, suppression, with_interests};
use crate::store::{
    DeliveryId, DeliveryRow, DeliveryState, PagedListStore, PastIssue, StoreError, Suppression,
};
use crate::subscriber::{Address, Status, Subscriber, SubscriberId};
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{OptionalExtension, named_params};

impl PagedListStore for SqliteStore {
    fn list_subscribers(
        &mut self,
        status: Option<Status>,
        after: SubscriberId,
        limit: u32,
    ) -> Result<Vec<Subscriber>, StoreError> {
        // One snapshot for both queries.
        let tx = self.conn.transaction()?;
        let found: Vec<Subscriber> = tx
            .prepare_cached(
                "SELECT * FROM subscribers
                  WHERE id > :after AND (:status IS NULL OR status = :status)
                  ORDER BY id
                  LIMIT :limit",
            )?
            .query_map(
                named_params! {
                    ":after": after.0,
                    ":status": status.map(Status::word),
                    ":limit": limit,
                },
                subscriber,
            )?
            .collect::<Result<_, _>>()?;
        Ok(with_interests(&tx, found)?)
    }

    fn list_issues(
        &mut self,
        subscriber: SubscriberId,
        before: Option<NaiveDate>,
        limit: u32,
    ) -> Result<Vec<PastIssue>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT issues.local_date, deliveries.subject,
                    (SELECT count(*) FROM picks WHERE picks.issue_id = issues.id) AS papers
               FROM issues
               JOIN deliveries ON deliveries.id = issues.id
              WHERE issues.subscriber_id = :subscriber AND (:before IS NULL
                  OR issues.local_date < :before)
              ORDER BY issues.local_date DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {
                ":subscriber": subscriber.0,
                ":before": before.map(date_text),
                ":limit": limit,
            },
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

    fn list_mails(
        &mut self,
        subscriber: SubscriberId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM deliveries
              WHERE subscriber_id = :subscriber AND (:before IS NULL OR id < :before)
              ORDER BY id DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {
                ":subscriber": subscriber.0,
                ":before": before.map(|id| id.0),
                ":limit": limit,
            },
            delivery,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn count_mails_of(&mut self, date: NaiveDate) -> Result<Vec<(DeliveryState, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT state, count(*) AS n FROM deliveries WHERE local_date = :date GROUP BY state",
        )?;
        let rows = statement.query_map(named_params! { ":date": date_text(date) }, |row| {
            let columns = Columns::of("deliveries", row);
            Ok((
                columns.word("state", &DeliveryState::WORDS)?,
                columns.get("n")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn suppression(&mut self, address: &Address) -> Result<Option<Suppression>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM suppressions WHERE address_key = :key")?;
        Ok(statement
            .query_row(named_params! { ":key": address_key(address) }, suppression)
            .optional()?)
    }

    fn list_suppressions(
        &mut self,
        from: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Suppression>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM suppressions
              WHERE at >= :from
              ORDER BY at, address_key
              LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! { ":from": from.timestamp(), ":limit": limit },
            suppression,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
