//! Thumbs, muted authors and clicks.

use super::SqliteStore;
use super::papers::stored_paper;
use super::row::Columns;
use crate::pick::Thumb;
use crate::store::{
    Agent, Channel, Click, Feedback, FeedbackChange, FeedbackEvent, FeedbackStore, NewFeedback,
    PaperRow, StoreError, StoredClick, StoredPaper, ThumbsAtRank, Vote,
};
use crate::subscriber::SubscriberId;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};
use std::collections::HashSet;

/// Most clicks on one link recorded per day: more add nothing, and anyone with the link
/// could fill the disk with them.
const CLICKS_PER_DAY: u32 = 10;

impl FeedbackStore for SqliteStore {
    fn give_feedback(
        &mut self,
        new: &NewFeedback,
        now: DateTime<Utc>,
    ) -> Result<FeedbackChange, StoreError> {
        let tx = self.write()?;
        if !is_known(&tx, new.subscriber, new.paper)? {
            return Ok(FeedbackChange::Unknown);
        }
        let paper = surviving(&tx, new.paper)?;
        let pick = newest_pick(&tx, new.subscriber, paper)?;
        let through = pick.as_ref().and_then(|pick| pick.interest.clone());
        let before = thumb_on(&tx, new.subscriber, paper)?;
        let interest = new.interest.clone().or(through);
        if let Some((thumb, about)) = &before
            && *thumb == new.thumb
            && (new.interest.is_none() || *about == interest)
        {
            return Ok(FeedbackChange::Already);
        }
        forget_thumb(&tx, new.subscriber, paper)?;
        tx.prepare_cached(
            "INSERT OR REPLACE INTO feedback (subscriber_id, paper, thumb, interest, issue_id,
                rank, channel, at)
             VALUES (:subscriber, :paper, :thumb, :interest, :issue, :rank, :channel, :now)",
        )?
        .execute(named_params! {
            ":subscriber": new.subscriber.0, ":paper": paper.0, ":thumb": new.thumb.word(),
            ":interest": interest, ":issue": pick.as_ref().map(|pick| pick.issue),
            ":rank": pick.as_ref().map(|pick| pick.rank),
            ":channel": new.channel.word(),
            ":now": now.timestamp(),
        })?;
        log(
            &tx,
            new.subscriber,
            paper,
            Some(new.thumb),
            interest.as_deref(),
            new.channel,
            now,
        )?;
        tx.commit()?;
        Ok(FeedbackChange::Changed(before.map(|(thumb, _)| thumb)))
    }

    fn take_back(
        &mut self,
        subscriber: SubscriberId,
        paper: PaperRow,
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<Option<Thumb>, StoreError> {
        let tx = self.write()?;
        let paper = surviving(&tx, paper)?;
        let Some((before, interest)) = thumb_on(&tx, subscriber, paper)? else {
            return Ok(None);
        };
        forget_thumb(&tx, subscriber, paper)?;
        log(
            &tx,
            subscriber,
            paper,
            None,
            interest.as_deref(),
            channel,
            now,
        )?;
        tx.commit()?;
        Ok(Some(before))
    }

    fn feedback_of(&mut self, subscribers: &[SubscriberId]) -> Result<Vec<Feedback>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT feedback.*, papers.row, papers.id, papers.title, issues.local_date
               FROM feedback
               JOIN papers AS record ON record.row = feedback.paper
               JOIN papers ON papers.row = coalesce(record.merged_into, record.row)
               LEFT JOIN issues ON issues.id = feedback.issue_id
              WHERE feedback.subscriber_id = :subscriber
              ORDER BY feedback.at DESC, feedback.paper DESC",
        )?;
        let mut said = Vec::new();
        for subscriber in subscribers {
            // Of thumbs on records that are one paper now, the newest counts.
            let mut seen = HashSet::new();
            for row in
                statement.query_map(named_params! { ":subscriber": subscriber.0 }, feedback)?
            {
                let row = row?;
                if seen.insert(row.paper) {
                    said.push(row);
                }
            }
        }
        Ok(said)
    }

    fn feedback_history(
        &mut self,
        subscriber: SubscriberId,
        paper: PaperRow,
    ) -> Result<Vec<FeedbackEvent>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT * FROM feedback_log
              WHERE subscriber_id = :subscriber AND paper = :paper
              ORDER BY id",
        )?;
        let rows = statement.query_map(
            named_params! { ":subscriber": subscriber.0, ":paper": paper.0 },
            |row| {
                let columns = Columns::of("feedback_log", row);
                let thumb = match columns.get::<Option<String>>("thumb")? {
                    None => None,
                    Some(_) => Some(columns.word("thumb", &Thumb::WORDS)?),
                };
                Ok(FeedbackEvent {
                    paper: PaperRow(columns.get("paper")?),
                    thumb,
                    interest: columns.get("interest")?,
                    channel: columns.word("channel", &Channel::WORDS)?,
                    at: columns.instant("at")?,
                })
            },
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn saved_papers(
        &mut self,
        subscriber: SubscriberId,
    ) -> Result<Vec<(StoredPaper, DateTime<Utc>)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT papers.*, feedback.at AS said_at, feedback.thumb = 'save' AS is_saved
               FROM feedback
               JOIN papers AS record ON record.row = feedback.paper
               JOIN papers ON papers.row = coalesce(record.merged_into, record.row)
              WHERE feedback.subscriber_id = :subscriber
              ORDER BY feedback.at DESC, feedback.paper DESC",
        )?;
        let (mut saved, mut seen) = (Vec::new(), HashSet::new());
        let mut rows = statement.query(named_params! { ":subscriber": subscriber.0 })?;
        while let Some(row) = rows.next()? {
            if seen.insert(row.get::<_, i64>("row")?) && row.get("is_saved")? {
                saved.push((
                    stored_paper(row)?,
                    Columns::of("feedback", row).instant("said_at")?,
                ));
            }
        }
        Ok(saved)
    }

    fn likes_by_paper(&mut self, since: DateTime<Utc>) -> Result<Vec<Vote>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT coalesce(papers.merged_into, papers.row) AS paper, feedback.thumb,
                max(feedback.at) AS at
               FROM feedback
               JOIN papers ON papers.row = feedback.paper
              WHERE feedback.at >= :since AND feedback.thumb IN ('more', 'save')
              GROUP BY feedback.subscriber_id, coalesce(papers.merged_into, papers.row)
              ORDER BY 1, 3",
        )?;
        let rows = statement.query_map(named_params! { ":since": since.timestamp() }, |row| {
            let columns = Columns::of("feedback", row);
            Ok(Vote {
                paper: PaperRow(columns.get("paper")?),
                thumb: columns.word("thumb", &Thumb::WORDS)?,
                at: columns.instant("at")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn thumbs_by_rank(&mut self, since: DateTime<Utc>) -> Result<Vec<ThumbsAtRank>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT picks.position + 1 AS rank,
                    count(*) AS shown,
                    count(*) FILTER (WHERE feedback.thumb = 'more') AS more,
                    count(*) FILTER (WHERE feedback.thumb = 'less') AS less,
                    count(*) FILTER (WHERE feedback.thumb = 'save') AS save
               FROM issues
               JOIN picks ON picks.issue_id = issues.id
               LEFT JOIN feedback ON feedback.subscriber_id = picks.subscriber_id
                                 AND feedback.paper = picks.paper
                                 AND feedback.issue_id = picks.issue_id
              WHERE issues.composed_at >= :since
              GROUP BY picks.position
              ORDER BY picks.position",
        )?;
        let rows = statement.query_map(named_params! { ":since": since.timestamp() }, |row| {
            Ok(ThumbsAtRank {
                rank: row.get("rank")?,
                shown: row.get("shown")?,
                more: row.get("more")?,
                less: row.get("less")?,
                save: row.get("save")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn mute_author(
        &mut self,
        subscriber: SubscriberId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let muted = self
            .conn
            .prepare_cached(
                "INSERT INTO muted_authors (subscriber_id, name, at)
                 VALUES (:subscriber, :name, :now)
                     ON CONFLICT (subscriber_id, name) DO NOTHING",
            )?
            .execute(named_params! {
                ":subscriber": subscriber.0,
                ":name": name,
                ":now": now.timestamp(),
            })?;
        Ok(muted == 1)
    }

    fn unmute_author(&mut self, subscriber: SubscriberId, name: &str) -> Result<bool, StoreError> {
        let unmuted = self
            .conn
            .prepare_cached(
                "DELETE FROM muted_authors WHERE subscriber_id = :subscriber AND name = :name",
            )?
            .execute(named_params! { ":subscriber": subscriber.0, ":name": name })?;
        Ok(unmuted == 1)
    }

    fn muted_authors(
        &mut self,
        subscribers: &[SubscriberId],
    ) -> Result<Vec<(SubscriberId, String)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT name FROM muted_authors
              WHERE subscriber_id = :subscriber
              ORDER BY name",
        )?;
        let mut muted = Vec::new();
        for subscriber in subscribers {
            let rows = statement
                .query_map(named_params! { ":subscriber": subscriber.0 }, |row| {
                    Ok((*subscriber, row.get("name")?))
                })?;
            for row in rows {
                muted.push(row?);
            }
        }
        Ok(muted)
    }

    fn record_click(&mut self, click: &Click) -> Result<(), StoreError> {
        let tx = self.write()?;
        if is_known(&tx, click.subscriber, click.paper)? {
            let pick = newest_pick(&tx, click.subscriber, surviving(&tx, click.paper)?)?;
            tx.prepare_cached(
                "INSERT INTO clicks (subscriber_id, paper, issue_id, at_ms, is_head, agent, network)
                 SELECT :subscriber, :paper, :issue, :at, :is_head, :agent, :network
                  WHERE (SELECT count(*)
                           FROM clicks
                          WHERE subscriber_id = :subscriber AND paper = :paper
                              AND at_ms > :at - 86400000) < :most",
            )?
            .execute(named_params! {
                ":most": CLICKS_PER_DAY,
                ":subscriber": click.subscriber.0,
                ":paper": click.paper.0,
                ":issue": pick.map(|pick| pick.issue),
                ":at": click.at.timestamp_millis(), ":is_head": click.is_head,
                ":agent": click.agent.word(), ":network": click.network,
            })?;
        }
        Ok(tx.commit()?)
    }

    fn clicks_since(&mut self, since: DateTime<Utc>) -> Result<Vec<StoredClick>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT clicks.*, coalesce(papers.merged_into, papers.row) AS row,
                deliveries.at AS delivered_at
               FROM clicks
               JOIN papers ON papers.row = clicks.paper
               LEFT JOIN deliveries ON deliveries.id = clicks.issue_id
                   AND deliveries.state = 'accepted'
              WHERE clicks.at_ms >= :since
              ORDER BY clicks.at_ms, clicks.id",
        )?;
        let rows = statement.query_map(
            named_params! { ":since": since.timestamp_millis() },
            stored_click,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn clicks_of(&mut self, subscribers: &[SubscriberId]) -> Result<Vec<StoredClick>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT clicks.*, coalesce(papers.merged_into, papers.row) AS row,
                deliveries.at AS delivered_at
               FROM clicks
               JOIN papers ON papers.row = clicks.paper
               LEFT JOIN deliveries ON deliveries.id = clicks.issue_id
                   AND deliveries.state = 'accepted'
              WHERE clicks.subscriber_id = :subscriber",
        )?;
        let mut clicks = Vec::new();
        for subscriber in subscribers {
            for row in
                statement.query_map(named_params! { ":subscriber": subscriber.0 }, stored_click)?
            {
                clicks.push(row?);
            }
        }
        clicks.sort_by_key(|stored: &StoredClick| stored.click.at);
        Ok(clicks)
    }
}

fn is_known(
    conn: &Connection,
    subscriber: SubscriberId,
    paper: PaperRow,
) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT 1
          WHERE EXISTS (SELECT 1 FROM subscribers WHERE id = :subscriber)
            AND EXISTS (SELECT 1 FROM papers WHERE row = :paper)",
    )?
    .exists(named_params! { ":subscriber": subscriber.0, ":paper": paper.0 })
}

