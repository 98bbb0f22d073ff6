//! The client that asks the providers, and the manners it keeps.
//!
//! For each provider there is one gate in the process: requests pass it one at
//! a time, each a while after the one before was answered, however many hosts
//! the provider has. With [`Turns`], the processes of an installation share them.
//! When a provider asks us to stay away (`Retry-After`), its gate stays shut until
//! then; that is written down there, so that it holds after a restart too. What is
//! likely to pass (time limits, broken connections, 5xx) is tried again a few times.
//!
//! Redirects are followed three times at most, never from HTTPS to HTTP, and never
//! from a public address to a private one: who controls a provider's pages must not
//! be able to have us ask the machines around us. What an operator has named as an
//! `endpoint` may be private.

mod address;
mod kept;
mod policy;
mod turns;

pub use address::is_public;
pub use policy::{Pause, retry_after};
pub use turns::{Soon, TURN_MAX, Turn, Turns};

use crate::clock::{Clock, SystemClock};
use crate::random::{Random, SystemChance};
use crate::site::Site;
use chrono::{DateTime, TimeDelta, Utc};
use kept::{Answers, Validators};
use policy::{WAIT_MAX, WAIT_UNASKED, backoff, spacing};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Response, Url, header};
use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;

/// Largest answer that is read, unpacked: arXiv's fullest feeds have some 6 MB.
const BODY_BYTES_MAX: usize = 32 << 20;

/// Redirects of one request.
const REDIRECTS_MAX: usize = 3;

