//! Upkeep of the database while it is in use: deletes old rows in small slices, checks the
//! integrity of the file, and returns free pages to the disk.
//!
//! Each transaction is small, with one exception: after a reader was erased the whole file is
//! rewritten (VACUUM), which waits until no mail is due.

use crate::store::{Db, RetentionClass, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Rows deleted in one transaction: some milliseconds of work.
pub const SLICE: u32 = 500;

/// Pages returned to the disk in one transaction.
const SHRINK_PAGES: u32 = 500;

/// The pause after each slice, in which others use the database.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a skipped date is kept: it decides nothing after 8 days, and operators ask about it
/// for some weeks.
const SKIPPED_KEPT: TimeDelta = TimeDelta::days(60);

/// The `[retention]` settings: how long rows are kept; `None` keeps them for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Texts of held mails; the mails expire with them.
    pub bodies: Option<TimeDelta>,
    /// Attempts to deliver; the outcome of each delivery stays.
    pub attempts: Option<TimeDelta>,
    /// Clicks on links of issues.
    pub clicks: Option<TimeDelta>,
    /// Consent records of readers who have left.
    pub consent: Option<TimeDelta>,
    /// Reports: bounces and complaints.
    pub reports: Option<TimeDelta>,
    /// Requests from the web, and subscriptions that were not confirmed.
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
            // Questions about a mail come within half a year.
            attempts: days(180),
            // Old clicks no longer describe a reader.
            clicks: days(90),
            // Claims over unwanted mail can be made for some three years (in Germany: BGB sections
            // 195 and 199).
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
    /// The kinds of rows that are deleted, and after how long.
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

/// The result of an upkeep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpkeepReport {
    /// Rows deleted, by kind.
    pub forgotten: Vec<(RetentionClass, u64)>,
    /// Pages returned to the disk.
    pub pages: u64,
    /// Whether the file was rewritten.
    pub rewritten: bool,
    /// Damage found in the file.
    pub damage: Vec<String>,
}

/// Does the upkeep while `go_on` returns true; the rest is done the next time.
pub async fn run_upkeep(
    db: &Db,
    settings: &RetentionSettings,
    now: DateTime<Utc>,
    go_on: impl Fn() -> bool,
) -> Result<UpkeepReport, StoreError> {
    let mut report = UpkeepReport::default();
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
            report.forgotten.push((what, forgotten));
        }
    }
    // Erased readers vanish from the unused pages of the file too, once no mail is due.
    let has_time = db
        .run(move |store| Ok(store.has_erased()? && store.waiting(now)?.0 == 0))
        .await?;
    if has_time && go_on() {
        report.rewritten = db.run(|store| store.purge_erased()).await?;
    }
    while go_on() {
        let pages = db.run(|store| store.shrink(SHRINK_PAGES)).await?;
        report.pages += pages;
        tokio::time::sleep(PAUSE).await;
        if pages == 0 {
            break;
        }
    }
    db.run(|store| store.optimize()).await?;
    if go_on() {
        // The check reads the whole file; writers are not blocked.
        report.damage = db.read(|store| store.check_integrity()).await?;
        let damage = report.damage.join("\n");
        db.run(move |store| store.note_upkeep(&damage, now)).await?;
    }
    db.run(|store| store.settle_log()).await?;
    Ok(report)
}
