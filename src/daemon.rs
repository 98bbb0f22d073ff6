//! Runs: fetches, publishes and delivers every day, on its own.
//!
//! Each part is a loop of steps, and what one has stored the next one finds in
//! the database; each wakes the next one so that nobody waits for a pause to
//! end. Tests call the steps' own parts; one driver repeats them, pauses when there is
//! nothing to do, and takes a step that failed again.
//!
//! It stops in two stages. At the first SIGTERM or SIGINT nothing new is begun
//! and what is under way is finished; at the second one, or after
//! [`STOP_LIMIT`], it leaves: whatever was being handed over then is sorted out
//! at the next start. SIGHUP reads the settings again.

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
mod systemd;
mod upkeep;

use crate::clock::Clock;
use crate::config::Config;
use crate::findings::{AlarmMonitor, RunReporter, WebhookSender};
use crate::http::{Http, HttpEnv, HttpSettings};
use crate::inbound::{InboundSettings, Reception, lmtp};
use crate::random::Random;
use crate::store::Db;
use crate::web::{self, MenuLink, Pages};
use anyhow::Context;
use driver::{Heartbeat, LoopConfig, StatusReporter, Step, StepError, drive};
use runtime_config::RuntimeConfig;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a stop may take: what a server may take for a text and the reply to
/// its dot (3 and 10 minutes, RFC 5321 section 4.5.3.2), and something for the
/// disk. The service manager must be more patient than this.
pub const STOP_LIMIT: Duration = Duration::from_mins(14);

/// The pause of the publisher: how late an issue may start for no better reason.
const PUBLISHER_IDLE: Duration = Duration::from_secs(5);

/// The pause of what looks at the clock for its next turn.
const SCHEDULE_IDLE: Duration = Duration::from_secs(10);

/// How often it is looked whether something is wrong.
const WATCH_IDLE: Duration = Duration::from_mins(1);

/// How late a report in a Maildir may be noticed.
const LISTEN_IDLE: Duration = Duration::from_secs(2);

/// Mails that wait for the database, each of [`crate::inbound::MAIL_BYTES_MAX`] at most; others wait in their connections.
const LMTP_QUEUE: usize = 2;

/// Nothing that a healthy loop does takes longer without a sign of life, but for
/// a server that uses all the time it has (RFC 5321 section 4.5.3.2).
const PATIENCE: Duration = Duration::from_mins(30);

/// A provider may ask to be left alone for long, and a first look reads weeks.
const FETCHER_PATIENCE: Duration = Duration::from_hours(3);

/// A part of the work that one process can do and another one not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks at the sources.
    Fetch,
    /// Composes issues.
    Publish,
    /// Sends mail.
    Deliver,
    /// Reads the mail that comes back.
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

/// What a daemon is to do, and with what.
pub struct Daemon {
    /// Where the settings are read again.
    pub settings: PathBuf,
    /// The settings as they were read.
    pub config: Config,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
}

/// The loops that have been started.
struct Tasks {
    loops: JoinSet<anyhow::Result<()>>,
    heartbeats: Vec<Arc<Heartbeat>>,
    stop: CancellationToken,
    status: Option<StatusReporter>,
}

impl Tasks {
    /// Starts a loop.
    fn keep<T, S>(&mut self, driven: LoopConfig, work: Arc<T>, step: fn(Arc<T>) -> S)
    where
        T: Send + Sync + 'static,
        S: Future<Output = Result<Step, StepError>> + Send + 'static,
    {
        self.loops
            .spawn(drive(driven, move || step(Arc::clone(&work))));
    }

    fn driven(
        &mut self,
        name: &'static str,
        idle: Duration,
        patience: Duration,
        wake: &Arc<Notify>,
    ) -> LoopConfig {
        let heartbeat = Heartbeat::new(name, patience);
        self.heartbeats.push(Arc::clone(&heartbeat));
        LoopConfig {
            heartbeat,
            idle,
            wake: Arc::clone(wake),
            stop: self.stop.clone(),
            status: self.status.clone(),
        }
    }
}

