//! `paperboy try`: everything once, without settings.
//!
//! Nothing leaves the machine except the request for papers. Today's papers are fetched from
//! arXiv, with built-in samples as the fallback; they are ranked for three built-in readers,
//! rendered, and delivered over SMTP on loopback to a built-in mail catcher, whose inbox is shown
//! beside the public pages. The parts are those of a real installation; the database is in memory.

mod catcher;
mod inbox;
mod readers;

pub use catcher::{Catcher, Caught};

use crate::archive::ActiveEmbedder;
use crate::clock::{Clock, SystemClock};
use crate::coverage::CoverageState;
use crate::digest::{Branding, DigestSettings, Templates};
use crate::edition::{AsOf, Composer, EditionError, MAX_LATENESS, Published, Publisher};
use crate::http::{Http, HttpEnv, HttpError, HttpSettings};
use crate::intake::{Import, Imported, IntakeError, PollError, PollScope, poll};
use crate::links::ReturnAddresses;
use crate::outbox::{DeliverError, DeliveryService, Security, SmtpSettings, Summary, Transport};
use crate::random::{Random, SystemChance};
use crate::site::Site;
use crate::source::jsonl::Reader;
use crate::source::{SourceSettings, arxiv};
use crate::store::sqlite::SqliteStore;
use crate::store::{Db, DeliveryId, DeliveryRow, OutboxFilter, StoreError};
use crate::token::{SECRET_BYTES_MIN, Scope, Signer};
use crate::web::admin::{self, AdminContext, AdminState};
use crate::web::{self, MenuLink, Pages};
use axum::Router;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::io::Cursor;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The built-in sample papers. They are made up, and their authors' names are taken from the
/// history of science.
const SAMPLES: &str = include_str!("trial/samples.jsonl");

/// The default address of the pages, if its port is free.
const USUAL_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// The papers of the trial.
#[derive(Debug)]
pub enum PaperInput {
    /// The newest announcement of a few categories of arXiv, with the samples as the fallback after
    /// the time limit.
    Arxiv {
        /// The client.
        http: Http,
        /// A server that stands in for all hosts of arXiv.
        endpoint: Option<String>,
        /// The time limit of fetching.
        time_limit: Duration,
    },
    /// The built-in samples.
    Samples,
    /// Files of papers: JSON lines or saved feeds.
    Files(Vec<PathBuf>),
}

/// The categories that the readers' interests are about.
const CATEGORIES: [&str; 4] = ["cs.CL", "cs.LG", "quant-ph", "cs.RO"];

/// The default time limit of fetching: a request and a pause of three seconds for each category,
/// and some more.
pub const FETCH_LIMIT: Duration = Duration::from_secs(20);

/// Why the trial failed.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Papers cannot be taken in.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// No paper with an announcement day was read.
    #[error("the papers have no announcement day (`announced`), so there is no issue to make")]
    NoDay,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Issues cannot be composed.
    #[error(transparent)]
    Edition(#[from] EditionError),
    /// Mail cannot be delivered.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
    /// A template cannot be used.
    #[error(transparent)]
    Template(#[from] crate::digest::TemplateError),
    /// The pages or the catcher cannot be served.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        #[source]
        cause: std::io::Error,
    },
}

/// The result of a trial.
#[derive(Debug)]
pub struct TrialOutcome {
    /// Papers taken in.
    pub imported: Imported,
    /// Why the samples are shown instead of today's papers.
    pub fallen_back: Option<String>,
    /// Whether the papers are made up.
    pub is_sample: bool,
    /// The announcement day that the issues are about.
    pub day: NaiveDate,
    /// Issues composed.
    pub published: Published,
    /// Mails delivered.
    pub delivered: Summary,
    /// The deliveries.
    pub deliveries: Vec<DeliveryRow>,
    /// Mails that arrived.
    pub caught: Vec<Caught>,
}

