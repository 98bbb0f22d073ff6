//! Takes what is due from the ledger and gives it to the connections.

use super::desk::{Desk, End, EnvelopeSender, Route, Watcher};
use super::ledger::{Ledger, NotRecorded};
use super::lock::SendingLock;
use super::maildir::Maildir;
use super::rate::Rate;
use super::relay::Relay;
use super::settings::{OnUncertain, RateLimits, RetrySettings, Transport};
use super::smtp::{Dialer, Failure, Timeouts};
use super::summary::{Summary, Tally};
use super::worker::{InFlight, Worker};
use crate::clock::Clock;
use crate::random::Random;
use crate::store::{Claimed, Db, DeliveryState, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Deliveries claimed ahead for each connection: enough to keep it busy, few enough for a crash to touch few.
const CLAIMED_PER_CONNECTION: usize = 4;

/// How long the right to send lasts without being renewed; it is renewed four times as often.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// The longest sleep while mail waits: a clock that was set, or mail that was queued meanwhile, is noticed then.
const NAP_MAX: TimeDelta = TimeDelta::seconds(30);

/// Workers on a Maildir: their records share a commit.
const MAILDIR_WORKERS: usize = 4;

/// Why sending stopped.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// Somebody else has the right to send.
    #[error("another paperboy is sending already: {holder} (until {until} at least)")]
    Busy {
        /// What it calls itself.
        holder: String,
        /// Until when its right lasts, unless it renews it.
        until: DateTime<Utc>,
    },
    /// Somebody else has taken the right to send from us.
    #[error("the right to send was taken over by {holder}")]
    TakenOver {
        /// What it calls itself.
        holder: String,
    },
    /// What cannot be recorded is not sent.
    #[error("cannot record deliveries, so nothing more is sent")]
    NotRecorded(#[source] Arc<StoreError>),
    /// The envelope sender is no address.
    #[error("cannot send from {address:?}")]
    Sender {
        /// What was to be used.
        address: String,
        /// What is wrong with it.
        source: lettre::address::AddressError,
    },
    /// TLS cannot be set up on this machine.
    #[error("cannot prepare TLS")]
    Tls(#[source] Failure),
    /// The Maildir cannot be made.
    #[error("cannot make the Maildir {path}")]
    Maildir {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<NotRecorded> for DeliverError {
    fn from(error: NotRecorded) -> Self {
        DeliverError::NotRecorded(error)
    }
}

impl From<StoreError> for DeliverError {
    fn from(error: StoreError) -> Self {
        DeliverError::NotRecorded(Arc::new(error))
    }
}

/// Delivers what is queued, over one relay.
pub struct Courier {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    route: Arc<Route>,
    relay_name: String,
    retry: RetrySettings,
    limits: RateLimits,
    connections: usize,
    sender: EnvelopeSender,
    stop: CancellationToken,
    holder: String,
    lock: Option<SendingLock>,
    watcher: Option<Watcher>,
}

/// What is left to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Deliveries that were taken up.
    pub claimed: usize,
    /// When there will be something to do; `None` if nothing waits.
    pub next_at: Option<DateTime<Utc>>,
}

impl Courier {
    /// A courier for `transport`. Nothing is sent yet. Cancelling `stop` ends a
    /// run: hand-overs under way are finished, the rest goes back to the queue.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        transport: &Transport,
        sender: EnvelopeSender,
        stop: CancellationToken,
    ) -> Result<Self, DeliverError> {
        Self::with_timeouts(db, clock, random, transport, sender, stop, Timeouts::default())
    }

    /// The same with other waits than the RFC's.
    pub fn with_timeouts(
        db: Db,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        transport: &Transport,
        sender: EnvelopeSender,
        stop: CancellationToken,
        timeouts: Timeouts,
    ) -> Result<Self, DeliverError> {
        let (route, relay_name, retry, limits, connections) = match transport {
            Transport::Smtp(smtp) => {
                let dialer = Dialer::new(smtp, timeouts).map_err(DeliverError::Tls)?;
                let messages_per_connection = smtp.messages_per_connection.max(1);
                let route = Route::Smtp { dialer, messages_per_connection };
                let name = format!("{}:{}", smtp.host, smtp.port);
                (route, name, smtp.retry.clone(), smtp.rate, smtp.connections.max(1))
            }
            Transport::Maildir(path) => {
                let maildir =
                    Maildir::open(path).map_err(|source| DeliverError::Maildir { path: path.clone(), source })?;
                let limits = RateLimits { per_second: 0, per_minute: 0, per_hour: 0 };
                let name = "maildir".to_owned();
                (Route::Maildir(maildir), name, RetrySettings::default(), limits, MAILDIR_WORKERS)
            }
        };
        Ok(Courier {
            db,
            clock,
            random,
            route: Arc::new(route),
            relay_name,
            retry,
            limits,
            connections,
            sender,
            stop,
            holder: format!("process {}", std::process::id()),
            lock: None,
            watcher: None,
        })
    }

    /// Sends under this name, which others are told while it sends.
    #[must_use]
    pub fn called(self, holder: impl Into<String>) -> Self {
        Courier { holder: holder.into(), ..self }
    }

    /// Sends as the holder of `lock`: a lease that still runs belongs to a dead process, and is taken over.
    #[must_use]
    pub fn holding(self, lock: SendingLock) -> Self {
        Courier { lock: Some(lock), ..self }
    }

    /// Tells `watcher` after each delivery, and before each wait.
    #[must_use]
    pub fn watched_by(self, watcher: Watcher) -> Self {
        Courier { watcher: Some(watcher), ..self }
    }

    /// Sends until nothing is due or in flight; with `wait`, until nothing
    /// waits for a later try either. While the relay rests nothing is due.
    pub async fn run_until_empty(&self, wait: bool) -> Result<Summary, DeliverError> {
        let shift = self.begin().await?;
        let worked = self.work_until_empty(&shift, wait).await;
        let ended = shift.end().await;
        worked.and(ended)
    }

    async fn work_until_empty(&self, shift: &Shift<'_>, wait: bool) -> Result<(), DeliverError> {
        loop {
            let step = shift.step().await?;
            let Some(next_at) = step.next_at.filter(|_| !self.stop.is_cancelled()) else { return Ok(()) };
            let left = next_at - self.clock.now();
            if left <= TimeDelta::zero() && step.claimed > 0 {
                continue;
            }
            if !wait {
                return Ok(());
            }
            shift.desk.tell(Some(next_at));
            // Whole seconds are what the ledger keeps.
            let nap = left.clamp(TimeDelta::seconds(1), NAP_MAX).to_std().unwrap_or_default();
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Takes the right to send, and sorts out what a dead sender left.
    pub async fn begin(&self) -> Result<Shift<'_>, DeliverError> {
        let began = Instant::now();
        let now = self.clock.now();
        let (holder, has_lock) = (self.holder.clone(), self.lock.is_some());
        let until = now + LEASE;
        let taken = self.db.run(move |store| {
            if has_lock {
                store.take_over_sending(&holder, until)?;
            }
            store.lease_sending(&holder, until, now)
        });
        let lease = taken.await?;
        if lease.holder != self.holder {
            return Err(DeliverError::Busy { holder: lease.holder, until: lease.until });
        }
        let resend_at = (self.retry.on_uncertain == OnUncertain::Resend).then(|| now + self.retry.resend_after);
        let name = self.relay_name.clone();
        let found = self.db.run(move |store| {
            let recovered = store.recover_claims(resend_at, now)?;
            Ok((recovered, store.relay_pause(&name)?, Standing::read(store.count_deliveries()?)))
        });
        let (recovered, pause, before) = found.await?;
        if recovered.uncertain + recovered.held > 0 {
            tracing::warn!(
                uncertain = recovered.uncertain,
                held = recovered.held,
                released = recovered.released,
                "an earlier sender stopped in the middle: some messages may have been sent"
            );
        }
        let stop = self.stop.child_token();
        let desk = Arc::new(Desk {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            route: Arc::clone(&self.route),
            relay_name: self.relay_name.clone(),
            retry: self.retry.clone(),
            sender: Arc::clone(&self.sender),
            watcher: self.watcher.clone(),
            ledger: Ledger::open(self.db.clone(), Arc::clone(&self.clock)),
            stop: stop.clone(),
            relay: Mutex::new(Relay::new(pause)),
            tally: Mutex::new(Tally::new(before.queued)),
        });
        let lost = Arc::new(Mutex::new(None));
        let mut keeper = JoinSet::new();
        keeper.spawn(keep_lease(Arc::clone(&desk), self.holder.clone(), Arc::clone(&lost)));
        let rate = AsyncMutex::new(Rate::new(&self.limits, now));
        Ok(Shift { courier: self, desk, stop, rate, lost, _keeper: keeper, before, began })
    }
}

/// The counts that claims change without telling.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    queued: u64,
    held: u64,
    expired: u64,
}

impl Standing {
    fn read(counts: Vec<(DeliveryState, u64)>) -> Self {
        counts.into_iter().fold(Standing::default(), |mut standing, (state, count)| {
            match state {
                DeliveryState::Rendered | DeliveryState::Deferred | DeliveryState::Uncertain => {
                    standing.queued += count
                }
                DeliveryState::Held => standing.held += count,
                DeliveryState::Expired => standing.expired += count,
                _ => {}
            }
            standing
        })
    }
}

/// The right to send, while it is kept. Give it back with [`Shift::end`].
pub struct Shift<'a> {
    courier: &'a Courier,
    desk: Arc<Desk>,
    stop: CancellationToken,
    rate: AsyncMutex<Rate>,
    lost: Arc<Mutex<Option<DeliverError>>>,
    _keeper: JoinSet<()>,
    before: Standing,
    began: Instant,
}

impl Shift<'_> {
    /// Sends until nothing is due or in flight, the relay needs rest, or the program stops.
    pub async fn step(&self) -> Result<Step, DeliverError> {
        let now = self.desk.clock.now();
        let (rests_until, is_probe) = {
            let relay = self.desk.relay();
            (relay.rests_until(now), relay.on_probation())
        };
        if rests_until.is_some() || self.stop.is_cancelled() {
            return self.left_over(0).await;
        }
        // A relay that was in trouble is asked with one message, not with a storm.
        let (connections, batch) = if is_probe {
            (1, 1)
        } else {
            (self.courier.connections, self.courier.connections * CLAIMED_PER_CONNECTION)
        };
        let halt = self.stop.child_token();
        let in_flight = Arc::new(InFlight::default());
        let (give, take) = mpsc::channel(connections);
        let claims = Arc::new(AsyncMutex::new(take));
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            let worker = Worker::new(Arc::clone(&self.desk), Arc::clone(&claims), Arc::clone(&in_flight), halt.clone());
            workers.spawn(worker.run());
        }
        let fed = self.feed(give, batch, is_probe, &in_flight, &halt).await;
        if fed.is_err() {
            halt.cancel();
        }
        let worked = finish(workers).await;
        let Fed { claimed, mut left } = fed?;
        {
            let mut claims = claims.lock().await;
            while let Ok(claimed) = claims.try_recv() {
                left.push(claimed);
            }
        }
        let released = self.release(&left).await;
        worked?;
        released?;
        if let Some(error) = self.lost.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        self.left_over(claimed - left.len()).await
    }

    /// Gives the right to send back, and says what came of it.
    pub async fn end(self) -> Result<Summary, DeliverError> {
        let holder = self.courier.holder.clone();
        let ended = self.desk.db.run(move |store| {
            let after = Standing::read(store.count_deliveries()?);
            store.end_sending(&holder)?;
            Ok(after)
        });
        let after = ended.await?;
        let relay_trouble = self.desk.relay().trouble().map(str::to_owned);
        Ok(Summary {
            held: after.held.saturating_sub(self.before.held),
            expired: after.expired.saturating_sub(self.before.expired),
            seconds: self.began.elapsed().as_secs_f64(),
            relay_trouble,
            ..self.desk.so_far()
        })
    }

    /// Claims what is due and hands it to the workers, at the allowed pace.
    async fn feed(
        &self,
        give: mpsc::Sender<Claimed>,
        batch: usize,
        is_probe: bool,
        in_flight: &InFlight,
        halt: &CancellationToken,
    ) -> Result<Fed, DeliverError> {
        let mut fed = Fed { claimed: 0, left: Vec::new() };
        while !halt.is_cancelled() {
            if is_probe && fed.claimed > 0 {
                // One at a time: its end decides whether the relay is well.
                while !in_flight.is_empty() {
                    in_flight.fewer.notified().await;
                }
                if halt.is_cancelled() || !self.desk.relay().on_probation() {
                    break;
                }
            }
            let now = self.desk.clock.now();
            let claims = self.desk.db.run(move |store| store.claim_due(batch as u32, now)).await?;
            if claims.is_empty() {
                if in_flight.is_empty() {
                    break;
                }
                // What is in flight may be due again at once, and new mail may come.
                tokio::select! {
                    () = halt.cancelled() => {}
                    () = in_flight.fewer.notified() => {}
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
                continue;
            }
            fed.claimed += claims.len();
            for claimed in claims {
                match self.ready(&give, halt).await {
                    Some(place) => {
                        in_flight.add();
                        place.send(claimed);
                    }
                    None => fed.left.push(claimed),
                }
            }
        }
        Ok(fed)
    }

    /// A place in the workers' queue, once the pace allows another message; `None` on `halt`.
    async fn ready<'p>(
        &self,
        give: &'p mpsc::Sender<Claimed>,
        halt: &CancellationToken,
    ) -> Option<mpsc::Permit<'p, Claimed>> {
        let waiting = async {
            let wait = self.rate.lock().await.book(self.desk.clock.now());
            tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
            give.reserve().await.ok()
        };
        tokio::select! {
            biased;
            () = halt.cancelled() => None,
            place = waiting => place,
        }
    }

    /// Puts back what was claimed and not offered.
    async fn release(&self, left: &[Claimed]) -> Result<(), DeliverError> {
        let end = End::not_tried();
        for claimed in left {
            let mut recording = self.desk.conclude(claimed, &end, Duration::ZERO, &self.stop).await?;
            recording.on_disk().await?;
        }
        Ok(())
    }

    async fn left_over(&self, claimed: usize) -> Result<Step, DeliverError> {
        let now = self.desk.clock.now();
        let (due, next) = self.desk.db.run(move |store| store.waiting(now)).await?;
        let next = if due > 0 { Some(now) } else { next };
        let rests_until = self.desk.relay().rests_until(now);
        Ok(Step { claimed, next_at: next.map(|next| rests_until.map_or(next, |until| until.max(next))) })
    }
}

struct Fed {
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
async fn keep_lease(desk: Arc<Desk>, holder: String, lost: Arc<Mutex<Option<DeliverError>>>) {
    let wait = (LEASE / 4).to_std().unwrap_or(Duration::from_secs(30));
    let error = loop {
        tokio::time::sleep(wait).await;
        let (name, now) = (holder.clone(), desk.clock.now());
        match desk.db.run(move |store| store.lease_sending(&name, now + LEASE, now)).await {
            Ok(lease) if lease.holder == holder => {}
            Ok(lease) => break DeliverError::TakenOver { holder: lease.holder },
            Err(error) => break DeliverError::from(error),
        }
    };
    *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    desk.stop.cancel();
}