/// The longest wait between two looks at whose turn it is.
const TURN_LOOK: TimeDelta = TimeDelta::seconds(3);

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
    /// Which addresses are public: [`is_public`], except in tests.
    pub is_public: fn(IpAddr) -> bool,
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
            is_public,
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
    /// It leads where we do not go.
    #[error("{url} redirects to {to}: {why}")]
    Misled {
        /// What was asked.
        url: String,
        /// Where it leads.
        to: String,
        /// What is wrong with that.
        why: String,
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
pub struct Http(Arc<Shared>, Option<Arc<dyn Turns>>);

struct Shared {
    client: reqwest::Client,
    /// Finds public addresses only.
    public: reqwest::Client,
    kept: SyncMutex<Answers>,
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
        let builder = || -> Result<reqwest::ClientBuilder, HttpError> {
            let tls = tls().map_err(|error| HttpError::Setup(Box::new(error)))?;
            Ok(reqwest::Client::builder()
                .user_agent(&settings.user_agent)
                .connect_timeout(settings.connect_timeout)
                .read_timeout(settings.read_timeout)
                .timeout(settings.timeout)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .tls_backend_preconfigured(tls))
        };
        let built =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| HttpError::Setup(Box::new(error)));
        let client = built(builder()?)?;
        let public = built(builder()?.dns_resolver(Arc::new(PublicOnly(settings.is_public))))?;
        let (gates, pauses, kept) = (SyncMutex::default(), SyncMutex::default(), SyncMutex::default());
        let answers = AtomicU64::new(0);
        Ok(Http(Arc::new(Shared { client, public, kept, settings, around, gates, pauses, answers }), None))
    }

    /// The same client, which takes turns with other processes.
    #[must_use]
    pub fn taking(&self, turns: Arc<dyn Turns>) -> Http {
        Http(Arc::clone(&self.0), Some(turns))
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
        let turn = self.turn(provider).await?;
        let tried = self.exchange(provider, url).await;
        let now = self.now();
        gate.last_answer = Some(now);
        if let (Some(turns), Some(turn)) = (&self.1, turn) {
            turns.end(&provider.name, turn, now + provider.spacing).await;
        }
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        tried
    }

    /// Waits until no other process asks the provider, or has just asked it.
    async fn turn(&self, provider: &Provider) -> Result<Option<DateTime<Utc>>, HttpError> {
        let Some(turns) = &self.1 else { return Ok(None) };
        loop {
            let now = self.now();
            match turns.take(&provider.name, now).await {
                Turn::Ours(turn) => return Ok(Some(turn)),
                Turn::NotBefore(then) => self.sleep((then - now).min(TURN_LOOK)).await,
                Turn::Paused(pause) => {
                    self.stay_away(pause.clone());
                    return Err(HttpError::AskedToWait(pause));
                }
            }
        }
    }

    async fn exchange(&self, provider: &Provider, url: &str) -> Result<Try, HttpError> {
        let mut response = match self.follow(url).await? {
            Ok(response) => response,
            Err(error) => return Ok(Try::Broken(in_one_line(&error))),
        };
        let status = response.status().as_u16();
        let asked = text_of(&response, header::RETRY_AFTER).and_then(|value| retry_after(&value, self.now()));
        let until = match (status, asked) {
            (429 | 503, Some(until)) => Some(until),
            (429, None) => Some(self.now() + WAIT_UNASKED),
            _ => None,
        };
        if let Some(until) = until {
            let reason = format!("HTTP status {status}");
            let pause = Pause { provider: provider.name.clone(), until, reason };
            self.stay_away(pause.clone());
            if let Some(turns) = &self.1 {
                // Written down before anything else: it holds after a crash, too.
                turns.pause(&pause).await;
            }
            return Err(HttpError::AskedToWait(pause));
        }
        if status >= 500 {
            return Ok(Try::ServerError(status));
        }
        if status == 304
            && let Some(body) = self.kept().unchanged(url)
        {
            return Ok(Try::Answered(Answer { url: url.to_owned(), status: 200, body }));
        }
        let validators =
            Validators { tag: text_of(&response, header::ETAG), modified: text_of(&response, header::LAST_MODIFIED) };
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) if body.len() + bytes.len() > BODY_BYTES_MAX => {
                    return Err(HttpError::TooLong { url: url.to_owned() });
                }
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(error) => return Ok(Try::Broken(in_one_line(&error))),
            }
        }
        if status == 200 {
            self.kept().keep(url, validators, &body);
        }
        Ok(Try::Answered(Answer { url: url.to_owned(), status, body }))
    }

    /// The response of `url`, or of where it leads.
    async fn follow(&self, url: &str) -> Result<Result<Response, reqwest::Error>, HttpError> {
        let validators = self.kept().validators(url).unwrap_or_default();
        let (mut client, mut next) = (&self.0.client, url.to_owned());
        for _ in 0..=REDIRECTS_MAX {
            let mut sent = client
                .get(&next)
                .header(header::ACCEPT, "application/atom+xml, application/rss+xml, application/xml, */*;q=0.1");
            for (name, value) in
                [(header::IF_NONE_MATCH, &validators.tag), (header::IF_MODIFIED_SINCE, &validators.modified)]
            {
                if let Some(value) = value {
                    sent = sent.header(name, value);
                }
            }
            let response = match sent.send().await {
                Ok(response) => response,
                Err(error) => {
                    if let Some(led) = led_astray(&error) {
                        return Err(HttpError::Misled { url: url.to_owned(), to: next, why: led });
                    }
                    return Ok(Err(error));
                }
            };
            let location = text_of(&response, header::LOCATION);
            let (true, Some(location)) = (matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308), location)
            else {
                return Ok(Ok(response));
            };
            let misled =
                |why: &str| HttpError::Misled { url: url.to_owned(), to: location.clone(), why: why.to_owned() };
            let to = response.url().join(&location).map_err(|_| misled("this is no address"))?;
            match (response.url().scheme(), to.scheme()) {
                (_, "https") | ("http", "http") => {}
                _ => return Err(misled("it is not encrypted")),
            }
            let is_from_public = response.remote_addr().is_none_or(|from| (self.0.settings.is_public)(from.ip()));
            if is_from_public {
                client = &self.0.public;
                // An address that is written out is not looked up.
                if literal(&to).is_some_and(|address| !(self.0.settings.is_public)(address)) {
                    return Err(misled("it is a private address"));
                }
            }
            next = to.into();
        }
        Err(HttpError::Misled { url: url.to_owned(), to: next, why: "there are too many redirects".to_owned() })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text_of(response: &Response, name: header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The address that stands in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Finds public addresses only. What it finds is what is connected to, so that a
/// name cannot lead elsewhere in between.
struct PublicOnly(fn(IpAddr) -> bool);

/// A name that leads to private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("it leads to a private address")]
struct Private;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let is_public = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|address| is_public(address.ip())).collect();
            if public.is_empty() && !found.is_empty() {
                return Err(Box::new(Private).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether a connection was refused because of where it leads.
fn led_astray(error: &reqwest::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // What a resolver says comes in a box of its own.
        if error.is::<Private>() || error.to_string() == Private.to_string() {
            return Some(Private.to_string());
        }
        cause = error.source();
    }
    None
}

/// How one try went, where it may make sense to try again.
enum Try {
    Answered(Answer),
    ServerError(u16),
    Broken(String),
}

/// rustls with ring and the roots that the system trusts, as for mail.
fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    // Single certificates that cannot be read are no reason to trust none. Where
    // there are none at all, plain HTTP still works and HTTPS says what is wrong.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// An error with its causes; the address is said by whoever reports it.
fn in_one_line(error: &reqwest::Error) -> String {
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