/// A trial whose mails have arrived, and whose pages can be served.
pub struct Trial {
    /// The result.
    pub outcome: TrialOutcome,
    /// The address of the pages.
    pub base_url: String,
    /// The password of the operator's pages.
    pub operator_password: String,
    listener: TcpListener,
    pages: Router,
    delivery: TrialDelivery,
}

impl Trial {
    /// Runs the trial. Pages are served on `listen`; without it on port 8080, or on a free port if
    /// that is taken.
    pub async fn run(input: PaperInput, listen: Option<SocketAddr>) -> Result<Trial, TrialError> {
        let (clock, chance): (Arc<dyn Clock>, Arc<dyn Random>) =
            (Arc::new(SystemClock), Arc::new(SystemChance::new()));
        let now = clock.now();
        let listener = listen_somewhere(listen).await?;
        let address = listener.local_addr().map_err(|cause| TrialError::Listen {
            address: USUAL_ADDRESS,
            cause,
        })?;
        let base_url = format!("http://{address}");
        let catcher = Catcher::start().await.map_err(|cause| TrialError::Listen {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            cause,
        })?;

        let db = Db::new(SqliteStore::in_memory()?);
        let (mut imported, mut fallen_back, mut files) = (Imported::default(), None, Vec::new());
        let mut is_sample = matches!(input, PaperInput::Samples);
        match input {
            PaperInput::Samples => {}
            PaperInput::Files(named) => files = named,
            PaperInput::Arxiv {
                http,
                endpoint,
                time_limit,
            } => match fetch(&db, &http, endpoint, time_limit).await? {
                Ok(fetched) => imported = fetched,
                Err(why) => (fallen_back, is_sample) = (Some(why), true),
            },
        }
        if is_sample || !files.is_empty() {
            imported = db.run_blocking(move |db| take_in(db, &files, now)).await?;
        }
        let day = db
            .run(move |store| store.newest_day(NaiveDate::MAX))
            .await?
            .ok_or(TrialError::NoDay)?;
        let readers = readers::readers();
        db.run(move |store| store.enter_subscribers(&readers, now))
            .await?;

        let composer = Arc::new(composer(&base_url, &*chance)?);
        let signer = composer.signer.clone();
        // Late on the newest day, when every reader's hour has come.
        let as_of = AsOf::Instant(day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(23));
        let publishing = Arc::clone(&composer);
        let published = db
            .run_blocking(move |db| publish(db, &publishing, as_of, now))
            .await?;
        let delivery = TrialDelivery {
            db: db.clone(),
            clock: clock.clone(),
            chance: Arc::clone(&chance),
            catcher: catcher.clone(),
            signer: signer.clone(),
            queued: Arc::default(),
        };
        let delivered = delivery.deliver().await?;
        let deliveries = db
            .run(|store| store.deliveries(&OutboxFilter::default()))
            .await?;

        let menu = vec![
            MenuLink {
                url: "/",
                text: "Trending",
            },
            MenuLink {
                url: "/inbox",
                text: "Inbox",
            },
            MenuLink {
                url: "/admin",
                text: "Operator",
            },
        ];
        let notice = if is_sample {
            "A trial of paperboy. The papers are made up; the names of their authors are borrowed from the history of science."
        } else {
            "A trial of paperboy."
        };
        let pages = Arc::new(Pages::new("paperboy", &menu, notice));
        let site = web::WebState {
            db,
            pages: Arc::clone(&pages),
            composer: Arc::new(move || Arc::clone(&composer)),
            settings: Arc::default(),
            clock,
            queued: Arc::clone(&delivery.queued),
            shared: Arc::default(),
        };
        let caught = catcher.caught();
        let operator_password = open_operators_pages(&site, &*chance, now).await?;
        let relay = relay(&catcher);
        let works = AdminContext {
            random: chance,
            transport: Arc::new(move || Transport::Smtp(relay.clone())),
            sources: Arc::new(Vec::new),
            loops: Arc::new(Vec::new),
            models: PathBuf::from("no models"),
            own_listener: None,
        };
        let operators = admin::router(AdminState::new(site.clone(), works));
        Ok(Trial {
            outcome: TrialOutcome {
                imported,
                fallen_back,
                is_sample,
                day,
                published,
                delivered,
                deliveries,
                caught,
            },
            base_url,
            operator_password,
            listener,
            delivery,
            pages: inbox::router(catcher, pages)
                .merge(web::router(site))
                .merge(operators),
        })
    }

