//! What a subscriber may see.

use super::SqliteStore;
use super::requests::request;
use super::row::Columns;
use crate::store::{DeliveryState, OwnerStore, PaperRow, Request, SentMail, ShownPick, StoreError};
use crate::subscriber::SubscriberId;
use rusqlite::named_params;

impl OwnerStore for SqliteStore {
    fn mails_to(&mut self, subscriber: SubscriberId, limit: u32) -> Result<Vec<SentMail>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT *
               FROM deliveries
              WHERE subscriber_id = :id
              ORDER BY id DESC
              LIMIT :limit",
        )?;
        let rows = statement.query_map(named_params! { ":id": subscriber.0, ":limit": limit }, |row| {
            let columns = Columns { table: "deliveries", row };
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
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn picks_of(&mut self, subscriber: SubscriberId, issues: u32) -> Result<Vec<ShownPick>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT newest.local_date, picks.position, picks.section, picks.score, picks.reason,
                    papers.row, papers.id, papers.title, papers.authors
               FROM (SELECT id, local_date FROM issues WHERE subscriber_id = :id
                      ORDER BY local_date DESC LIMIT :issues) AS newest
               JOIN picks ON picks.issue_id = newest.id
               JOIN papers ON papers.row = picks.paper
              ORDER BY newest.local_date DESC, picks.position",
        )?;
        let rows = statement.query_map(named_params! { ":id": subscriber.0, ":issues": issues }, |row| {
            let columns = Columns { table: "picks", row };
            Ok(ShownPick {
                local_date: columns.date("local_date")?,
                rank: columns.get::<u32>("position")? + 1,
                paper: PaperRow(columns.get("row")?),
                id: columns.read("id", |text| text.parse().ok())?,
                title: columns.get("title")?,
                authors: columns.json("authors")?,
                section: columns.get("section")?,
                score: columns.get::<f64>("score")? as f32,
                reason: columns.get("reason")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn requests_of(&mut self, subscriber: SubscriberId) -> Result<Vec<Request>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT * FROM requests WHERE subscriber_id = :id ORDER BY id")?;
        let rows = statement.query_map(named_params! { ":id": subscriber.0 }, request)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