/// Returns the paper that this row was merged into, or the row itself.
fn surviving(conn: &Connection, paper: PaperRow) -> rusqlite::Result<PaperRow> {
    conn.prepare_cached("SELECT coalesce(merged_into, row) AS row FROM papers WHERE row = :paper")?
        .query_row(named_params! { ":paper": paper.0 }, |row| {
            Ok(PaperRow(row.get("row")?))
        })
        .optional()
        .map(|found| found.unwrap_or(paper))
}

/// Deletes the reader's thumbs on all rows of the paper.
fn forget_thumb(
    tx: &Transaction<'_>,
    subscriber: SubscriberId,
    paper: PaperRow,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM feedback
          WHERE subscriber_id = :subscriber
            AND paper IN (SELECT row FROM papers WHERE row = :paper OR merged_into = :paper)",
    )?
    .execute(named_params! { ":subscriber": subscriber.0, ":paper": paper.0 })?;
    Ok(())
}

/// The place of a paper in an issue.
struct Pick {
    issue: i64,
    rank: u32,
    /// Interest of its section.
    interest: Option<String>,
}

fn newest_pick(
    conn: &Connection,
    subscriber: SubscriberId,
    paper: PaperRow,
) -> rusqlite::Result<Option<Pick>> {
    conn.prepare_cached(
        "SELECT picks.issue_id, picks.position + 1 AS rank, interests.name
           FROM picks
           JOIN issues ON issues.id = picks.issue_id
           LEFT JOIN interests ON interests.subscriber_id = picks.subscriber_id
                              AND interests.name = picks.section ->> 'interest'
          WHERE picks.subscriber_id = :subscriber
            AND picks.paper IN (SELECT row FROM papers WHERE row = :paper OR merged_into = :paper)
          ORDER BY issues.local_date DESC
          LIMIT 1",
    )?
    .query_row(
        named_params! { ":subscriber": subscriber.0, ":paper": paper.0 },
        |row| {
            Ok(Pick {
                issue: row.get("issue_id")?,
                rank: row.get("rank")?,
                interest: row.get("name")?,
            })
        },
    )
    .optional()
}

