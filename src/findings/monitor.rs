//! Looks for findings at intervals, stores alarms and mails them.

use super::facts::Facts;
use super::finding::Finding;
use super::gather::FactSettings;
use super::history::{follow, new_row, to_mail};
use super::rules::{decide, not_writable};
use super::webhook::WebhookPayload;
use super::{AlarmSettings, LOOK_BACK, alarm_mail, certificate, network};
use crate::clock::Clock;
use crate::edition::{Addressee, Composer, EditionError};
use crate::store::{AlarmRow, Db, Store, StoreError};
use crate::subscriber::Address;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Another process may hold the write lock, or the disk may be slow, for this long.
const WRITE_PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// Interval of the questions to the network, and the wait before the first ones.
const NETWORK_EVERY: TimeDelta = TimeDelta::hours(12);
const NETWORK_FIRST: TimeDelta = TimeDelta::minutes(10);

/// Why a look at the facts failed.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The mail cannot be composed.
    #[error(transparent)]
    Mail(#[from] EditionError),
}

/// The settings of one look, as they are now.
#[derive(Debug, Clone)]
pub struct MonitorContext {
    /// The `[alarms]` settings.
    pub settings: AlarmSettings,
    /// The settings that facts of the database are read by.
    pub facts: FactSettings,
    /// The file of the database.
    pub database: PathBuf,
    /// The certificate file that is served, if any.
    pub certificate: Option<PathBuf>,
    /// A web server whose clock is compared with ours; `None` if no source is on the network.
    pub witness: Option<String>,
}

/// State between two looks.
#[derive(Debug, Default)]
struct MonitorMemory {
    /// The time at which the database was found unwritable, and whether the webhook was told.
    unwritable: Option<(DateTime<Utc>, bool)>,
    /// The time of the next questions to the network.
    network_at: Option<DateTime<Utc>>,
    clock_off_seconds: Option<i64>,
    site_certificate: Option<DateTime<Utc>>,
}

/// Turns findings into alarms.
pub struct AlarmMonitor {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Payloads for the webhook that cannot be stored.
    pub unstored: Arc<Mutex<VecDeque<WebhookPayload>>>,
    memory: Mutex<MonitorMemory>,
}