    /// Serves the pages until `stop` is cancelled, and delivers the mails that visitors request.
    pub async fn serve(self, stop: CancellationToken) -> std::io::Result<()> {
        let delivering = tokio::spawn(self.delivery.keep_delivering(stop.clone()));
        web::serve(self.listener, None, self.pages, &[], stop).await;
        let _ = delivering.await;
        Ok(())
    }
}

/// The transport to the catcher.
fn relay(catcher: &Catcher) -> SmtpSettings {
    SmtpSettings {
        port: catcher.address().port(),
        security: Security::None,
        hello_name: Some("localhost".to_owned()),
        ..SmtpSettings::default()
    }
}

/// Sets a password for the operator's pages, which is valid for this trial only.
async fn open_operators_pages(
    site: &web::WebState,
    chance: &dyn Random,
    now: DateTime<Utc>,
) -> Result<String, TrialError> {
    let mut bytes = [0; 8];
    chance.fill(&mut bytes);
    let words: Vec<String> = bytes
        .chunks(2)
        .map(|pair| format!("{:02x}{:02x}", pair[0], pair[1]))
        .collect();
    let password = words.join("-");
    let hash =
        admin::hash_password(&password, chance).expect("the password is as long as one must be");
    site.db
        .run(move |store| store.set_admin_password(&hash, now))
        .await?;
    Ok(password)
}

/// Delivers queued mails to the catcher.
struct TrialDelivery {
    db: Db,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Random>,
    catcher: Catcher,
    signer: Signer,
    /// Wakes the delivery when a mail is queued.
    queued: Arc<Notify>,
}

impl TrialDelivery {
    /// Delivers the queue.
    async fn deliver(&self) -> Result<Summary, DeliverError> {
        let relay = relay(&self.catcher);
        let signer = self.signer.clone();
        let sender = Arc::new(move |id: DeliveryId| {
            format!(
                "bounces+{}@paperboy.example",
                signer.sign(Scope::Bounce, id.0)
            )
        });
        let (clock, chance) = (Arc::clone(&self.clock), Arc::clone(&self.chance));
        let stop = CancellationToken::new();
        let service = DeliveryService::new(
            self.db.clone(),
            clock,
            chance,
            &Transport::Smtp(relay),
            sender,
            stop,
        )?;
        service.run_until_empty(false).await
    }

    async fn keep_delivering(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.queued.notified() => {}
            }
            if let Err(error) = self.deliver().await {
                tracing::error!("a mail cannot be delivered to the inbox: {error}");
            }
        }
    }
}

async fn listen_somewhere(wanted: Option<SocketAddr>) -> Result<TcpListener, TrialError> {
    let address = wanted.unwrap_or(USUAL_ADDRESS);
    match TcpListener::bind(address).await {
        Err(_) if wanted.is_none() => {
            let any = SocketAddr::new(USUAL_ADDRESS.ip(), 0);
            TcpListener::bind(any)
                .await
                .map_err(|cause| TrialError::Listen {
                    address: any,
                    cause,
                })
        }
        bound => bound.map_err(|cause| TrialError::Listen { address, cause }),
    }
}

/// The client of a trial. It tries once: the samples are the fallback.
pub fn client(around: HttpEnv) -> Result<Http, HttpError> {
    Http::new(
        HttpSettings {
            tries: 1,
            ..HttpSettings::named("trial")
        },
        around,
    )
}