fn thumb_on(
    tx: &Transaction<'_>,
    subscriber: SubscriberId,
    paper: PaperRow,
) -> rusqlite::Result<Option<(Thumb, Option<String>)>> {
    tx.prepare_cached(
        "SELECT thumb, interest FROM feedback WHERE subscriber_id = :subscriber
            AND paper IN (SELECT row FROM papers WHERE row = :paper OR merged_into = :paper)
          ORDER BY at DESC
          LIMIT 1",
    )?
    .query_row(
        named_params! { ":subscriber": subscriber.0, ":paper": paper.0 },
        |row| {
            Ok((
                Columns::of("feedback", row).word("thumb", &Thumb::WORDS)?,
                row.get("interest")?,
            ))
        },
    )
    .optional()
}

fn log(
    tx: &Transaction<'_>,
    subscriber: SubscriberId,
    paper: PaperRow,
    thumb: Option<Thumb>,
    interest: Option<&str>,
    channel: Channel,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO feedback_log (subscriber_id, paper, thumb, interest, channel, at)
         VALUES (:subscriber, :paper, :thumb, :interest, :channel, :now)",
    )?
    .execute(named_params! {
        ":subscriber": subscriber.0, ":paper": paper.0, ":thumb": thumb.map(Thumb::word),
        ":interest": interest, ":channel": channel.word(), ":now": now.timestamp(),
    })?;
    Ok(())
}

