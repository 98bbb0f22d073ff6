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
//! `endpoint` may be private. Keys of APIs go to the host that was asked and to no other.

mod address;
mod kept;
mod policy;
mod question;
mod redirects;
mod turns;

pub use address::is_public;
pub use policy::{Pause, retry_after};
pub use question::{Answer, Question};
pub use turns::{Soon, TURN_MAX, Turn, Turns};

use crate::clock::{Clock, SystemClock};
use crate::random::{Random, SystemChance};
use crate::site::Site;
use chrono::{DateTime, TimeDelta, Utc};
use kept::{Answers, State};
use policy::{WAIT_MAX, WAIT_UNASKED, backoff, spacing};
use redirects::{Among, is_link_local};
use reqwest::{Response, header};
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;

/// Largest answer that is read, unpacked: arXiv's fullest feeds have some 6 MB.
const BODY_BYTES_MAX: usize = 32 << 20;

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
    /// Whom providers may turn to: an e-mail address, for those that want it in the question.
    pub contact: Option<String>,
}

impl HttpSettings {
    /// For an installation: the User-Agent says whom to turn to.
    pub fn of_site(site: &Site) -> Self {
        let named = Self::named(&format!("+{}; mailto:{}", site.base_url, site.contact));
        HttpSettings {
            contact: Some(site.contact.to_string()),
            ..named
        }
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
            contact: None,
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
    /// Finds all but link-local ones.
    beyond_the_link: reqwest::Client,
    kept: SyncMutex<Answers>,
    settings: HttpSettings,
    around: Surroundings,
    gates: SyncMutex<HashMap<String, Arc<Mutex<Gate>>>>,
    pauses: SyncMutex<HashMap<String, Pause>>,
    answers: AtomicU64,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
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
        let built = |builder: reqwest::ClientBuilder| {
            builder
                .build()
                .map_err(|error| HttpError::Setup(Box::new(error)))
        };
        let client = built(builder()?)?;
        let among = |is_fit| builder().map(|builder| builder.dns_resolver(Arc::new(Among(is_fit))));
        let public = built(among(settings.is_public)?)?;
        let beyond_the_link = built(among(|address| !is_link_local(address))?)?;
        let (gates, pauses, kept) = (
            SyncMutex::default(),
            SyncMutex::default(),
            SyncMutex::default(),
        );
        let answers = AtomicU64::new(0);
        let shared = Shared {
            client,
            public,
            beyond_the_link,
            kept,
            settings,
            around,
            gates,
            pauses,
            answers,
        };
        Ok(Http(Arc::new(shared), None))
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

    /// Whom providers may turn to, if the installation names somebody.
    pub fn contact(&self) -> Option<&str> {
        self.0.settings.contact.as_deref()
    }

    /// The answer of `url` was of no use: the next question is not whether it has changed.
    pub fn forget(&self, url: &str) {
        self.kept().forget(url);
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
        pauses
            .get(&provider.name)
            .filter(|pause| pause.until > self.now())
            .cloned()
    }

    /// Asks for `url`, when it is this request's turn at the provider's gate.
    pub async fn get(&self, provider: &Provider, url: &str) -> Result<Answer, HttpError> {
        self.ask(
            provider,
            &Question {
                url: url.to_owned(),
                ..Question::default()
            },
        )
        .await
    }

    /// Asks `question`, when it is this request's turn at the provider's gate.
    pub async fn ask(&self, provider: &Provider, question: &Question) -> Result<Answer, HttpError> {
        let url = question.url.as_str();
        let gate = self.gate(provider);
        let tries = self.0.settings.tries.max(1);
        let mut last = String::new();
        let mut status = None;
        for number in 1..=tries {
            if number > 1 {
                self.sleep(backoff(number - 1, self.0.around.chance.fraction()))
                    .await;
            }
            match self.try_once(provider, &gate, question).await? {
                Try::Answered(answer) => return Ok(answer),
                Try::ServerError(code) => status = Some(code),
                Try::Broken(why) => (status, last) = (None, why),
            }
            tracing::debug!(url, try = number, status, "no answer yet: {last}");
        }
        let url = url.to_owned();
        Err(match status {
            Some(status) => HttpError::ServerError { url, status, tries },
            None => HttpError::Unreachable {
                url,
                tries,
                why: last,
            },
        })
    }

    async fn try_once(
        &self,
        provider: &Provider,
        gate: &Mutex<Gate>,
        question: &Question,
    ) -> Result<Try, HttpError> {
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
        let tried = self.exchange(provider, question).await;
        let now = self.now();
        gate.last_answer = Some(now);
        if let (Some(turns), Some(turn)) = (&self.1, turn) {
            turns
                .end(&provider.name, turn, now + provider.spacing)
                .await;
        }
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        tried
    }

    /// Waits until no other process asks the provider, or has just asked it.
    async fn turn(&self, provider: &Provider) -> Result<Option<DateTime<Utc>>, HttpError> {
        let Some(turns) = &self.1 else {
            return Ok(None);
        };
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

    async fn exchange(&self, provider: &Provider, question: &Question) -> Result<Try, HttpError> {
        let url = question.url.as_str();
        let mut response = match self.follow(question).await? {
            Ok(response) => response,
            Err(error) => return Ok(Try::Broken(in_one_line(&error))),
        };
        let status = response.status().as_u16();
        let asked = text_of(&response, header::RETRY_AFTER)
            .and_then(|value| retry_after(&value, self.now()));
        let until = match (status, asked) {
            (429 | 503, Some(until)) => Some(until),
            (429, None) => Some(self.now() + WAIT_UNASKED),
            _ => None,
        };
        if let Some(until) = until {
            let reason = format!("HTTP status {status}");
            let pause = Pause {
                provider: provider.name.clone(),
                until,
                reason,
            };
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
            && let Some((content_type, body)) = self.kept().unchanged(url)
        {
            return Ok(Try::Answered(Answer {
                url: url.to_owned(),
                status: 200,
                content_type,
                body,
            }));
        }
        let content_type = text_of(&response, header::CONTENT_TYPE);
        let state = State {
            tag: text_of(&response, header::ETAG),
            modified: text_of(&response, header::LAST_MODIFIED),
        };
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) if body.len() + bytes.len() > BODY_BYTES_MAX => {
                    return Err(HttpError::TooLong {
                        url: url.to_owned(),
                    });
                }
                Ok(Some(bytes)) => body.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(error) => return Ok(Try::Broken(in_one_line(&error))),
            }
        }
        if status == 200 {
            self.kept().keep(url, state, content_type.clone(), &body);
        }
        Ok(Try::Answered(Answer {
            url: url.to_owned(),
            status,
            content_type,
            body,
        }))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text_of(response: &Response, name: header::HeaderName) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
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
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// An error with its causes; the address is said by whoever reports it.
pub(crate) fn in_one_line(error: &reqwest::Error) -> String {
    let mut line = if error.is_timeout() {
        "time limit".to_owned()
    } else {
        String::new()
    };
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
    if line.is_empty() {
        // What stands behind is the address, and perhaps a key in it.
        let words = error.to_string();
        return words
            .split(" for url (")
            .next()
            .unwrap_or_default()
            .to_owned();
    }
    line
}
