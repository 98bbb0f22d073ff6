//! Tends the database while it is worked with: forgets what is old, a little at
//! a time, looks whether the file is sound, and gives back what it does not need.
//!
//! Nothing in here holds the database for longer than one small transaction, but
//! for one thing: after somebody was erased the file is written anew, and that
//! waits until no mail is due.

use crate::store::{Db, RetentionClass, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Rows that are forgotten in one transaction: some milliseconds of work.
pub const SLICE: u32 = 500;

/// Pages given back in one transaction.
const SHRINK_PAGES: u32 = 500;

/// After each slice the database is left to others for a while.
const PAUSE: Duration = Duration::from_millis(5);

/// How long it is remembered that a date had no issue: it decides nothing after
/// 8 days, and operators may wonder for some weeks.
const SKIPPED_KEPT: TimeDelta = TimeDelta::days(60);

/// The `[retention]` settings: how long what is kept for a while is kept; `None` is for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Texts of mails that are held, which are given up then.
    pub bodies: Option<TimeDelta>,
    /// Every single try to deliver; how a delivery ended is kept.
    pub attempts: Option<TimeDelta>,
    /// Clicks.
    pub clicks: Option<TimeDelta>,
    /// The record of consent of those who have left.
    pub consent: Option<TimeDelta>,
    /// Reports on mails that came back.
    pub reports: Option<TimeDelta>,
    /// Requests of the web, and subscriptions that nobody confirmed.
    pub requests: Option<TimeDelta>,
    /// Records of sources that could not be read.
    pub set_aside: Option<TimeDelta>,
    /// Alarms that are over.
    pub alarms: Option<TimeDelta>,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let days = |days| Some(TimeDelta::days(days));
        RetentionSettings {
            bodies: days(30),
            // Half a year: who asks what became of a mail asks sooner.
            attempts: days(180),
            // Clicks tell what is read now.
            clicks: days(90),
            // Claims over unwanted mail can be made for some three years (in Germany: BGB sections 195 and 199).
            consent: days(3 * 365 + 31),
            // A year and a month, so that seasons can be compared.
            reports: days(400),
            requests: days(30),
            set_aside: days(90),
            alarms: days(400),
        }
    }
}

impl RetentionSettings {
    /// What is forgotten, and after how long.
    pub fn rules(&self) -> [(RetentionClass, Option<TimeDelta>); 9] {
        [
            (RetentionClass::HeldTexts, self.bodies),
            (RetentionClass::Attempts, self.attempts),
            (RetentionClass::Clicks, self.clicks),
            (RetentionClass::Consents, self.consent),
            (RetentionClass::Reports, self.reports),
            (RetentionClass::Requests, self.requests),
            (RetentionClass::Skipped, Some(SKIPPED_KEPT)),
            (RetentionClass::SetAside, self.set_aside),
            (RetentionClass::Alarms, self.alarms),
        ]
    }
}

/// What came of tending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tended {
    /// What was forgotten, by kind.
    pub forgotten: Vec<(RetentionClass, u64)>,
    /// Pages given back to the disk.
    pub pages: u64,
    /// Whether the file was written anew.
    pub rewritten: bool,
    /// What is damaged in the file.
    pub damage: Vec<String>,
}

/// Tends the database, as long as `go_on` says so; what is left is done the next time.
pub async fn tend(
    db: &Db,
    settings: &RetentionSettings,
    now: DateTime<Utc>,
    go_on: impl Fn() -> bool,
) -> Result<Tended, StoreError> {
    let mut tended = Tended::default();
    for (what, kept) in settings.rules() {
        let Some(kept) = kept else { continue };
        let mut forgotten = 0;
        while go_on() {
            let slice = db
                .run(move |store| store.forget_old(what, now - kept, SLICE))
                .await?;
            forgotten += slice;
            tokio::time::sleep(PAUSE).await;
            if slice < u64::from(SLICE) {
                break;
            }
        }
        if forgotten > 0 {
            tended.forgotten.push((what, forgotten));
        }
    }
    // Whoever was erased is out of the file's unused parts, too, once nobody waits for their mail.
    let has_time = db
        .run(move |store| Ok(store.has_erased()? && store.waiting(now)?.0 == 0))
        .await?;
    if has_time && go_on() {
        tended.rewritten = db.run(|store| store.purge_erased()).await?;
    }
    while go_on() {
        let pages = db.run(|store| store.shrink(SHRINK_PAGES)).await?;
        tended.pages += pages;
        tokio::time::sleep(PAUSE).await;
        if pages == 0 {
            break;
        }
    }
    db.run(|store| store.optimize()).await?;
    if go_on() {
        // It reads the whole file, beside whoever writes.
        tended.damage = db.read(|store| store.check_integrity()).await?;
        let damage = tended.damage.join("\n");
        db.run(move |store| store.note_upkeep(&damage, now)).await?;
    }
    db.run(|store| store.settle_log()).await?;
    Ok(tended)
}