impl Daemon {
    /// Runs until it is told to stop, or cannot go on.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut signals = Signals::listen().context("cannot listen to signals")?;
        // What takes a port must have it before anything else begins.
        let listener = self.listen().await?;
        let for_operator = match self
            .config
            .web
            .admin_listen
            .filter(|_| self.roles.contains(&Role::Web))
        {
            Some(address) => Some(admin_pages::listen(address).await?),
            None => None,
        };
        let lmtp = match self
            .config
            .inbound
            .lmtp
            .filter(|_| self.roles.contains(&Role::Inbound))
        {
            Some(lmtp) => Some(inbound::bind(lmtp.listen).await?),
            None => None,
        };
        let (settings, roles) = (self.settings.clone(), self.roles.clone());
        let (change, runtime) = watch::channel(Arc::new(RuntimeConfig::new(self.config.clone())?));
        let mut started = self.start(&runtime, listener, for_operator, lmtp)?;
        systemd::ready();
        let words = Role::WORDS
            .iter()
            .filter(|(_, role)| roles.contains(role))
            .map(|(word, _)| *word);
        tracing::info!(roles = %words.collect::<Vec<_>>().join(","), process = std::process::id(), "ready");

        let mut failure = None;
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    SignalAction::Stop => break,
                    SignalAction::Reload => reload(&settings, &change),
                },
                Some(ended) = started.loops.join_next() => {
                    failure = Some(match ended {
                        Ok(Ok(())) => anyhow::anyhow!("a part of the program ended by itself"),
                        Ok(Err(error)) => error,
                        Err(error) => anyhow::Error::from(error).context("a part of the program panicked"),
                    });
                    break;
                }
                () = watchdog() => systemd::ping(&started.heartbeats),
            }
        }
        systemd::stopping();
        match &failure {
            None => tracing::info!(
                "stopping: finishing what is under way; a second signal leaves at once"
            ),
            Some(error) => tracing::error!("stopping, for something cannot go on: {error:#}"),
        }
        started.stop.cancel();
        let ended = finish(&mut started, &mut signals).await;
        match failure {
            None => ended.inspect(|()| tracing::info!("stopped")),
            Some(failure) => Err(failure),
        }
    }

    async fn listen(&self) -> anyhow::Result<Option<TcpListener>> {
        if !self.roles.contains(&Role::Web) {
            return Ok(None);
        }
        let web = &self.config.web;
        let bound = TcpListener::bind(web.listen).await;
        let listener = bound.with_context(|| {
            let (address, port) = (web.listen, web.listen.port());
            format!("web.listen: cannot listen on {address} (`ss -ltnp 'sport = :{port}'` shows who does)")
        })?;
        let address = listener.local_addr().context("web.listen: no address")?;
        tracing::info!(listen = %address, "the pages are served");
        Ok(Some(listener))
    }

    fn start(
        self,
        runtime: &watch::Receiver<Arc<RuntimeConfig>>,
        listener: Option<TcpListener>,
        for_operator: Option<TcpListener>,
        lmtp: Option<TcpListener>,
    ) -> anyhow::Result<Tasks> {
        let Daemon {
            config,
            roles,
            db,
            clock,
            random,
            ..
        } = self;
        let chance = Arc::clone(&random);
        let database = config.database_path()?;
        let folder = database
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(std::path::Path::new(".")).to_owned();
        let stop = CancellationToken::new();
        let status = Some(StatusReporter {
            db: db.clone(),
            clock: Arc::clone(&clock),
        });
        let mut started = Tasks {
            loops: JoinSet::new(),
            heartbeats: Vec::new(),
            stop: stop.clone(),
            status,
        };
        // Each stage wakes the next one in the flow of papers.
        let (arrived, queued, silent) = (
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
        );
        let (polled, was_polled) =
            watch::channel(!roles.contains(&Role::Fetch) || config.sources.is_empty());

        let driven = started.driven("upkeep", SCHEDULE_IDLE, PATIENCE, &silent);
        let upkeep = upkeep::UpkeepTask {
            db: db.clone(),
            clock: Arc::clone(&clock),
            runtime: runtime.clone(),
            heartbeat: Arc::clone(&driven.heartbeat),
            stop: stop.clone(),
            last: Mutex::new(clock.now()),
        };
        started.keep(driven, Arc::new(upkeep), upkeep::UpkeepTask::step);
        if roles.contains(&Role::Fetch) {
            let fetcher = fetch::FetchTask {
                db: db.clone(),
                http: Http::new(HttpSettings::of_site(&config.site), HttpEnv::system())?,
                clock: Arc::clone(&clock),
                runtime: runtime.clone(),
                stop: stop.clone(),
                arrived: Arc::clone(&arrived),
                polled,
                memory: Mutex::default(),
            };
            let driven = started.driven("fetch", SCHEDULE_IDLE, FETCHER_PATIENCE, &silent);
            started.keep(driven, Arc::new(fetcher), fetch::FetchTask::step);
        }
        if roles.contains(&Role::Publish) {
            let driven = started.driven("publish", PUBLISHER_IDLE, PATIENCE, &arrived);
            let publishing = publish::PublishTask {
                db: db.clone(),
                clock: Arc::clone(&clock),
                runtime: runtime.clone(),
                heartbeat: Arc::clone(&driven.heartbeat),
                stop: stop.clone(),
                queued: Arc::clone(&queued),
                polled: was_polled,
                began: Instant::now(),
                publisher: Mutex::default(),
            };
            started.keep(driven, Arc::new(publishing), publish::PublishTask::step);
        }
        if roles.contains(&Role::Deliver) {
            let driven = started.driven("deliver", SCHEDULE_IDLE, PATIENCE, &silent);
            let rounds = deliver::DeliveryTask {
                db: db.clone(),
                clock: Arc::clone(&clock),
                random,
                runtime: runtime.clone(),
                heartbeat: Arc::clone(&driven.heartbeat),
                stop: stop.clone(),
                queued: Arc::clone(&queued),
                lock_file: config.sending_lock()?,
            };
            started.keep(driven, Arc::new(rounds), deliver::DeliveryTask::step);
        }
        if roles.contains(&Role::Inbound) {
            let context = inbound::InboundContext {
                db: db.clone(),
                clock: Arc::clone(&clock),
                runtime: runtime.clone(),
                stop: stop.clone(),
            };
            start_inbound(&mut started, &context, &config.inbound, lmtp, &silent);
        }
        if roles.contains(&Role::Deliver) {
            start_monitor(&mut started, &db, &clock, runtime, &queued, &silent);
        }
        if let Some(listener) = listener {
            let menu = vec![MenuLink {
                url: "/",
                text: "Trending",
            }];
            let pages = Arc::new(Pages::new(&config.site.name, &menu, ""));
            let tls = config.web.tls.as_ref().map(web::Tls::read).transpose()?;
            let client =
                crate::http::one_time_client().context("webhooks: cannot prepare HTTPS")?;
            let hooks = web::webhooks::WebhookState {
                db: db.clone(),
                reception: Reception {
                    settings: config.inbound.clone(),
                    signer: config.site.signer(),
                },
                clock: Arc::clone(&clock),
                fetch: Arc::new(web::webhooks::HttpFetch::new(client)),
                trusted_proxies: config.web.trusted_proxies.clone(),
            };
            let (runtime, changing) = (runtime.clone(), runtime.clone());
            let site = web::WebState {
                db,
                pages,
                composer: Arc::new(move || Arc::clone(&runtime.borrow().composer)),
                settings: Arc::new(config.web),
                clock,
                queued: Arc::clone(&queued),
                shared: Arc::default(),
            };
            let driven = started.driven("pages", pages::EVICTION_IDLE, PATIENCE, &silent);
            started.keep(
                driven,
                Arc::new(pages::EvictionTask { site: site.clone() }),
                pages::EvictionTask::step,
            );
            let admin = admin_pages::AdminPages {
                site: site.clone(),
                random: Arc::clone(&chance),
                runtime: changing,
                heartbeats: started.heartbeats.clone(),
                listener: for_operator,
                tls: tls.clone(),
            };
            let status = pages::StatusContext {
                db: site.db.clone(),
                clock: Arc::clone(&site.clock),
                began: site.clock.now(),
                heartbeats: started.heartbeats.clone(),
                delivers: roles.contains(&Role::Deliver),
                figures: tokio::sync::Mutex::default(),
                folder,
            };
            let trusted = site.settings.trusted_proxies.clone();
            let router = pages::router(site, status).merge(web::webhooks::router(hooks));
            let router = admin.beside(router, &mut started.loops, &stop);
            let threads =
                pages::PageThreads::start().context("cannot start the threads that serve pages")?;
            started
                .loops
                .spawn(async move { threads.serve(listener, tls, router, trusted, stop).await });
        }
        Ok(started)
    }
}

