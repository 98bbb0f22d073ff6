//! Looks whether something is wrong, and has it told.

use super::facts::{Facts, LoopFailure};
use super::rules::{Found, follow, judge, to_mail};
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

/// A database may be away for so long without a word: somebody else writes, or a disk is slow.
const WRITE_PATIENCE: TimeDelta = TimeDelta::minutes(2);

/// What is on the network is asked so seldom, and not at once.
const OUTSIDE_EVERY: TimeDelta = TimeDelta::hours(12);
const OUTSIDE_FIRST: TimeDelta = TimeDelta::minutes(10);

/// What an unwritable database is called, and what to do about it.
const UNWRITABLE: &str = "the database cannot be written: nothing is sent until it can";
const UNWRITABLE_REMEDY: &str = "look at the disk's room and rights (df -h, ls -l), and whether another program holds the file; \
     `paperboy check` says more";

/// Why nothing was told.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The mail cannot be written.
    #[error(transparent)]
    Mail(#[from] EditionError),
}

/// What is watched, as the settings say now.
#[derive(Debug, Clone)]
pub struct MonitorContext {
    /// Whom to tell.
    pub settings: AlarmSettings,
    /// The name of the relay in the ledger.
    pub relay: String,
    /// How long issues wait for papers.
    pub latest_send: TimeDelta,
    /// The file of the database.
    pub database: PathBuf,
    /// The certificate that is served, if one is.
    pub certificate: Option<PathBuf>,
    /// A web server whose clock is asked; none if nothing is on the network.
    pub witness: Option<String>,
    /// Parts of the program that fail.
    pub parts: Vec<LoopFailure>,
}

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
struct Memory {
    /// Since when the database cannot be written, and whether that was said.
    unwritable: Option<(DateTime<Utc>, bool)>,
    /// When the network is asked next.
    outside_at: Option<DateTime<Utc>>,
    clock_off_seconds: Option<i64>,
    site_certificate: Option<DateTime<Utc>>,
}

/// Watches the context.
pub struct AlarmMonitor {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the webhook: what cannot be stored.
    pub unstored: Arc<Mutex<VecDeque<WebhookPayload>>>,
    memory: Mutex<Memory>,
}

impl AlarmMonitor {
    /// A watch over `db`.
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
                // A lock is waited for: that time counts.
                self.cannot_write(now, self.clock.now());
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
            Ok(()) => self.can_write(now),
        };
        self.ask_network(&context, composer, now).await;
        let (relay, latest_send) = (context.relay.clone(), context.latest_send);
        let facts = self
            .db
            .read(move |store| Facts::read(store, &relay, latest_send, now))
            .await?;
        let mut facts = facts.on_machine(&context.database, &context.settings);
        {
            let memory = self.memory();
            facts.clock_off_seconds = memory.clock_off_seconds;
            facts.certificates.extend(
                memory
                    .site_certificate
                    .map(|ends| (composer.site.base_url.clone(), ends)),
            );
        }
        if let Some(path) = &context.certificate {
            facts.certificates.extend(
                certificate::ends_in_file(path).map(|ends| (path.display().to_string(), ends)),
            );
        }
        facts.parts.clone_from(&context.parts);
        let found = judge(&facts, now);
        let can_mail = context.settings.mail && !is_in_trouble(&facts, now);
        let (composer, repeat) = (Arc::clone(composer), context.settings.repeat);
        let told = self.db.run(move |store| {
            Ok(record(
                store, &found, passed, can_mail, &composer, repeat, now,
            ))
        });
        told.await?
    }

    fn cannot_write(&self, began: DateTime<Utc>, now: DateTime<Utc>) {
        let mut memory = self.memory();
        let (since, said) = *memory.unwritable.get_or_insert((began, false));
        if !said && now - since >= WRITE_PATIENCE {
            memory.unwritable = Some((since, true));
            tracing::error!(
                alarm = "database_not_writable",
                "alarm: {UNWRITABLE}; {UNWRITABLE_REMEDY}"
            );
            let post = WebhookPayload::new(
                "database_not_writable",
                false,
                UNWRITABLE,
                UNWRITABLE_REMEDY,
                now,
            );
            self.unstored
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_back(post);
        }
    }

    /// The alarm that could not be stored, as soon as it can.
    fn can_write(&self, now: DateTime<Utc>) -> Option<AlarmRow> {
        let (since, said) = self.memory().unwritable.take()?;
        if !said {
            return None;
        }
        let post = WebhookPayload::new(
            "database_not_writable",
            true,
            UNWRITABLE,
            UNWRITABLE_REMEDY,
            now,
        );
        self.unstored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(post);
        Some(AlarmRow {
            id: 0,
            name: "database_not_writable".to_owned(),
            about: String::new(),
            text: UNWRITABLE.to_owned(),
            remedy: UNWRITABLE_REMEDY.to_owned(),
            detail: String::new(),
            since,
            seen_at: now,
            raised_at: Some(since + WRITE_PATIENCE),
            over_at: Some(now),
            mailed_at: None,
            mail_done: false,
            // The webhook is told without the database.
            posted_at: Some(now),
            post_done: true,
        })
    }

    /// Asks the network for the time and our certificate, if it is time for that.
    async fn ask_network(&self, context: &MonitorContext, composer: &Composer, now: DateTime<Utc>) {
        {
            let mut memory = self.memory();
            let at = *memory.outside_at.get_or_insert(now + OUTSIDE_FIRST);
            // A clock that was set back is no reason to wait for it to catch up.
            if at > now && at - now <= OUTSIDE_EVERY {
                return;
            }
            memory.outside_at = Some(now + OUTSIDE_EVERY);
        }
        let clock_off = match &context.witness {
            Some(witness) => network::their_time(witness)
                .await
                .ok()
                .map(|theirs| (self.clock.now() - theirs).num_seconds()),
            None => None,
        };
        // A site that cannot be reached is no certificate that ends; `check` looks at it.
        let certificate = network::site_certificate(&composer.site.base_url)
            .await
            .and_then(Result::ok);
        let mut memory = self.memory();
        memory.clock_off_seconds = clock_off;
        memory.site_certificate = certificate;
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a mail would only wait with all others. Where no other waits, ours finds out how the relay is.
fn is_in_trouble(facts: &Facts, now: DateTime<Utc>) -> bool {
    facts
        .pause
        .as_ref()
        .is_some_and(|pause| pause.until > now || facts.oldest_due.is_some())
}

/// Stores what becomes of the alarms, and queues the mail that tells of it.
fn record(
    store: &mut dyn Store,
    found: &[Found],
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
        say(row, before);
    }
    // Those that are new need a row before they can be mailed about.
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
        tracing::info!(
            issue = id.0,
            alarms = mailed.len(),
            "the operator is told by mail"
        );
    }
    Ok(true)
}

/// One line for the log when an alarm is raised, and one when it is over.
fn say(row: &AlarmRow, before: Option<&AlarmRow>) {
    let was_raised = before.is_some_and(|before| before.raised_at.is_some());
    if row.over_at.is_some() && row.raised_at.is_some() {
        tracing::info!(
            alarm = row.name,
            about = row.about,
            "alarm over: {}",
            row.text
        );
    } else if row.raised_at.is_some() && !was_raised {
        tracing::error!(
            alarm = row.name,
            about = row.about,
            "alarm: {}; {}",
            row.text,
            row.remedy
        );
    }
}
