//! The shared rate limit of providers in the database.

use crate::http::{BoxFuture, Pause, SLOT_MAX, SharedRateLimit, Slot};
use crate::store::{Db, SourcePause, SourceTurn, StoreError};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Pauses that end later than this come from a clock that has been set since.
const BELIEVED: TimeDelta = TimeDelta::hours(24);

/// The rate limit that processes share through the database.
#[derive(Debug)]
pub(super) struct DbRateLimit(pub(super) Db);

impl SharedRateLimit for DbRateLimit {
    fn acquire<'a>(&'a self, provider: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, Slot> {
        let name = provider.to_owned();
        Box::pin(async move {
            let until = now + SLOT_MAX;
            let taken = self
                .0
                .run(move |store| store.take_source_turn(&name, until, now + BELIEVED, now))
                .await;
            match taken {
                Ok(SourceTurn::Ours(slot)) => Slot::Acquired(slot),
                Ok(SourceTurn::NotBefore(then)) => Slot::NotBefore(then),
                Ok(SourceTurn::Paused(SourcePause {
                    provider,
                    until,
                    reason,
                })) => Slot::Paused(Pause {
                    provider,
                    until,
                    reason,
                }),
                Err(error) => {
                    say("takes no slot", &error);
                    Slot::Acquired(until)
                }
            }
        })
    }

    fn release<'a>(
        &'a self,
        provider: &'a str,
        slot: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> BoxFuture<'a, ()> {
        let name = provider.to_owned();
        Box::pin(async move {
            let ended = self
                .0
                .run(move |store| store.end_source_turn(&name, slot, next))
                .await;
            ended.unwrap_or_else(|error| say("ends no slot", &error));
        })
    }

    fn pause<'a>(&'a self, pause: &'a Pause) -> BoxFuture<'a, ()> {
        // To the next whole second.
        let whole = pause.until.trunc_subsecs(0);
        let until = if whole < pause.until {
            whole + TimeDelta::seconds(1)
        } else {
            whole
        };
        let noted = SourcePause {
            provider: pause.provider.clone(),
            until,
            reason: pause.reason.clone(),
        };
        Box::pin(async move {
            let noted = self.0.run(move |store| store.pause_source(&noted)).await;
            noted.unwrap_or_else(|error| say("notes no pause", &error));
        })
    }
}

fn say(what: &str, error: &StoreError) {
    tracing::warn!(%error, "the database {what}: other processes do not know of this one's requests");
}
