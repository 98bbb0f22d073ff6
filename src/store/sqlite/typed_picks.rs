//! Migration 19: sections and reasons of picks, stored as English text until then,
//! become typed values. Nothing else reads the old texts.

use super::row::json_text;
use crate::pick::{PaperNews, Reason, Section};
use rusqlite::{Transaction, named_params};
use rusqlite_migration::HookResult;

/// Converts every pick, issue by issue, so that memory stays flat.
pub(super) fn convert(tx: &Transaction<'_>) -> HookResult {
    let mut issues = tx.prepare("SELECT id FROM issues ORDER BY id")?;
    let mut picks = tx.prepare(
        "SELECT picks.position, picks.section, picks.reason,
            picks.kind = 'exploring' AS is_exploring,
                EXISTS (SELECT 1 FROM interests
                         WHERE interests.subscriber_id = picks.subscriber_id
                           AND interests.name = picks.section) AS is_interest
           FROM picks
          WHERE picks.issue_id = :issue",
    )?;
    let mut update = tx.prepare(
        "UPDATE picks SET section = :section, reason = :reason
          WHERE issue_id = :issue AND position = :position",
    )?;
    for issue in issues.query_map([], |row| row.get::<_, i64>("id"))? {
        let issue = issue?;
        let rows = picks.query_map(named_params! { ":issue": issue }, |row| {
            let position: i64 = row.get("position")?;
            let old = OldPick {
                section: row.get("section")?,
                reason: row.get("reason")?,
                is_exploring: row.get("is_exploring")?,
                is_interest: row.get("is_interest")?,
            };
            Ok((position, old))
        })?;
        for (position, old) in rows.collect::<Result<Vec<_>, _>>()? {
            let (section, reasons) = old.typed();
            update.execute(named_params! {
                ":section": json_text(&section),
                ":reason": json_text(&reasons),
                ":issue": issue,
                ":position": position,
            })?;
        }
    }
    Ok(())
}

struct OldPick {
    /// English heading, or the name of an interest.
    section: String,
    /// English reasons, joined by [`BETWEEN`].
    reason: String,
    is_exploring: bool,
    /// Whether the subscriber has an interest with the name of the section.
    is_interest: bool,
}

const BETWEEN: &str = " · ";

impl OldPick {
    /// Where an interest has the name of one of our headings, the reasons decide.
    fn typed(self) -> (Section, Vec<Reason>) {
        if self.section == "News of papers you know"
            && let Some(news) = news(&self.reason)
        {
            return (Section::News, vec![Reason::News(news)]);
        }
        let reasons: Vec<Reason> = self
            .reason
            .split(BETWEEN)
            .filter(|part| !part.is_empty())
            .map(reason)
            .collect();
        let is_for_author = matches!(reasons.first(), Some(Reason::FollowedAuthors(_)));
        let is_for_votes = matches!(reasons.first(), Some(Reason::Votes(_)));
        let section = match self.section.as_str() {
            _ if self.is_exploring => Section::Exploring,
            "Authors you follow" if is_for_author || !self.is_interest => Section::FollowedAuthors,
            "Trending" if is_for_votes || !self.is_interest => Section::Trending,
            "New papers" if !self.is_interest => Section::New,
            _ => Section::Interest(self.section),
        };
        (section, reasons)
    }
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let inner = text.strip_prefix(start)?.strip_suffix(end)?;
    (!inner.is_empty()).then(|| inner.to_owned())
}

fn list(text: &str, separator: &str) -> Vec<String> {
    text.split(separator).map(str::to_owned).collect()
}

fn reason(text: &str) -> Reason {
    let inner = |start, end| between(text, start, end);
    let votes = || {
        let count = inner("trending with ", " votes").or_else(|| inner("trending with ", " vote"));
        count?.parse().ok()
    };
    inner("by ", ", whom you follow")
        .map(|names| Reason::FollowedAuthors(list(&names, " and ")))
        .or_else(|| inner("matches “", "”").map(Reason::Keyword))
        .or_else(|| inner("like “", "”, which you liked").map(Reason::LikedPaper))
        .or_else(|| inner("by ", ", whose papers you liked").map(Reason::LikedAuthor))
        .or_else(|| inner("exploring beyond “", "”").map(Reason::Exploring))
        .or_else(|| inner("about ", "").map(|terms| Reason::Terms(list(&terms, ", "))))
        .or_else(|| inner("close in meaning to “", "”").map(Reason::Meaning))
        .or_else(|| inner("in ", ", as are papers you liked").map(Reason::LikedCategory))
        .or_else(|| inner("new in ", "").map(Reason::NewIn))
        .or_else(|| (text == "newly announced").then_some(Reason::New))
        .or_else(|| votes().map(Reason::Votes))
        .unwrap_or_else(|| Reason::Text(text.to_owned()))
}

fn news(text: &str) -> Option<PaperNews> {
    let version = between(text, "replaced: version ", "").and_then(|version| version.parse().ok());
    version
        .map(PaperNews::Replaced)
        .or_else(|| between(text, "published in ", "").map(PaperNews::Published))
        .or((text == "withdrawn").then_some(PaperNews::Withdrawn))
}
