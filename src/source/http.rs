//! The client that asks the providers, and the manners it keeps.
//!
//! For each provider there is one gate in the process: requests pass it one at
//! a time, each a while after the one before was answered, however many hosts
//! the provider has. When a provider asks us to stay away
//! (`Retry-After`), its gate stays shut until then; [`crate::intake`] writes that
//! down, so that it holds after a restart too. What is likely to pass (time
//! limits, broken connections, 5xx) is tried again a few times.

mod policy;

pub use policy::{Pause, retry_after};

use crate::clock::{Clock, SystemClock};
use crate::random::{Random, SystemChance};
use crate::site::Site;
use chrono::{DateTime, TimeDelta, Utc};
use policy::{WAIT_MAX, WAIT_UNASKED, backoff, spacing};
use reqwest::header;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;

/// Largest answer that is read, unpacked: arXiv's fullest feeds have some 6 MB.
const BODY_BYTES_MAX: usize = 32 << 20;

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Who we are.
    pub user_agent: String,
    /// For the connection to stand.
    pub connect_timeout: Duration,
    /// For the next bytes to come. arXiv has been seen to pause for more than a
    /// minute and then go on (research/recommenders.md section 6.5).
    pub read_timeout: Duration,
    /// For the whole answer.
    pub timeout: Duration,
    /// Tries of one request.
    pub tries: u32,
}

impl HttpSettings {
    /// For an installation: the User-Agent says whom to turn to.
    pub fn of_site(site: &Site) -> Self {
        Self::named(&format!("+{}; mailto:{}", site.base_url, site.contact))
    }

    /// For a program that says `comment` of itself.
    pub fn named(comment: &str) -> Self {
        HttpSettings {
            user_agent: format!("paperboy/{} ({comment})", env!("CARGO_PKG_VERSION")),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_mins(2),
            timeout: Duration::from_mins(5),
            tries: 4,
        }
    }
}

/// A provider and its manners: whose limit a request counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name; that of a stand-in names where it is.
    pub name: String,
    /// From one answer to the next request.
    pub spacing: TimeDelta,
}

/// What came back: any status but 429 and 5xx.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// What came, unpacked.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The provider wants to be left alone for a while: asking again before is useless.
    #[error("{} asks to wait until {} ({})", .0.provider, .0.until.format("%Y-%m-%d %H:%M:%S UTC"), .0.reason)]
    AskedToWait(Pause),
    /// Not reached, or broken off, each time.
    #[error("no answer from {url} ({why}; tries: {tries})")]
    Unreachable {
        /// What was asked.
        url: String,
        /// How often.
        tries: u32,
        /// The last failure, in one line.
        why: String,
    },
    /// 5xx each time.
    #[error("{url} answers with status {status} (tries: {tries})")]
    ServerError {
        /// What was asked.
        url: String,
        /// The last status.
        status: u16,
        /// How often.
        tries: u32,
    },
    /// Longer than anything that it should send.
    #[error("the answer of {url} is longer than {} MB", BODY_BYTES_MAX >> 20)]
    TooLong {
        /// What was asked.
        url: String,
    },
    /// The client cannot be built.
    #[error("cannot set up TLS")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Waits that long.
pub type Sleep = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What the client takes from outside.
#[derive(Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the jitter of retries.
    pub chance: Arc<dyn Random>,
    /// Waiting.
    pub sleep: Sleep,
}

impl Surroundings {
    /// Those of the machine.
    pub fn of_the_machine() -> Self {
        Surroundings {
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance::new()),
            sleep: Arc::new(|wait| Box::pin(tokio::time::sleep(wait))),
        }
    }
}

/// One provider's gate.
#[derive(Default)]
struct Gate {
    last_answer: Option<DateTime<Utc>>,
}

/// The client. One for the process: the gates are in it. Clones share them.
#[derive(Clone)]
pub struct Http(Arc<Shared>);