/// Starts what tells the operator. It watches all loops that were started before it, and itself.
fn start_monitor(
    started: &mut Tasks,
    db: &Db,
    clock: &Arc<dyn Clock>,
    runtime: &watch::Receiver<Arc<RuntimeConfig>>,
    queued: &Arc<Notify>,
    silent: &Arc<Notify>,
) {
    let unstored = Arc::default();
    let poster = WebhookSender {
        db: db.clone(),
        clock: Arc::clone(clock),
        unstored: Arc::clone(&unstored),
    };
    let driven = started.driven("webhook", SCHEDULE_IDLE, PATIENCE, silent);
    started.keep(
        driven,
        Arc::new(alarms::WebhookTask {
            poster,
            runtime: runtime.clone(),
        }),
        alarms::WebhookTask::step,
    );
    let driven = started.driven("alarms", WATCH_IDLE, PATIENCE, silent);
    let watching = alarms::MonitorTask {
        watch: AlarmMonitor::new(db.clone(), Arc::clone(clock), unstored),
        teller: RunReporter {
            db: db.clone(),
            clock: Arc::clone(clock),
        },
        runtime: runtime.clone(),
        heartbeats: started.heartbeats.clone(),
        queued: Arc::clone(queued),
    };
    started.keep(driven, Arc::new(watching), alarms::MonitorTask::step);
}