fn feedback(row: &Row<'_>) -> rusqlite::Result<Feedback> {
    let columns = Columns::of("feedback", row);
    Ok(Feedback {
        subscriber: SubscriberId(columns.get("subscriber_id")?),
        paper: PaperRow(columns.get("row")?),
        id: columns.read("id", |text| text.parse().ok())?,
        title: columns.get("title")?,
        thumb: columns.word("thumb", &Thumb::WORDS)?,
        interest: columns.get("interest")?,
        local_date: columns.date_if_any("local_date")?,
        rank: columns.get("rank")?,
        channel: columns.word("channel", &Channel::WORDS)?,
        at: columns.instant("at")?,
    })
}

fn stored_click(row: &Row<'_>) -> rusqlite::Result<StoredClick> {
    let columns = Columns::of("clicks", row);
    let at = columns.get::<i64>("at_ms")?;
    Ok(StoredClick {
        click: Click {
            subscriber: SubscriberId(columns.get("subscriber_id")?),
            paper: PaperRow(columns.get("row")?),
            at: DateTime::from_timestamp_millis(at).unwrap_or(DateTime::UNIX_EPOCH),
            is_head: columns.get("is_head")?,
            agent: columns.word("agent", &Agent::WORDS)?,
            network: columns.get("network")?,
        },
        issue: columns.get("issue_id")?,
        delivered_at: columns.instant_if_any("delivered_at")?,
    })
}