struct Shared {
    client: reqwest::Client,
    settings: HttpSettings,
    around: Surroundings,
    gates: SyncMutex<HashMap<String, Arc<Mutex<Gate>>>>,
    pauses: SyncMutex<HashMap<String, Pause>>,
    answers: AtomicU64,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Http {
    /// A client that behaves as `settings` say.
    pub fn new(settings: HttpSettings, around: Surroundings) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::limited(3))
            .referer(false)
            .tls_backend_preconfigured(tls().map_err(|error| HttpError::Setup(Box::new(error)))?)
            .build()
            .map_err(|error| HttpError::Setup(Box::new(error)))?;
        let (gates, pauses) = (SyncMutex::default(), SyncMutex::default());
        Ok(Http(Arc::new(Shared { client, settings, around, gates, pauses, answers: AtomicU64::new(0) })))
    }

    /// The time, as the client sees it.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.around.clock.now()
    }

    /// Waits, as the client does.
    pub async fn sleep(&self, wait: TimeDelta) {
        (self.0.around.sleep)(wait.to_std().unwrap_or_default()).await;
    }

    /// How many requests have ended: how far long work has come.
    pub fn answers(&self) -> u64 {
        self.0.answers.load(Ordering::Relaxed)
    }

    /// From when on another process may ask the provider, if this one did.
    pub async fn next_turn(&self, provider: &Provider) -> Option<DateTime<Utc>> {
        let last = self.gate(provider).lock().await.last_answer;
        last.map(|last| last + provider.spacing)
    }

    /// Keeps the distance to a request of another process, after which it is our turn at `turn`.
    pub async fn take_turn(&self, provider: &Provider, turn: DateTime<Utc>) {
        let gate = self.gate(provider);
        let mut gate = gate.lock().await;
        let last = turn - provider.spacing;
        gate.last_answer = Some(gate.last_answer.map_or(last, |known| known.max(last)));
    }

    fn gate(&self, provider: &Provider) -> Arc<Mutex<Gate>> {
        let mut gates = self.0.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(provider.name.clone()).or_default())
    }

    /// Leaves a provider alone until then: what an earlier process was told. A
    /// pause longer than any that we believe is from a clock that has been set since.
    pub fn stay_away(&self, pause: Pause) {
        if pause.until > self.now() + WAIT_MAX {
            return;
        }
        let mut pauses = self.0.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        match pauses.get(&pause.provider) {
            Some(known) if known.until >= pause.until => {}
            _ => drop(pauses.insert(pause.provider.clone(), pause)),
        }
    }

    /// Until when the provider is to be left alone, if that is still to come.
    fn pause_of(&self, provider: &Provider) -> Option<Pause> {
        let pauses = self.0.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.get(&provider.name).filter(|pause| pause.until > self.now()).cloned()
    }

    /// Asks for `url`, when it is this request's turn at the provider's gate.
    pub async fn get(&self, provider: &Provider, url: &str) -> Result<Answer, HttpError> {
        let gate = self.gate(provider);
        let tries = self.0.settings.tries.max(1);
        let mut last = String::new();
        let mut status = None;
        for number in 1..=tries {
            if number > 1 {
                self.sleep(backoff(number - 1, self.0.around.chance.fraction())).await;
            }
            match self.try_once(provider, &gate, url).await? {
                Try::Answered(answer) => return Ok(answer),
                Try::ServerError(code) => status = Some(code),
                Try::Broken(why) => (status, last) = (None, why),
            }
            tracing::debug!(url, try = number, status, "no answer yet: {last}");
        }
        let url = url.to_owned();
        Err(match status {
            Some(status) => HttpError::ServerError { url, status, tries },
            None => HttpError::Unreachable { url, tries, why: last },
        })
    }

    async fn try_once(&self, provider: &Provider, gate: &Mutex<Gate>, url: &str) -> Result<Try, HttpError> {
        // Held until the answer is read: one connection at a time.
        let mut gate = gate.lock().await;
        if let Some(pause) = self.pause_of(provider) {
            return Err(HttpError::AskedToWait(pause));
        }
        let wait = spacing(gate.last_answer, self.now(), provider.spacing);
        if wait > TimeDelta::zero() {
            self.sleep(wait).await;
        }
        let tried = self.exchange(provider, url).await;
        gate.last_answer = Some(self.now());
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        tried
    }

    async fn exchange(&self, provider: &Provider, url: &str) -> Result<Try, HttpError> {
        let sent = self
            .0
            .client
            .get(url)
            .header(header::ACCEPT, "application/atom+xml, application/rss+xml, application/xml, */*;q=0.1");
        let mut response = match sent.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Try::Broken(in_one_line(&error))),
        };
        let status = response.status().as_u16();
        let asked = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| retry_after(value, self.now()));
        let until = match (status, asked) {
            (429 | 503, Some(until)) => Some(until),
            (429, None) => Some(self.now() + WAIT_UNASKED),
            _ => None,
        };
        if let Some(until) = until {
            let reason = format!("HTTP status {status}");
            let pause = Pause { provider: provider.name.clone(), until, reason };
            self.stay_away(pause.clone());
            return Err(HttpError::AskedToWait(pause));
        }
        if status >= 500 {
            return Ok(Try::ServerError(status));
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) if body.len() + bytes.len() > BODY_BYTES_MAX => {
                    return Err(HttpError::TooLong { url: url.to_owned() });
                }
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) => return Ok(Try::Answered(Answer { url: url.to_owned(), status, body })),
                Err(error) => return Ok(Try::Broken(in_one_line(&error))),
            }
        }
    }
}

/// How one try went, where it may make sense to try again.
enum Try {
    Answered(Answer),
    ServerError(u16),
    Broken(String),
}

/// A client for single requests to addresses that others have a say in: it follows no redirects.
pub fn one_time_client() -> Result<reqwest::Client, HttpError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .tls_backend_preconfigured(tls().map_err(|error| HttpError::Setup(Box::new(error)))?)
        .build()
        .map_err(|error| HttpError::Setup(Box::new(error)))
}

/// rustls with ring and the roots that the system trusts, as for mail.
pub(crate) fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    // Single certificates that cannot be read are no reason to trust none. Where
    // there are none at all, plain HTTP still works and HTTPS says what is wrong.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// An error with its causes; the address is said by whoever reports it.
pub(crate) fn in_one_line(error: &reqwest::Error) -> String {
    let mut line = if error.is_timeout() { "time limit".to_owned() } else { String::new() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.contains(&words) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&words);
        }
        cause = error.source();
    }
    if line.is_empty() { error.to_string() } else { line }
}
