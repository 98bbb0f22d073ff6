//! A delivery run: it holds the sending lease, claims due deliveries and feeds the connections.

use super::DeliverError;
use super::context::{AttemptEnd, DeliveryContext};
use super::destination::Destinations;
use super::ledger::Ledger;
use super::rate::Rate;
use super::relay::RelayHealth;
use super::service::DeliveryService;
use super::settings::OnUncertain;
use super::summary::{Summary, Tally};
use super::worker::{InFlight, Worker};
use crate::store::{Claimed, DeliveryState, RateState, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Deliveries claimed ahead for each connection: enough to keep it busy.
const CLAIMED_PER_CONNECTION: usize = 4;

/// Deliveries claimed at once where the queue is long: so many share one commit. Claims that a
/// crash leaves behind were never offered. Two such claims of 40 KB each still lie in the
/// database's cache when they are dropped.
const CLAIMED_MAX: usize = 128;

/// The time to live of the sending lease; it is renewed four times as often.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// The work that is left after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunStep {
    /// Deliveries that were taken up.
    pub claimed: usize,
    /// The next instant at which something is due; `None` if nothing waits.
    pub next_at: Option<DateTime<Utc>>,
}

/// Counts of deliveries by state, which claims change on their own.
#[derive(Debug, Clone, Copy, Default)]
struct StateCounts {
    queued: u64,
    held: u64,
    expired: u64,
}

impl StateCounts {
    fn read(counts: Vec<(DeliveryState, u64)>) -> Self {
        counts
            .into_iter()
            .fold(StateCounts::default(), |mut standing, (state, count)| {
                match state {
                    DeliveryState::Rendered
                    | DeliveryState::Deferred
                    | DeliveryState::Uncertain => {
                        standing.queued += count;
                    }
                    DeliveryState::Held => standing.held += count,
                    DeliveryState::Expired => standing.expired += count,
                    _ => {}
                }
                standing
            })
    }
}

/// A run of deliveries under the sending lease. Give the lease back with [`DeliveryRun::end`].
pub struct DeliveryRun<'a> {
    service: &'a DeliveryService,
    pub(super) context: Arc<DeliveryContext>,
    stop: CancellationToken,
    rate: AsyncMutex<Rate>,
    destinations: AsyncMutex<Destinations>,
    lost: Arc<Mutex<Option<DeliverError>>>,
    _lease_task: JoinSet<()>,
    before: StateCounts,
    began: Instant,
}

impl<'a> DeliveryRun<'a> {
    pub(super) async fn begin(service: &'a DeliveryService) -> Result<Self, DeliverError> {
        let began = Instant::now();
        let now = service.clock.now();
        let (holder, has_lock) = (service.holder.clone(), service.lock.is_some());
        let until = now + LEASE;
        let taken = service.db.run(move |store| {
            if has_lock {
                store.take_over_sending(&holder, until)?;
            }
            store.lease_sending(&holder, until, now)
        });
        let lease = taken.await?;
        if lease.holder != service.holder {
            return Err(DeliverError::Busy {
                holder: lease.holder,
                until: lease.until,
            });
        }
        let resend_at = (service.retry.on_uncertain == OnUncertain::Resend)
            .then(|| now + service.retry.resend_after);
        let name = service.relay_name.clone();
        let found = service.db.run(move |store| {
            let recovered = store.recover_claims(resend_at, now)?;
            let counts = store.count_deliveries()?;
            Ok((
                recovered,
                store.relay_pause(&name)?,
                store.rate_buckets(&name)?,
                StateCounts::read(counts),
            ))
        });
        let (recovered, pause, buckets, before) = found.await?;
        if recovered.uncertain + recovered.held > 0 {
            tracing::warn!(
                uncertain = recovered.uncertain,
                held = recovered.held,
                released = recovered.released,
                "an earlier sender stopped in the middle: some messages may have been sent"
            );
        }
        let stop = service.stop.child_token();
        let context = Arc::new(DeliveryContext {
            db: service.db.clone(),
            clock: Arc::clone(&service.clock),
            random: Arc::clone(&service.random),
            route: Arc::clone(&service.route),
            relay_name: service.relay_name.clone(),
            retry: service.retry.clone(),
            sender: Arc::clone(&service.sender),
            listener: service.listener.clone(),
            ledger: Ledger::open(
                service.db.clone(),
                Arc::clone(&service.clock),
                service.connections,
            ),
            stop: stop.clone(),
            relay: Mutex::new(RelayHealth::new(pause)),
            tally: Mutex::new(Tally::new(before.queued)),
            undecided: Mutex::default(),
        });
        let lost = Arc::new(Mutex::new(None));
        let mut lease_task = JoinSet::new();
        lease_task.spawn(renew_lease(
            Arc::clone(&context),
            service.holder.clone(),
            Arc::clone(&lost),
        ));
        let rate = AsyncMutex::new(Rate::new(&service.limits, &buckets, now));
        let destinations = AsyncMutex::new(Destinations::new(service.per_domain_per_minute));
        Ok(DeliveryRun {
            service,
            context,
            stop,
            rate,
            destinations,
            lost,
            _lease_task: lease_task,
            before,
            began,
        })
    }