/// Takes in the newest announcement of [`CATEGORIES`], as far as it comes within the time limit.
/// The inner error is the reason, in one line, why nothing came.
async fn fetch(
    db: &Db,
    http: &Http,
    endpoint: Option<String>,
    time_limit: Duration,
) -> Result<Result<Imported, String>, TrialError> {
    let mut imported = Imported::default();
    let mut why = format!("nothing came within {} seconds", time_limit.as_secs());
    let deadline = tokio::time::Instant::now() + time_limit;
    for category in CATEGORIES {
        let source = SourceSettings {
            categories: vec![category.to_owned()],
            endpoint: endpoint.clone(),
            verify: false,
            ..SourceSettings::new("arxiv", &arxiv::KIND)
        };
        let Ok(polled) =
            tokio::time::timeout_at(deadline, poll(db, http, &source, PollScope::Everything)).await
        else {
            break;
        };
        let polled = match polled {
            Ok(polled) => polled,
            Err(PollError::Intake(error)) => return Err(error.into()),
        };
        imported.read += polled.read;
        imported.new += polled.new;
        imported.changed += polled.changed;
        imported.merged += polled.merged;
        imported.rejected += polled.rejected;
        if let Some(row) = polled.coverage.iter().max_by_key(|row| row.date) {
            why = match row.state {
                CoverageState::Failed => row.note.clone(),
                CoverageState::Complete => continue,
                CoverageState::Quiet => {
                    format!("arXiv has nothing new on {} ({})", row.date, row.note)
                }
                _ => format!(
                    "arXiv's papers of {} are not out yet ({})",
                    row.date, row.note
                ),
            };
            // A failure of one category would repeat for all, only slower.
            if row.state == CoverageState::Failed || polled.paused_until.is_some() {
                break;
            }
        }
    }
    let day = db.run(|store| store.newest_day(NaiveDate::MAX)).await?;
    Ok(day.map(|_| imported).ok_or(why))
}

fn take_in(db: &Db, files: &[PathBuf], now: DateTime<Utc>) -> Result<Imported, IntakeError> {
    let mut import = Import::new(now);
    if files.is_empty() {
        let samples = || Reader::new(Cursor::new(SAMPLES), "the samples".to_owned());
        let unreadable = |cause| IntakeError::Unreadable {
            path: PathBuf::from("the samples"),
            cause,
        };
        let mut reader = samples().map_err(unreadable)?;
        let mut records = Vec::new();
        while let Some(record) = reader.next_record().map_err(unreadable)? {
            records.push(record);
        }
        import.take_in(db, records)?;
    }
    for file in files {
        import.take_in_file(db, file, |_, _| {})?;
    }
    Ok(import.imported())
}

fn composer(base_url: &str, chance: &dyn Random) -> Result<Composer, TrialError> {
    let mut secret = vec![0; SECRET_BYTES_MIN];
    chance.fill(&mut secret);
    let secret = secrecy::SecretSlice::from(secret);
    let site = Site {
        name: "paperboy".to_owned(),
        base_url: base_url.to_owned(),
        from: "paperboy <digest@paperboy.example>"
            .parse()
            .expect("the sender is a mailbox"),
        contact: "operator@paperboy.example"
            .parse()
            .expect("the contact is an address"),
        secret,
        old_secrets: Vec::new(),
    };
    let settings = DigestSettings::default();
    Ok(Composer {
        branding: Branding::new(&site, &settings),
        templates: Templates::load(&settings)?,
        signer: site.signer(),
        return_addresses: ReturnAddresses::default(),
        dkim: None,
        shelf_life: TimeDelta::hours(1),
        latest_send: TimeDelta::zero(),
        max_lateness: MAX_LATENESS,
        model: Arc::new(ActiveEmbedder::new("no models")),
        site,
    })
}

fn publish(
    db: &Db,
    composer: &Composer,
    as_of: AsOf,
    now: DateTime<Utc>,
) -> Result<Published, EditionError> {
    let mut publisher = Publisher::new(db, composer, as_of, now, false)?;
    while publisher.publish_batch()? {}
    Ok(publisher.published())
}