impl AlarmMonitor {
    /// A monitor of `db`.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        unstored: Arc<Mutex<VecDeque<WebhookPayload>>>,
    ) -> Self {
        AlarmMonitor {
            db,
            clock,
            unstored,
            memory: Mutex::default(),
        }
    }

    /// Looks once; whether a mail was queued.
    pub async fn step(
        &self,
        context: MonitorContext,
        composer: &Arc<Composer>,
    ) -> Result<bool, MonitorError> {
        let now = self.clock.now();
        let passed = match self.db.run(|store| store.check_writable()).await {
            Err(error @ StoreError::NotWritable(_)) => {
                // The wait for a lock counts.
                self.cannot_write(now, self.clock.now());
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
            Ok(()) => self.can_write(now),
        };
        self.ask_network(&context, composer, now).await;
        let facts = self.facts(context.clone(), composer, now).await?;
        let mut found = decide(&facts, now);
        found.retain(|finding| finding.kind.is_alarm());
        let can_mail = context.settings.mail && !is_relay_in_trouble(&facts, now);
        let (composer, repeat) = (Arc::clone(composer), context.settings.repeat);
        let told = self.db.run(move |store| {
            Ok(record(
                store, &found, passed, can_mail, &composer, repeat, now,
            ))
        });
        told.await?
    }

    async fn facts(
        &self,
        context: MonitorContext,
        composer: &Composer,
        now: DateTime<Utc>,
    ) -> Result<Facts, StoreError> {
        let settings = context.facts;
        let facts = self
            .db
            .read(move |store| Facts::read(store, settings, now))
            .await?;
        let mut facts = facts.on_machine(&context.database, &context.settings);
        {
            let memory = self.memory();
            facts.clock_off_seconds = memory.clock_off_seconds;
            let ends = memory.site_certificate;
            let of_site = ends.map(|ends| (composer.site.base_url.clone(), ends));
            facts.certificates.extend(of_site);
        }
        if let Some(path) = &context.certificate {
            let ends = certificate::ends_in_file(path);
            let of_file = ends.map(|ends| (path.display().to_string(), ends));
            facts.certificates.extend(of_file);
        }
        Ok(facts)
    }

    fn cannot_write(&self, began: DateTime<Utc>, now: DateTime<Utc>) {
        let mut memory = self.memory();
        let (since, is_told) = *memory.unwritable.get_or_insert((began, false));
        if is_told || now - since < WRITE_PATIENCE {
            return;
        }
        memory.unwritable = Some((since, true));
        let finding = not_writable("");
        log_raised(&new_row(&finding, now));
        self.push(WebhookPayload::raised(&finding, now));
    }

    /// The alarm that could not be stored, once the database can be written again.
    fn can_write(&self, now: DateTime<Utc>) -> Option<AlarmRow> {
        let (since, is_told) = self.memory().unwritable.take()?;
        if !is_told {
            return None;
        }
        let finding = not_writable("");
        self.push(WebhookPayload::over(&finding, now));
        Some(AlarmRow {
            since,
            raised_at: Some(since + WRITE_PATIENCE),
            over_at: Some(now),
            // The webhook is told without the database.
            posted_at: Some(now),
            post_done: true,
            ..new_row(&finding, now)
        })
    }

    fn push(&self, payload: WebhookPayload) {
        let mut unstored = self.unstored.lock().unwrap_or_else(PoisonError::into_inner);
        unstored.push_back(payload);
    }

    /// Asks the network for the time and the site's certificate, if that is due.
    async fn ask_network(&self, context: &MonitorContext, composer: &Composer, now: DateTime<Utc>) {
        {
            let mut memory = self.memory();
            let at = *memory.network_at.get_or_insert(now + NETWORK_FIRST);
            // A clock that was set back must not delay the question until it has caught up.
            if at > now && at - now <= NETWORK_EVERY {
                return;
            }
            memory.network_at = Some(now + NETWORK_EVERY);
        }
        let clock_off = match &context.witness {
            Some(witness) => network::their_time(witness)
                .await
                .ok()
                .map(|theirs| (self.clock.now() - theirs).num_seconds()),
            None => None,
        };
        // A site that cannot be reached proves nothing about its certificate; `check` looks at it.
        let certificate = network::site_certificate(&composer.site.base_url)
            .await
            .and_then(Result::ok);
        let mut memory = self.memory();
        memory.clock_off_seconds = clock_off;
        memory.site_certificate = certificate;
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, MonitorMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an alarm mail would only wait like all others. If no other mail waits, the alarm
/// mail finds out how the relay is.
fn is_relay_in_trouble(facts: &Facts, now: DateTime<Utc>) -> bool {
    let mut ours = facts.relays.iter().filter(|(name, _)| *name == facts.relay);
    ours.any(|(_, pause)| pause.until > now || facts.oldest_due.is_some())
}

/// Stores how the alarms change, and queues the mail about them; whether there is one.
fn record(
    store: &mut dyn Store,
    found: &[Finding],
    passed: Option<AlarmRow>,
    can_mail: bool,
    composer: &Composer,
    repeat: TimeDelta,
    now: DateTime<Utc>,
) -> Result<bool, MonitorError> {
    let known = store.alarms(now - LOOK_BACK * 7)?;
    let mut changed = follow(&known, found, now);
    changed.extend(passed);
    for row in &changed {
        let before = known
            .iter()
            .find(|before| before.id == row.id && row.id != 0);
        log_change(row, before);
    }
    // New alarms need a row before they can be mailed.
    if !changed.is_empty() {
        store.save_alarms(&changed, None, now)?;
    }
    if !can_mail {
        return Ok(false);
    }
    let mut alarms = store.alarms(now - LOOK_BACK * 7)?;
    let news = to_mail(&alarms, now, repeat);
    if news.is_empty() {
        return Ok(false);
    }
    let told: Vec<_> = news
        .iter()
        .map(|(at, news)| (&alarms[*at], *news))
        .collect();
    let notice = alarm_mail::notice(&told, Some(composer.site.url("/admin")), now);
    let contact: Address = match composer.site.contact.to_string().parse() {
        Ok(contact) => contact,
        // The settings have been read, so it is an address.
        Err(_) => return Ok(false),
    };
    let to = Addressee {
        subscriber: None,
        address: &contact,
        language: "en",
        zone: chrono_tz::Tz::UTC,
    };
    let mail = composer.notice(&notice, to, now)?;
    let mut mailed = Vec::with_capacity(news.len());
    for (at, _) in &news {
        alarms[*at].mailed_at = Some(now);
        alarms[*at].mail_done = alarms[*at].over_at.is_some();
        mailed.push(alarms[*at].clone());
    }
    let queued = store.save_alarms(&mailed, Some(&mail), now)?;
    if let Some(id) = queued {
        tracing::info!(issue = id.0, alarms = mailed.len(), "alarm mail queued");
    }
    Ok(true)
}

/// Logs that an alarm was raised, or is over.
fn log_change(row: &AlarmRow, before: Option<&AlarmRow>) {
    let was_raised = before.is_some_and(|before| before.raised_at.is_some());
    if row.over_at.is_some() && row.raised_at.is_some() {
        let (alarm, about) = (&row.name, &row.about);
        tracing::info!(alarm, about, "alarm over: {}", row.text);
    } else if row.raised_at.is_some() && !was_raised {
        log_raised(row);
    }
}

fn log_raised(row: &AlarmRow) {
    let (alarm, about) = (&row.name, &row.about);
    tracing::error!(alarm, about, "alarm: {}; {}", row.text, row.remedy);
}
