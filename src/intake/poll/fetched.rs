//! A look at any source that answers over HTTP, but arXiv, whose ways are its own.

use super::{Ask, COVERAGE_DAYS, Polled, known_since, take_in};
use crate::paper::PaperId;
use crate::source::SourceSettings;
use crate::source::http::{Http, Pause};
use crate::source::remote::{self, Window};
use crate::store::{Db, SourcePause, StoreError};
use chrono::{Days, NaiveDate, SubsecRound, TimeDelta};
use std::collections::BTreeMap;

/// A pause that is sat out in place; after a longer one the next poll goes on.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How often pauses are sat out in one poll.
const PAUSES_MAX: u32 = 3;

/// Asks for what the source's coverage leaves open.
pub(super) async fn poll(db: &Db, http: &Http, source: &SourceSettings, ask: Ask) -> Result<Polled, StoreError> {
    let mut polled = Polled { source: source.name.clone(), ..Polled::default() };
    let Some(provider) = remote::provider(source) else { return Ok(polled) };
    let name = provider.name.clone();
    if let Some(SourcePause { provider, until, reason }) = db.run(move |store| store.source_pause(&name)).await? {
        http.stay_away(Pause { provider, until, reason });
    }
    for pauses in 0.. {
        let look = look(db, http, source, ask, &mut polled).await?;
        let Some(pause) = look else { break };
        let wait = pause.until - http.now();
        if wait > PATIENCE || pauses == PAUSES_MAX {
            polled.paused_until = Some(pause.until);
            break;
        }
        // What has come so far is stored: the next look goes on behind it.
        http.sleep(wait).await;
    }
    Ok(polled)
}

/// One look, taken in. The pause that ended it, if one did.
async fn look(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ask: Ask,
    polled: &mut Polled,
) -> Result<Option<Pause>, StoreError> {
    let now = http.now();
    let month = now.date_naive() - Days::new(COVERAGE_DAYS);
    let since = match ask {
        Ask::Since(date) => Some(date),
        Ask::WhatIsDue | Ask::Everything => None,
    };
    let known = known_since(db, &source.name, since.map_or(month, |since| since.min(month)), now).await?;
    let window = Window { known, since, everything: ask != Ask::WhatIsDue, now };
    let Some(mut look) = remote::look(source, http, &window).await else { return Ok(None) };
    let pause = look.pause.take();
    // A rest because of the settings is not written down: they may be mended.
    if let Some(pause) = pause.as_ref().filter(|_| !look.is_refused) {
        note_pause(db, pause).await?;
    }
    let failures = std::mem::take(&mut look.failures);
    let validators = std::mem::take(&mut look.validators);
    let asked = look.asked;
    let ids = remote::ids(&look);
    let announced: BTreeMap<PaperId, Option<NaiveDate>> =
        db.run(move |store| store.announcement_days(&ids)).await?.into_iter().collect();
    let batch = remote::settle(look, &announced, &window);
    let came = take_in(db, &source.name, &window.known, batch, http.now()).await?;
    for (url, validators) in validators {
        http.know(&url, validators);
    }
    polled.add(Polled { asked, failures, ..came });
    Ok(pause)
}

impl Polled {
    /// What a further look at the same source brought.
    fn add(&mut self, more: Polled) {
        self.asked += more.asked;
        self.read += more.read;
        self.new += more.new;
        self.changed += more.changed;
        self.merged += more.merged;
        self.passed_over += more.passed_over;
        self.rejected += more.rejected;
        self.failures = more.failures;
        self.changes.extend(more.changes);
        self.set_aside.extend(more.set_aside);
        self.coverage
            .retain(|row| !more.coverage.iter().any(|new| new.date == row.date && new.category == row.category));
        self.coverage.extend(more.coverage);
        self.coverage.sort_by(|one, other| (one.date, &one.category).cmp(&(other.date, &other.category)));
    }
}

/// Writes a pause down, to the next whole second.
async fn note_pause(db: &Db, pause: &Pause) -> Result<(), StoreError> {
    let whole = pause.until.trunc_subsecs(0);
    let until = if whole < pause.until { whole + TimeDelta::seconds(1) } else { whole };
    let noted = SourcePause { provider: pause.provider.clone(), until, reason: pause.reason.clone() };
    db.run(move |store| store.pause_source(&noted)).await
}
