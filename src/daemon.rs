//! Runs: fetches, publishes and delivers every day, on its own.
//!
//! Each part is a loop of steps, and what one has stored the next one finds in
//! the database; a bell rings in between so that nobody waits for a pause to
//! end. Tests call the steps' own parts; one driver repeats them, pauses when there is
//! nothing to do, and takes a step that failed again.
//!
//! It stops in two stages. At the first SIGTERM or SIGINT nothing new is begun
//! and what is under way is finished; at the second one, or after
//! [`STOP_LIMIT`], it leaves: whatever was being handed over then is sorted out
//! at the next start. SIGHUP reads the settings again.

mod alarms;
mod courier;
mod fetcher;
mod figures;
mod keep;
mod listener;
mod operator;
mod pages;
mod parts;
mod publisher;
mod systemd;
mod upkeep;

use crate::alarm::{Poster, RunTeller, Watch};
use crate::clock::Clock;
use crate::config::Config;
use crate::inbound::{InboundSettings, Reception, lmtp};
use crate::random::Random;
use crate::source::http::{Http, HttpSettings, Surroundings};
use crate::store::Db;
use crate::web::{self, MenuLink, Pages};
use anyhow::Context;
use keep::{Notes, Pace, Pulse, Step, Trouble, keep_stepping};
use parts::Parts;
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
struct Started {
    loops: JoinSet<anyhow::Result<()>>,
    pulses: Vec<Arc<Pulse>>,
    stop: CancellationToken,
    notes: Option<Notes>,
}

impl Started {
    /// Starts a loop.
    fn keep<T, S>(&mut self, pace: Pace, work: Arc<T>, step: fn(Arc<T>) -> S)
    where
        T: Send + Sync + 'static,
        S: Future<Output = Result<Step, Trouble>> + Send + 'static,
    {
        self.loops
            .spawn(keep_stepping(pace, move || step(Arc::clone(&work))));
    }

