//! The service: fetches, publishes and delivers every day.
//!
//! Each role is a loop of steps (`tasks.rs`); the next role finds in the database what the one
//! before has stored, and is woken early. One driver (`driver.rs`) repeats the steps, waits when
//! there is nothing to do, and retries a failed step with backoff.
//!
//! It stops in two stages. At the first SIGTERM or SIGINT nothing new is begun and running steps
//! finish; at the second one, or after [`STOP_LIMIT`], the process exits, and deliveries that were
//! being handed over are resolved at the next start. SIGHUP reloads the settings.

mod admin_pages;
mod alarms;
mod deliver;
mod driver;
mod fetch;
mod inbound;
mod metrics;
mod pages;
mod publish;
mod runtime_config;
mod signals;
mod status;
mod systemd;
mod tasks;
mod upkeep;

use crate::clock::Clock;
use crate::config::Config;
use crate::random::Random;
use crate::store::Db;
use anyhow::Context;
use runtime_config::RuntimeConfig;
use signals::{SignalAction, Signals};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tasks::{Shared, Tasks};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The longest time a stop may take: what a server may take for a text and the reply to its end
/// (3 and 10 minutes, RFC 5321 section 4.5.3.2), and a minute for the disk. The service
/// manager's own limit must be longer.
pub const STOP_LIMIT: Duration = Duration::from_mins(14);

/// The wait of loops that look at the clock for their next turn.
const SCHEDULE_IDLE: Duration = Duration::from_secs(10);

/// No healthy loop is longer without a heartbeat, except for a server that takes all the time
/// it has (RFC 5321 section 4.5.3.2).
const PATIENCE: Duration = Duration::from_mins(30);

/// A part of the work; processes may share the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Polls the sources.
    Fetch,
    /// Composes issues.
    Publish,
    /// Sends mail.
    Deliver,
    /// Reads bounces, complaints and unsubscribe mail.
    Inbound,
    /// Serves the pages.
    Web,
}

impl Role {
    /// Every role with its word.
    pub const WORDS: [(&'static str, Role); 5] = [
        ("fetch", Role::Fetch),
        ("publish", Role::Publish),
        ("deliver", Role::Deliver),
        ("inbound", Role::Inbound),
        ("web", Role::Web),
    ];
}

/// The service, ready to run.
pub struct Daemon {
    /// The settings file, read again at SIGHUP.
    pub settings: PathBuf,
    /// The settings at the start.
    pub config: Config,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
}

/// The ports that the service serves, taken before anything else begins.
struct Listeners {
    web: Option<TcpListener>,
    admin: Option<TcpListener>,
    lmtp: Option<TcpListener>,
}

impl Listeners {
    async fn bind(config: &Config, roles: &BTreeSet<Role>) -> anyhow::Result<Self> {
        let has = |role| roles.contains(&role);
        let web = Some(config.web.listen).filter(|_| has(Role::Web));
        let admin = config.web.admin_listen.filter(|_| has(Role::Web));
        let lmtp = config.inbound.lmtp.filter(|_| has(Role::Inbound));
        Ok(Listeners {
            web: bind("web.listen", web).await?,
            admin: bind("web.admin_listen", admin).await?,
            lmtp: bind("inbound.lmtp.listen", lmtp.map(|lmtp| lmtp.listen)).await?,
        })
    }
}

/// Listens on `address`, which the setting `key` names.
async fn bind(key: &str, address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await.with_context(|| {
        let port = address.port();
        format!("{key}: cannot listen on {address} (`ss -ltnp 'sport = :{port}'` shows who does)")
    })?;
    let bound = listener
        .local_addr()
        .with_context(|| format!("{key}: no address"))?;
    match key {
        "web.listen" => tracing::info!(listen = %bound, "pages are served"),
        "web.admin_listen" => tracing::info!(admin_listen = %bound, "admin pages are served"),
        _ => tracing::info!(lmtp_listen = %bound, "reports are accepted over LMTP"),
    }
    Ok(Some(listener))
}

impl Daemon {
    /// Runs until it is told to stop, or cannot go on.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut signals = Signals::listen().context("cannot listen to signals")?;
        let listeners = Listeners::bind(&self.config, &self.roles).await?;
        let (settings, roles) = (self.settings.clone(), self.roles.clone());
        let (change, runtime) = watch::channel(Arc::new(RuntimeConfig::new(self.config.clone())?));
        let mut tasks = self.start(runtime, listeners)?;
        systemd::ready();
        let words = Role::WORDS
            .iter()
            .filter(|(_, role)| roles.contains(role))
            .map(|(word, _)| *word);
        tracing::info!(
            roles = %words.collect::<Vec<_>>().join(","),
            process = std::process::id(),
            "ready"
        );

