//! A look at any source that answers over HTTP, but arXiv, whose ways are its own.

use super::{Ask, Polled, known, take_in};
use crate::paper::PaperId;
use crate::source::SourceSettings;
use crate::source::http::{Http, Pause};
use crate::source::remote::{self, Window};
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
    ask: Ask,
) -> Result<Polled, StoreError> {
    let mut polled = Polled {
        source: source.name.clone(),
        ..Polled::default()
    };
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
    let since = ask.since();
    let known = known(db, &source.name, since, now).await?;
    let window = Window {
        known,
        since,
        everything: ask.is_everything(),
        now,
    };
    let Some(mut look) = remote::look(source, http, &window).await else {
        return Ok(None);
    };
    let pause = look.pause.take();
    let failures = std::mem::take(&mut look.failures);
    let asked = look.asked;
    let ids = remote::ids(&look);
    let announced: BTreeMap<PaperId, Option<NaiveDate>> = db
        .run(move |store| store.announcement_days(&ids))
        .await?
        .into_iter()
        .collect();
    let batch = remote::settle(look, &announced, &window);
    let came = take_in(db, &source.name, &window.known, batch, http.now()).await?;
    // What failed in an earlier look has been asked for again.
    polled.failures.clear();
    polled.add(Polled {
        asked,
        failures,
        ..came
    });
    Ok(pause)
}