    /// Sends until nothing is due or in flight, sending pauses, or the program stops.
    pub async fn step(&self) -> Result<RunStep, DeliverError> {
        self.check_lease()?;
        let now = self.context.clock.now();
        let (paused_until, is_probe) = {
            let relay = self.context.relay();
            (relay.paused_until(now), relay.on_probation())
        };
        if paused_until.is_some() || self.stop.is_cancelled() {
            return self.remaining(0).await;
        }
        // A relay that was in trouble is probed with one message.
        let (connections, batch) = if is_probe {
            (1, 1)
        } else {
            (
                self.service.connections,
                self.service.connections * CLAIMED_PER_CONNECTION,
            )
        };
        let halt = self.stop.child_token();
        let in_flight = Arc::new(InFlight::default());
        let (give, take) = mpsc::channel(connections);
        let claims = Arc::new(AsyncMutex::new(take));
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            let worker = Worker::new(
                Arc::clone(&self.context),
                Arc::clone(&claims),
                Arc::clone(&in_flight),
                halt.clone(),
            );
            workers.spawn(worker.run());
        }
        let fed = self.feed(give, batch, is_probe, &in_flight, &halt).await;
        if fed.is_err() {
            halt.cancel();
        }
        let worked = finish(workers).await;
        let FeedResult { claimed, mut left } = fed?;
        {
            let mut claims = claims.lock().await;
            while let Ok(claimed) = claims.try_recv() {
                left.push(claimed);
            }
        }
        let released = self.release(&left).await;
        // Nothing more comes that could show them to be the relay's trouble.
        let confirmed = self.context.confirm_refusals().await;
        worked?;
        released?;
        confirmed?;
        self.check_lease()?;
        self.remaining(claimed - left.len()).await
    }

    /// Gives the lease back, and returns the counts of the run.
    pub async fn end(self) -> Result<Summary, DeliverError> {
        let holder = self.service.holder.clone();
        let ended = self.context.db.run(move |store| {
            let after = StateCounts::read(store.count_deliveries()?);
            store.end_sending(&holder)?;
            Ok(after)
        });
        let after = ended.await?;
        let relay_trouble = self.context.relay().trouble().map(str::to_owned);
        let (commits, each) = self.context.ledger.commits();
        Ok(Summary {
            commits,
            commit_ms: each.as_secs_f64() * 1000.0,
            held: after.held.saturating_sub(self.before.held),
            expired: after.expired.saturating_sub(self.before.expired),
            seconds: self.began.elapsed().as_secs_f64(),
            relay_trouble,
            ..self.context.so_far()
        })
    }

    /// Claims due deliveries and hands them to the workers, at the allowed rate.
    async fn feed(
        &self,
        give: mpsc::Sender<Claimed>,
        mut batch: usize,
        is_probe: bool,
        in_flight: &InFlight,
        halt: &CancellationToken,
    ) -> Result<FeedResult, DeliverError> {
        // With a rate limit, few deliveries are claimed ahead.
        let is_limited = self.rate.lock().await.is_limited();
        // Claimed while the ones before are with the workers.
        let mut ahead: Option<JoinHandle<Result<Vec<Claimed>, StoreError>>> = None;
        let mut fed = FeedResult {
            claimed: 0,
            left: Vec::new(),
        };
        while !halt.is_cancelled() {
            if is_probe && fed.claimed > 0 {
                // One probe at a time: its end decides whether the relay has recovered.
                while !in_flight.is_empty() && !halt.is_cancelled() {
                    tokio::select! {
                        () = halt.cancelled() => {}
                        () = in_flight.fewer.notified() => {}
                    }
                }
                if halt.is_cancelled() || !self.context.relay().on_probation() {
                    break;
                }
            }
            let claims = match ahead.take() {
                Some(claims) => joined(claims.await)?,
                None => joined(self.claim(batch).await)?,
            };
            if claims.len() >= batch && !is_probe && !is_limited {
                batch = (2 * batch).min(CLAIMED_MAX);
                ahead = Some(self.claim(batch));
            }
            if claims.is_empty() {
                if in_flight.is_empty() {
                    break;
                }
                // Deliveries in flight may be due again at once, and new mail may come.
                tokio::select! {
                    () = halt.cancelled() => {}
                    () = in_flight.fewer.notified() => {}
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
                continue;
            }
            let claims = self.ready_for_destination(claims).await?;
            fed.claimed += claims.len();
            for claimed in claims {
                tracing::debug!(target: "paperboy::journey", issue = claimed.id.0, "claimed");
                match self.reserve_slot(&give, halt).await {
                    Some(place) => {
                        in_flight.add();
                        place.send(claimed);
                    }
                    None => fed.left.push(claimed),
                }
            }
        }
        if let Some(claims) = ahead {
            let claims = joined(claims.await)?;
            fed.claimed += claims.len();
            fed.left.extend(claims);
        }
        Ok(fed)
    }

    /// Returns the deliveries that may leave for their domain now; the others wait in the queue.
    async fn ready_for_destination(
        &self,
        claims: Vec<Claimed>,
    ) -> Result<Vec<Claimed>, DeliverError> {
        let now = self.context.clock.now();
        let mut destinations = self.destinations.lock().await;
        if !destinations.is_limited() || claims.is_empty() {
            return Ok(claims);
        }
        let domains: BTreeSet<String> = claims
            .iter()
            .map(|claimed| claimed.address.domain().to_owned())
            .collect();
        let pace_name = |domain: &str| format!("{} to {domain}", self.context.relay_name);
        for domain in &domains {
            if !destinations.knows(domain) {
                let name = pace_name(domain);
                let before = self
                    .context
                    .db
                    .run(move |store| store.rate_buckets(&name))
                    .await?;
                destinations.learn(domain.clone(), &before, now);
            }
        }
        let (mut ready, mut later) = (Vec::with_capacity(claims.len()), Vec::new());
        for claimed in claims {
            match destinations.turn(claimed.id, claimed.address.domain(), now) {
                None => ready.push(claimed),
                Some(until) => later.push((claimed.id, until)),
            }
        }
        let pace = |domain: &String| RateState {
            relay: pace_name(domain),
            buckets: destinations.buckets(domain),
        };
        let paces: Vec<RateState> = domains.iter().map(pace).collect();
        self.context
            .db
            .run(move |store| store.postpone(&later, &paces, now))
            .await?;
        Ok(ready)
    }

    fn claim(&self, limit: usize) -> JoinHandle<Result<Vec<Claimed>, StoreError>> {
        let (db, now) = (self.context.db.clone(), self.context.clock.now());
        tokio::spawn(async move {
            db.run(move |store| store.claim_due(limit as u32, now))
                .await
        })
    }

    /// Waits for a place in the workers' queue and for the rate limit; `None` on `halt`.
    async fn reserve_slot<'p>(
        &self,
        give: &'p mpsc::Sender<Claimed>,
        halt: &CancellationToken,
    ) -> Option<mpsc::Permit<'p, Claimed>> {
        let booked = {
            let mut rate = self.rate.lock().await;
            rate.is_limited()
                .then(|| rate.book(self.context.clock.now()))
        };
        let waiting = async {
            if let Some(wait) = booked {
                tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
                let buckets = self.rate.lock().await.buckets();
                self.context
                    .ledger
                    .note_pace(RateState {
                        relay: self.context.relay_name.clone(),
                        buckets,
                    })
                    .await;
            }
            give.reserve().await.ok()
        };
        tokio::select! {
            biased;
            () = halt.cancelled() => {
                if booked.is_some() {
                    self.rate.lock().await.give_back();
                }
                None
            }
            place = waiting => place,
        }
    }

    /// Releases claims that were not offered.
    async fn release(&self, left: &[Claimed]) -> Result<(), DeliverError> {
        let mut recordings = Vec::with_capacity(left.len());
        for claimed in left {
            let end = AttemptEnd::not_tried();
            recordings.extend(
                self.context
                    .record_end(claimed, end, Duration::ZERO, &self.stop)
                    .await?,
            );
        }
        for mut recording in recordings {
            recording.on_disk().await?;
        }
        Ok(())
    }

    /// Fails, once, if the lease was lost.
    fn check_lease(&self) -> Result<(), DeliverError> {
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .map_or(Ok(()), Err)
    }

    async fn remaining(&self, claimed: usize) -> Result<RunStep, DeliverError> {
        let now = self.context.clock.now();
        let (due, next) = self.context.db.run(move |store| store.waiting(now)).await?;
        let next = if due > 0 { Some(now) } else { next };
        let paused_until = self.context.relay().paused_until(now);
        Ok(RunStep {
            claimed,
            next_at: next.map(|next| paused_until.map_or(next, |until| until.max(next))),
        })
    }
}

