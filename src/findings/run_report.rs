//! Reports each day in the log and, if configured, by mail.

use super::monitor::MonitorError;
use super::{AlarmSettings, LOOK_BACK, RunMail};
use crate::clock::Clock;
use crate::digest::notices::Notice;
use crate::edition::{Addressee, Composer};
use crate::run_figures::RunFigures;
use crate::store::{Db, RunRow, Store};
use crate::subscriber::Address;
use chrono::{DateTime, Days, TimeDelta, Utc};
use std::sync::Arc;

/// Reports the days.
pub struct RunReporter {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl RunReporter {
    /// Reports the day that ended last, once; whether a mail was queued.
    ///
    /// A service that was down at the hour reports late, and only the last day.
    pub async fn step(
        &self,
        settings: &AlarmSettings,
        composer: &Arc<Composer>,
    ) -> Result<bool, MonitorError> {
        let now = self.clock.now();
        let due = now.date_naive().and_time(settings.summary_at).and_utc();
        let due = if due > now {
            due - TimeDelta::days(1)
        } else {
            due
        };
        let (composer, by_mail) = (
            Arc::clone(composer),
            settings.mail && settings.summary == RunMail::Daily,
        );
        self.db
            .run(move |store| Ok(sum_up(store, &composer, by_mail, due, now)))
            .await?
    }
}

fn sum_up(
    store: &mut dyn Store,
    composer: &Composer,
    by_mail: bool,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, MonitorError> {
    let date = due.date_naive();
    let last = store.runs(1)?.pop();
    if last.as_ref().is_some_and(|last| last.date >= date) {
        return Ok(false);
    }
    // A report begins where that of the day before ended.
    let since = match &last {
        Some(last) if last.date + Days::new(1) == date => last.at,
        _ => due - LOOK_BACK,
    };
    let figures = store.run_figures(since, due)?;
    // There is no report before the first day with an event.
    let is_idle = RunFigures {
        readers: 0,
        next: None,
        sources_late: Vec::new(),
        ..figures.clone()
    } == RunFigures::default();
    if last.is_none() && is_idle {
        return Ok(false);
    }
    let run = RunRow {
        date,
        since,
        at: due,
        figures,
    };
    let mail = if by_mail {
        Some(mail(composer, &run, now)?)
    } else {
        None
    }
    .flatten();
    if !store.save_run(&run, mail.as_ref(), now)? {
        return Ok(false);
    }
    let figures = &run.figures;
    tracing::info!(
        %date, papers = figures.papers, composed = figures.composed, accepted = figures.accepted,
        deferred = figures.deferred, rejected = figures.rejected, expired = figures.expired,
        uncertain = figures.uncertain, empty = figures.empty, bounces = figures.bounces,
        complaints = figures.complaints, joined = figures.joined, left = figures.left, readers = figures.readers,
        sources_late = figures.sources_late.len(), next = figures.next.map(|next| next.to_rfc3339()),
        "daily report"
    );
    Ok(mail.is_some())
}

/// The mail with the report; none if the site's contact is not an address.
fn mail(
    composer: &Composer,
    run: &RunRow,
    now: DateTime<Utc>,
) -> Result<Option<crate::store::NewNotice>, MonitorError> {
    let Ok(contact) = composer.site.contact.to_string().parse::<Address>() else {
        return Ok(None);
    };
    let notice = Notice::Run {
        date: run.date,
        figures: run.figures.clone(),
        url: Some(composer.site.url("/admin")),
    };
    let to = Addressee {
        subscriber: None,
        address: &contact,
        language: "en",
        zone: chrono_tz::Tz::UTC,
    };
    Ok(Some(composer.notice(&notice, to, now)?))
}