        let mut failure = None;
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    SignalAction::Stop => break,
                    SignalAction::Reload => reload(&settings, &change),
                },
                Some(ended) = tasks.running.join_next() => {
                    failure = Some(match ended {
                        Ok(Ok(())) => anyhow::anyhow!("a background task ended by itself"),
                        Ok(Err(error)) => error,
                        Err(error) => {
                            anyhow::Error::from(error).context("a background task panicked")
                        }
                    });
                    break;
                }
                () = watchdog() => systemd::ping(&tasks.heartbeats),
            }
        }
        systemd::stopping();
        match &failure {
            None => tracing::info!("stopping: running steps finish; a second signal exits at once"),
            Some(error) => tracing::error!("stopping, a task cannot go on: {error:#}"),
        }
        tasks.stop.cancel();
        let ended = finish(&mut tasks, &mut signals).await;
        match failure {
            None => ended.inspect(|()| tracing::info!("stopped")),
            Some(failure) => Err(failure),
        }
    }

    /// Starts the tasks of all roles.
    fn start(
        self,
        runtime: watch::Receiver<Arc<RuntimeConfig>>,
        listeners: Listeners,
    ) -> anyhow::Result<Tasks> {
        let (config, roles) = (self.config, self.roles);
        let shared = Shared {
            db: self.db,
            clock: self.clock,
            random: self.random,
            runtime,
            stop: tokio_util::sync::CancellationToken::new(),
            papers_arrived: Arc::default(),
            mail_queued: Arc::default(),
        };
        let mut tasks = Tasks::new(&shared);
        let has_sources = roles.contains(&Role::Fetch) && !config.sources.is_empty();
        let (polled, was_polled) = watch::channel(!has_sources);

        upkeep::start(&mut tasks, &shared);
        if roles.contains(&Role::Fetch) {
            fetch::start(&mut tasks, &shared, &config, polled)?;
        }
        if roles.contains(&Role::Publish) {
            publish::start(&mut tasks, &shared, was_polled);
        }
        if roles.contains(&Role::Deliver) {
            deliver::start(&mut tasks, &shared, &config)?;
        }
        if roles.contains(&Role::Inbound) {
            inbound::start(&mut tasks, &shared, &config.inbound, listeners.lmtp);
        }
        if roles.contains(&Role::Deliver) {
            alarms::start(&mut tasks, &shared);
        }
        if let Some(listener) = listeners.web {
            let delivers = roles.contains(&Role::Deliver);
            pages::start(
                &mut tasks,
                &shared,
                &config,
                listener,
                listeners.admin,
                delivers,
            )?;
        }
        Ok(tasks)
    }
}

/// Reloads the settings; unusable ones are refused.
fn reload(settings: &std::path::Path, change: &watch::Sender<Arc<RuntimeConfig>>) {
    systemd::reloading();
    let before = Arc::clone(&change.borrow());
    match before.reload(settings) {
        Ok((runtime, waits)) => {
            change.send_replace(Arc::new(runtime));
            tracing::info!("the settings were read again");
            for section in waits {
                tracing::warn!(
                    "{section} has changed: that needs a restart, the old value stays in use"
                );
            }
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::error!("the new settings cannot be used, the old ones stay in use: {error:#}");
        }
    }
    systemd::ready();
}

/// Waits until every task has ended, until [`STOP_LIMIT`] or a second signal.
async fn finish(tasks: &mut Tasks, signals: &mut Signals) -> anyhow::Result<()> {
    let limit = tokio::time::sleep(STOP_LIMIT);
    tokio::pin!(limit);
    loop {
        tokio::select! {
            ended = tasks.running.join_next() => if ended.is_none() { return Ok(()) },
            () = &mut limit => {
                let minutes = STOP_LIMIT.as_secs() / 60;
                anyhow::bail!("exited after {minutes} minutes with steps still running");
            }
            asked = signals.next() => if let SignalAction::Stop = asked {
                anyhow::bail!("exited at the second signal with steps still running");
            },
            () = watchdog() => systemd::ping(&tasks.heartbeats),
        }
    }
}

/// Ends when a watchdog ping is due; never without a watchdog.
async fn watchdog() {
    match systemd::watchdog_wait() {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