    fn pace(
        &mut self,
        name: &'static str,
        idle: Duration,
        patience: Duration,
        bell: &Arc<Notify>,
    ) -> Pace {
        let pulse = Pulse::new(name, patience);
        self.pulses.push(Arc::clone(&pulse));
        Pace {
            pulse,
            idle,
            bell: Arc::clone(bell),
            stop: self.stop.clone(),
            notes: self.notes.clone(),
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
            Some(address) => Some(operator::listen(address).await?),
            None => None,
        };
        let lmtp = match self
            .config
            .inbound
            .lmtp
            .filter(|_| self.roles.contains(&Role::Inbound))
        {
            Some(lmtp) => Some(listener::bind(lmtp.listen).await?),
            None => None,
        };
        let (settings, roles) = (self.settings.clone(), self.roles.clone());
        let (change, parts) = watch::channel(Arc::new(Parts::new(self.config.clone())?));
        let mut started = self.start(&parts, listener, for_operator, lmtp)?;
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
                    Asked::Stop => break,
                    Asked::Reload => reload(&settings, &change),
                },
                Some(ended) = started.loops.join_next() => {
                    failure = Some(match ended {
                        Ok(Ok(())) => anyhow::anyhow!("a part of the program ended by itself"),
                        Ok(Err(error)) => error,
                        Err(error) => anyhow::Error::from(error).context("a part of the program panicked"),
                    });
                    break;
                }
                () = watchdog() => systemd::ping(&started.pulses),
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
        parts: &watch::Receiver<Arc<Parts>>,
        listener: Option<TcpListener>,
        for_operator: Option<TcpListener>,
        lmtp: Option<TcpListener>,
    ) -> anyhow::Result<Started> {
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
        let notes = Some(Notes {
            db: db.clone(),
            clock: Arc::clone(&clock),
        });
        let mut started = Started {
            loops: JoinSet::new(),
            pulses: Vec::new(),
            stop: stop.clone(),
            notes,
        };
        // A bell rings for whoever comes after in the flow of papers.
        let (arrived, queued, silent) = (
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
            Arc::new(Notify::new()),
        );
        let (polled, was_polled) =
            watch::channel(!roles.contains(&Role::Fetch) || config.sources.is_empty());

        let pace = started.pace("upkeep", SCHEDULE_IDLE, PATIENCE, &silent);
        let upkeep = upkeep::Upkeep {
            db: db.clone(),
            clock: Arc::clone(&clock),
            parts: parts.clone(),
            pulse: Arc::clone(&pace.pulse),
            stop: stop.clone(),
            last: Mutex::new(clock.now()),
        };
        started.keep(pace, Arc::new(upkeep), upkeep::Upkeep::step);
        if roles.contains(&Role::Fetch) {
            let fetcher = fetcher::Fetcher {
                db: db.clone(),
                http: Http::new(
                    HttpSettings::of_site(&config.site),
                    Surroundings::of_the_machine(),
                )?,
                clock: Arc::clone(&clock),
                parts: parts.clone(),
                stop: stop.clone(),
                arrived: Arc::clone(&arrived),
                polled,
                memory: Mutex::default(),
            };
            let pace = started.pace("fetch", SCHEDULE_IDLE, FETCHER_PATIENCE, &silent);
            started.keep(pace, Arc::new(fetcher), fetcher::Fetcher::step);
        }
        if roles.contains(&Role::Publish) {
            let pace = started.pace("publish", PUBLISHER_IDLE, PATIENCE, &arrived);
            let publishing = publisher::Publishing {
                db: db.clone(),
                clock: Arc::clone(&clock),
                parts: parts.clone(),
                pulse: Arc::clone(&pace.pulse),
                stop: stop.clone(),
                queued: Arc::clone(&queued),
                polled: was_polled,
                began: Instant::now(),
                publisher: Mutex::default(),
            };
            started.keep(pace, Arc::new(publishing), publisher::Publishing::step);
        }
        if roles.contains(&Role::Deliver) {
            let pace = started.pace("deliver", SCHEDULE_IDLE, PATIENCE, &silent);
            let rounds = courier::Rounds {
                db: db.clone(),
                clock: Arc::clone(&clock),
                random,
                parts: parts.clone(),
                pulse: Arc::clone(&pace.pulse),
                stop: stop.clone(),
                queued: Arc::clone(&queued),
                lock_file: config.sending_lock()?,
            };
            started.keep(pace, Arc::new(rounds), courier::Rounds::step);
        }
        if roles.contains(&Role::Inbound) {
            let desk = listener::Desk {
                db: db.clone(),
                clock: Arc::clone(&clock),
                parts: parts.clone(),
                stop: stop.clone(),
            };
            listen_to_reports(&mut started, &desk, &config.inbound, lmtp, &silent);
        }
        if roles.contains(&Role::Deliver) {
            watch_over(&mut started, &db, &clock, parts, &queued, &silent);
        }
        if let Some(listener) = listener {
            let menu = vec![MenuLink {
                url: "/",
                text: "Trending",
            }];
            let pages = Arc::new(Pages::new(&config.site.name, &menu, ""));
            let tls = config.web.tls.as_ref().map(web::Tls::read).transpose()?;
            let client =
                crate::source::http::one_time_client().context("webhooks: cannot prepare HTTPS")?;
            let hooks = web::hooks::HookSite {
                db: db.clone(),
                reception: Reception {
                    settings: config.inbound.clone(),
                    signer: config.site.signer(),
                },
                clock: Arc::clone(&clock),
                fetch: Arc::new(web::hooks::HttpFetch::new(client)),
                trusted_proxies: config.web.trusted_proxies.clone(),
            };
            let (parts, changing) = (parts.clone(), parts.clone());
            let site = web::Site {
                db,
                pages,
                desk: Arc::new(move || Arc::clone(&parts.borrow().desk)),
                settings: Arc::new(config.web),
                clock,
                queued: Arc::clone(&queued),
                state: Arc::default(),
            };
            let pace = started.pace("pages", pages::TIDYING_IDLE, PATIENCE, &silent);
            started.keep(
                pace,
                Arc::new(pages::Tidying { site: site.clone() }),
                pages::Tidying::step,
            );
            let admin = operator::Pages {
                site: site.clone(),
                random: Arc::clone(&chance),
                parts: changing,
                pulses: started.pulses.clone(),
                listener: for_operator,
                tls: tls.clone(),
            };
            let watched = pages::Watched {
                db: site.db.clone(),
                clock: Arc::clone(&site.clock),
                began: site.clock.now(),
                pulses: started.pulses.clone(),
                delivers: roles.contains(&Role::Deliver),
                figures: tokio::sync::Mutex::default(),
                folder,
            };
            let trusted = site.settings.trusted_proxies.clone();
            let router = pages::router(site, watched).merge(web::hooks::router(hooks));
            let router = admin.beside(router, &mut started.loops, &stop);
            let threads =
                pages::Threads::start().context("cannot start the threads that serve pages")?;
            started
                .loops
                .spawn(async move { threads.serve(listener, tls, router, trusted, stop).await });
        }
        Ok(started)
    }
}