/// The result of a task; a panic in it is passed on.
fn joined<T>(ended: Result<Result<T, StoreError>, JoinError>) -> Result<T, StoreError> {
    match ended {
        Ok(result) => result,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(StoreError::Closed),
    }
}

struct FeedResult {
    claimed: usize,
    /// Claimed, and not given to a worker.
    left: Vec<Claimed>,
}

/// Waits for all workers; the first error counts, the others follow from it.
async fn finish(mut workers: JoinSet<Result<(), DeliverError>>) -> Result<(), DeliverError> {
    let mut result = Ok(());
    while let Some(joined) = workers.join_next().await {
        match joined {
            Ok(worked) => result = result.and(worked),
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => {}
        }
    }
    result
}

/// Renews the lease until it is lost, which stops the sending.
async fn renew_lease(
    context: Arc<DeliveryContext>,
    holder: String,
    lost: Arc<Mutex<Option<DeliverError>>>,
) {
    let wait = (LEASE / 4).to_std().unwrap_or(Duration::from_secs(30));
    let error = loop {
        tokio::time::sleep(wait).await;
        let (name, now) = (holder.clone(), context.clock.now());
        match context
            .db
            .run(move |store| store.lease_sending(&name, now + LEASE, now))
            .await
        {
            Ok(lease) if lease.holder == holder => {}
            Ok(lease) => {
                break DeliverError::TakenOver {
                    holder: lease.holder,
                };
            }
            Err(error) => break DeliverError::from(error),
        }
    };
    *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    context.stop.cancel();
}