/// Starts the ways in that the settings ask for.
fn start_inbound(
    started: &mut Tasks,
    context: &inbound::InboundContext,
    settings: &InboundSettings,
    lmtp: Option<TcpListener>,
    silent: &Arc<Notify>,
) {
    // Whether there is one may change with the settings.
    let watch = inbound::MaildirTask {
        context: context.clone(),
        watch: Mutex::default(),
    };
    let driven = started.driven("inbound maildir", LISTEN_IDLE, PATIENCE, silent);
    started.keep(driven, Arc::new(watch), inbound::MaildirTask::step);
    let driven = started.driven("inbound imap", SCHEDULE_IDLE, PATIENCE, silent);
    let watch = inbound::ImapTask {
        context: context.clone(),
        mailbox: tokio::sync::Mutex::new(None),
        heartbeat: Arc::clone(&driven.heartbeat),
    };
    started.keep(driven, Arc::new(watch), inbound::ImapTask::step);
    if let Some(lmtp) = lmtp {
        let (hand_over, handed) = tokio::sync::mpsc::channel(LMTP_QUEUE);
        let task = inbound::LmtpTask {
            context: context.clone(),
            handed: tokio::sync::Mutex::new(handed),
        };
        let driven = started.driven("inbound lmtp", SCHEDULE_IDLE, PATIENCE, silent);
        started.keep(driven, Arc::new(task), inbound::LmtpTask::step);
        let ours = settings
            .addresses
            .bounce
            .iter()
            .chain(&settings.addresses.unsubscribe)
            .cloned()
            .collect();
        let stop = context.stop.clone();
        started.loops.spawn(async move {
            lmtp::serve(lmtp, ours, hand_over, stop).await;
            Ok(())
        });
    }
}

/// Reads the settings again; unusable ones are not taken.
fn reload(settings: &std::path::Path, change: &watch::Sender<Arc<RuntimeConfig>>) {
    systemd::reloading();
    let before = Arc::clone(&change.borrow());
    match before.reload(settings) {
        Ok((runtime, waits)) => {
            change.send_replace(Arc::new(runtime));
            tracing::info!("the settings were read again");
            for section in waits {
                tracing::warn!(
                    "{section} has changed: that needs a restart, until then the old one holds"
                );
            }
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::error!("the new settings cannot be used, the old ones hold: {error:#}");
        }
    }
    systemd::ready();
}

/// Waits until every loop has finished, but not longer than [`STOP_LIMIT`] or a second signal.
async fn finish(started: &mut Tasks, signals: &mut Signals) -> anyhow::Result<()> {
    let limit = tokio::time::sleep(STOP_LIMIT);
    tokio::pin!(limit);
    loop {
        tokio::select! {
            ended = started.loops.join_next() => if ended.is_none() { return Ok(()) },
            () = &mut limit => {
                anyhow::bail!("left after {} minutes with work under way", STOP_LIMIT.as_secs() / 60);
            }
            asked = signals.next() => if let SignalAction::Stop = asked {
                anyhow::bail!("left at the second signal with work under way");
            },
            () = watchdog() => systemd::ping(&started.heartbeats),
        }
    }
}

/// Ends when a sign of life is due; never without a watchdog.
async fn watchdog() {
    match systemd::watchdog_wait() {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// What a signal asks for.
enum SignalAction {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> SignalAction {
        tokio::select! {
            _ = self.terminate.recv() => SignalAction::Stop,
            _ = self.interrupt.recv() => SignalAction::Stop,
            _ = self.hangup.recv() => SignalAction::Reload,
        }
    }
}
