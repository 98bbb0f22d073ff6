//! A result at any source that answers over HTTP, but arXiv, whose ways are its own.

use super::{PollScope, PollSummary, known, take_in};
use crate::http::{Http, Pause};
use crate::paper::PaperId;
use crate::source::SourceSettings;
use crate::source::fetch::{self, FetchWindow};
use crate::store::{Db, StoreError};
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeMap;

/// A pause that is sat out in place; after a longer one the next poll goes on.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How often pauses are sat out in one poll.
const PAUSES_MAX: u32 = 3;

/// Asks for what the source's coverage leaves open.
pub(super) async fn poll(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ask: PollScope,
) -> Result<PollSummary, StoreError> {
    let mut polled = PollSummary {
        source: source.name.clone(),
        ..PollSummary::default()
    };
    for pauses in 0.. {
        let result = fetch(db, http, source, ask, &mut polled).await?;
        let Some(pause) = result else { break };
        let wait = pause.until - http.now();
        if wait > PATIENCE || pauses == PAUSES_MAX {
            polled.paused_until = Some(pause.until);
            break;
        }
        // What has come so far is stored: the next result goes on behind it.
        http.sleep(wait).await;
    }
    Ok(polled)
}

/// One result, taken in. The pause that ended it, if one did.
async fn fetch(
    db: &Db,
    http: &Http,
    source: &SourceSettings,
    ask: PollScope,
    polled: &mut PollSummary,
) -> Result<Option<Pause>, StoreError> {
    let now = http.now();
    let since = ask.since();
    let known = known(db, &source.name, since, now).await?;
    let window = FetchWindow {
        known,
        since,
        everything: ask.is_everything(),
        now,
    };
    let Some(mut result) = fetch::fetch(source, http, &window).await else {
        return Ok(None);
    };
    let pause = result.pause.take();
    let failures = std::mem::take(&mut result.failures);
    let asked = result.requested;
    let ids = fetch::ids(&result);
    let announced: BTreeMap<PaperId, Option<NaiveDate>> = db
        .run(move |store| store.announcement_days(&ids))
        .await?
        .into_iter()
        .collect();
    let batch = fetch::settle(result, &announced, &window);
    let came = take_in(db, &source.name, &window.known, batch, http.now()).await?;
    // What failed in an earlier result has been asked for again.
    polled.failures.clear();
    polled.add(PollSummary {
        asked,
        failures,
        ..came
    });
    Ok(pause)
}