/// Starts what tells the operator. It watches all loops that were started before it, and itself.
fn watch_over(
    started: &mut Started,
    db: &Db,
    clock: &Arc<dyn Clock>,
    parts: &watch::Receiver<Arc<Parts>>,
    queued: &Arc<Notify>,
    silent: &Arc<Notify>,
) {
    let unstored = Arc::default();
    let poster = Poster {
        db: db.clone(),
        clock: Arc::clone(clock),
        unstored: Arc::clone(&unstored),
    };
    let pace = started.pace("webhook", SCHEDULE_IDLE, PATIENCE, silent);
    started.keep(
        pace,
        Arc::new(alarms::Posting {
            poster,
            parts: parts.clone(),
        }),
        alarms::Posting::step,
    );
    let pace = started.pace("alarms", WATCH_IDLE, PATIENCE, silent);
    let watching = alarms::Watching {
        watch: Watch::new(db.clone(), Arc::clone(clock), unstored),
        teller: RunTeller {
            db: db.clone(),
            clock: Arc::clone(clock),
        },
        parts: parts.clone(),
        pulses: started.pulses.clone(),
        queued: Arc::clone(queued),
    };
    started.keep(pace, Arc::new(watching), alarms::Watching::step);
}

/// Starts the ways in that the settings ask for.
fn listen_to_reports(
    started: &mut Started,
    desk: &listener::Desk,
    settings: &InboundSettings,
    lmtp: Option<TcpListener>,
    silent: &Arc<Notify>,
) {
    // Whether there is one may change with the settings.
    let watch = listener::MaildirWatch {
        desk: desk.clone(),
        watch: Mutex::default(),
    };
    let pace = started.pace("inbound maildir", LISTEN_IDLE, PATIENCE, silent);
    started.keep(pace, Arc::new(watch), listener::MaildirWatch::step);
    let pace = started.pace("inbound imap", SCHEDULE_IDLE, PATIENCE, silent);
    let watch = listener::ImapWatch {
        desk: desk.clone(),
        mailbox: tokio::sync::Mutex::new(None),
        pulse: Arc::clone(&pace.pulse),
    };
    started.keep(pace, Arc::new(watch), listener::ImapWatch::step);
    if let Some(lmtp) = lmtp {
        let (hand_over, handed) = tokio::sync::mpsc::channel(LMTP_QUEUE);
        let desk_of_it = listener::LmtpDesk {
            desk: desk.clone(),
            handed: tokio::sync::Mutex::new(handed),
        };
        let pace = started.pace("inbound lmtp", SCHEDULE_IDLE, PATIENCE, silent);
        started.keep(pace, Arc::new(desk_of_it), listener::LmtpDesk::step);
        let ours = settings
            .bounce_address
            .iter()
            .chain(&settings.unsubscribe_address)
            .cloned()
            .collect();
        let stop = desk.stop.clone();
        started.loops.spawn(async move {
            lmtp::serve(lmtp, ours, hand_over, stop).await;
            Ok(())
        });
    }
}

/// Reads the settings again; unusable ones are not taken.
fn reload(settings: &std::path::Path, change: &watch::Sender<Arc<Parts>>) {
    systemd::reloading();
    let before = Arc::clone(&change.borrow());
    match before.reload(settings) {
        Ok((parts, waits)) => {
            change.send_replace(Arc::new(parts));
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
async fn finish(started: &mut Started, signals: &mut Signals) -> anyhow::Result<()> {
    let limit = tokio::time::sleep(STOP_LIMIT);
    tokio::pin!(limit);
    loop {
        tokio::select! {
            ended = started.loops.join_next() => if ended.is_none() { return Ok(()) },
            () = &mut limit => {
                anyhow::bail!("left after {} minutes with work under way", STOP_LIMIT.as_secs() / 60);
            }
            asked = signals.next() => if let Asked::Stop = asked {
                anyhow::bail!("left at the second signal with work under way");
            },
            () = watchdog() => systemd::ping(&started.pulses),
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
enum Asked {
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

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
