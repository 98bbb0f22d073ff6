//! The HTTP client of the program, used by sources, models and webhooks.
//!
//! Each provider has one gate in the process: requests pass it one at a time, each
//! a fixed interval after the previous response, however many hosts the provider
//! has. With [`SharedRateLimit`] all processes of an installation share the gates.
//! When a provider asks for a pause (`Retry-After`), its gate stays closed until
//! then; the pause is stored first, so that it survives a restart. Timeouts, broken
//! connections and 5xx are retried with backoff.
//!
//! At most three redirects are followed, never from HTTPS to HTTP, and never from a
//! public address to a private one: otherwise whoever controls a provider's pages
//! could make us send requests to machines in the local network. An `endpoint` set
//! by the operator may be private. API keys are sent to the requested host only.

mod address;
mod backoff;
mod cache;
mod redirects;
mod request;
mod shared_limit;

pub use address::is_public;
pub use backoff::{Pause, retry_after};
pub use request::{HttpRequest, HttpResponse};
pub use shared_limit::{BoxFuture, SLOT_MAX, SharedRateLimit, Slot};

use crate::clock::{Clock, SystemClock};
use crate::random::{Random, SystemChance};
use crate::site::Site;
use backoff::{DEFAULT_PAUSE, PAUSE_MAX, backoff, spacing};
use cache::{ResponseCache, Validators};
use chrono::{DateTime, TimeDelta, Utc};
use redirects::{FilteredResolver, is_link_local};
use reqwest::{Response, header};
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;

/// Largest body that is read, decompressed: arXiv's largest feeds have some 6 MB.
const BODY_BYTES_MAX: usize = 32 << 20;

/// The longest wait between two attempts to acquire a slot.
const SLOT_POLL: TimeDelta = TimeDelta::seconds(3);

/// Settings of the client.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Value of `User-Agent`.
    pub user_agent: String,
    /// Time limit of connecting.
    pub connect_timeout: Duration,
    /// Time limit between two reads. arXiv was seen to stall for more than a minute
    /// in the middle of a response and then to go on.
    pub read_timeout: Duration,
    /// Time limit of the whole response.
    pub timeout: Duration,
    /// Tries of one request, at least one.
    pub tries: u32,
    /// Predicate for public addresses: [`is_public`], except in tests.
    pub is_public: fn(IpAddr) -> bool,
    /// E-mail address for providers that want one in the request.
    pub contact: Option<String>,
}

impl HttpSettings {
    /// Settings of an installation; the `User-Agent` names its contact.
    pub fn of_site(site: &Site) -> Self {
        let named = Self::named(&format!("+{}; mailto:{}", site.base_url, site.contact));
        HttpSettings {
            contact: Some(site.contact.to_string()),
            ..named
        }
    }

    /// Settings with `comment` in the `User-Agent`.
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

/// The provider against whose rate limit a request counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name; that of a test server or mirror includes the address.
    pub name: String,
    /// Interval from a response to the next request.
    pub spacing: TimeDelta,
}

/// Reasons why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The provider asked for a pause; requests before its end are not sent.
    #[error("{} asks to wait until {} ({})", .0.provider, .0.until.format("%Y-%m-%d %H:%M:%S UTC"), .0.reason)]
    AskedToWait(Pause),
    /// Every try failed to connect or broke off.
    #[error("no answer from {url} ({why}; tries: {tries})")]
    Unreachable {
        /// The requested address.
        url: String,
        /// Number of tries.
        tries: u32,
        /// The last failure, in one line.
        why: String,
    },
    /// Every try was answered with 5xx.
    #[error("{url} answers with status {status} (tries: {tries})")]
    ServerError {
        /// The requested address.
        url: String,
        /// The last status.
        status: u16,
        /// Number of tries.
        tries: u32,
    },
    /// The body exceeds the limit.
    #[error("the answer of {url} is longer than {} MB", BODY_BYTES_MAX >> 20)]
    TooLong {
        /// The requested address.
        url: String,
    },
    /// The redirect is not allowed.
    #[error("{url} redirects to {to}: {why}")]
    RefusedRedirect {
        /// The requested address.
        url: String,
        /// The address it leads to.
        to: String,
        /// Why it is refused.
        why: String,
    },
    /// The client cannot be built.
    #[error("cannot set up TLS")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Waits for a duration.
pub type Sleep = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Clock, randomness and waiting of the client.
#[derive(Clone)]
pub struct HttpEnv {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the jitter of retries.
    pub chance: Arc<dyn Random>,
    /// Waits; tests replace it.
    pub sleep: Sleep,
}

impl HttpEnv {
    /// The machine's clock, randomness and timer.
    pub fn system() -> Self {
        HttpEnv {
            clock: Arc::new(SystemClock),
            chance: Arc::new(SystemChance::new()),
            sleep: Arc::new(|wait| Box::pin(tokio::time::sleep(wait))),
        }
    }
}

/// Gate of one provider.
#[derive(Default)]
struct Gate {
    last_answer: Option<DateTime<Utc>>,
}

/// The client. A process has one, since it holds the gates; clones share them.
#[derive(Clone)]
pub struct Http(Arc<Shared>, Option<Arc<dyn SharedRateLimit>>);

struct Shared {
    client: reqwest::Client,
    /// Resolves to public addresses only.
    public: reqwest::Client,
    /// Resolves to all but link-local addresses.
    beyond_the_link: reqwest::Client,
    cache: SyncMutex<ResponseCache>,
    settings: HttpSettings,
    env: HttpEnv,
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
    /// Builds a client.
    pub fn new(settings: HttpSettings, env: HttpEnv) -> Result<Self, HttpError> {
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
        let among = |is_fit| {
            builder().map(|builder| builder.dns_resolver(Arc::new(FilteredResolver(is_fit))))
        };
        let public = built(among(settings.is_public)?)?;
        let beyond_the_link = built(among(|address| !is_link_local(address))?)?;
        let (gates, pauses, cache) = (
            SyncMutex::default(),
            SyncMutex::default(),
            SyncMutex::default(),
        );
        let answers = AtomicU64::new(0);
        let shared = Shared {
            client,
            public,
            beyond_the_link,
            cache,
            settings,
            env,
            gates,
            pauses,
            answers,
        };
        Ok(Http(Arc::new(shared), None))
    }

    /// The same client with a rate limit that is shared between processes.
    #[must_use]
    pub fn with_shared_limit(&self, limit: Arc<dyn SharedRateLimit>) -> Http {
        Http(Arc::clone(&self.0), Some(limit))
    }

    /// Current time of the client's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.0.env.clock.now()
    }

    /// E-mail address of the installation's contact, if it has one.
    pub fn contact(&self) -> Option<&str> {
        self.0.settings.contact.as_deref()
    }

    /// Evicts the response of `url` from the cache, so that the next request is unconditional.
    pub fn evict(&self, url: &str) {
        self.cache().evict(url);
    }

    /// Waits with the client's timer.
    pub async fn sleep(&self, wait: TimeDelta) {
        (self.0.env.sleep)(wait.to_std().unwrap_or_default()).await;
    }

    /// Number of finished requests, to show progress.
    pub fn responses(&self) -> u64 {
        self.0.answers.load(Ordering::Relaxed)
    }

    fn gate(&self, provider: &Provider) -> Arc<Mutex<Gate>> {
        let mut gates = self.0.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(provider.name.clone()).or_default())
    }

    /// Closes the provider's gate until the end of the pause. A pause longer than any
    /// that is accepted comes from a clock that has been set since, and is ignored.
    pub fn pause(&self, pause: Pause) {
        if pause.until > self.now() + PAUSE_MAX {
            return;
        }
        let mut pauses = self.0.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        match pauses.get(&pause.provider) {
            Some(known) if known.until >= pause.until => {}
            _ => drop(pauses.insert(pause.provider.clone(), pause)),
        }
    }

    /// The provider's pause, if it has not ended.
    fn pause_of(&self, provider: &Provider) -> Option<Pause> {
        let pauses = self.0.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses
            .get(&provider.name)
            .filter(|pause| pause.until > self.now())
            .cloned()
    }

    /// Requests `url` once the provider's gate is open.
    pub async fn get(&self, provider: &Provider, url: &str) -> Result<HttpResponse, HttpError> {
        self.send(
            provider,
            &HttpRequest {
                url: url.to_owned(),
                ..HttpRequest::default()
            },
        )
        .await
    }

    /// Sends `request` once the provider's gate is open.
    pub async fn send(
        &self,
        provider: &Provider,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let url = request.url.as_str();
        let gate = self.gate(provider);
        let tries = self.0.settings.tries.max(1);
        let mut last = String::new();
        let mut status = None;
        for number in 1..=tries {
            if number > 1 {
                self.sleep(backoff(number - 1, self.0.env.chance.fraction()))
                    .await;
            }
            match self.try_once(provider, &gate, request).await? {
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
        request: &HttpRequest,
    ) -> Result<Try, HttpError> {
        // Held until the body is read: one connection at a time.
        let mut gate = gate.lock().await;
        if let Some(pause) = self.pause_of(provider) {
            return Err(HttpError::AskedToWait(pause));
        }
        let wait = spacing(gate.last_answer, self.now(), provider.spacing);
        if wait > TimeDelta::zero() {
            self.sleep(wait).await;
        }
        let slot = self.slot(provider).await?;
        let tried = self.exchange(provider, request).await;
        let now = self.now();
        gate.last_answer = Some(now);
        if let (Some(limit), Some(slot)) = (&self.1, slot) {
            limit
                .release(&provider.name, slot, now + provider.spacing)
                .await;
        }
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        tried
    }

    /// Acquires the next slot from the shared rate limit.
    async fn slot(&self, provider: &Provider) -> Result<Option<DateTime<Utc>>, HttpError> {
        let Some(limit) = &self.1 else {
            return Ok(None);
        };
        loop {
            let now = self.now();
            match limit.acquire(&provider.name, now).await {
                Slot::Acquired(slot) => return Ok(Some(slot)),
                Slot::NotBefore(then) => self.sleep((then - now).min(SLOT_POLL)).await,
                Slot::Paused(pause) => {
                    self.pause(pause.clone());
                    return Err(HttpError::AskedToWait(pause));
                }
            }
        }
    }

    async fn exchange(&self, provider: &Provider, request: &HttpRequest) -> Result<Try, HttpError> {
        let url = request.url.as_str();
        let mut response = match self.follow(request).await? {
            Ok(response) => response,
            Err(error) => return Ok(Try::Broken(error_line(&error))),
        };
        let status = response.status().as_u16();
        let asked = header_text(&response, header::RETRY_AFTER)
            .and_then(|value| retry_after(&value, self.now()));
        let until = match (status, asked) {
            (429 | 503, Some(until)) => Some(until),
            (429, None) => Some(self.now() + DEFAULT_PAUSE),
            _ => None,
        };
        if let Some(until) = until {
            let reason = format!("HTTP status {status}");
            let pause = Pause {
                provider: provider.name.clone(),
                until,
                reason,
            };
            self.pause(pause.clone());
            if let Some(limit) = &self.1 {
                // Stored before anything else, so that it survives a crash.
                limit.pause(&pause).await;
            }
            return Err(HttpError::AskedToWait(pause));
        }
        if status >= 500 {
            return Ok(Try::ServerError(status));
        }
        if status == 304
            && let Some((content_type, body)) = self.cache().get(url)
        {
            return Ok(Try::Answered(HttpResponse {
                url: url.to_owned(),
                status: 200,
                content_type,
                body,
            }));
        }
        let content_type = header_text(&response, header::CONTENT_TYPE);
        let validators = Validators {
            tag: header_text(&response, header::ETAG),
            modified: header_text(&response, header::LAST_MODIFIED),
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
                Err(error) => return Ok(Try::Broken(error_line(&error))),
            }
        }
        if status == 200 {
            self.cache()
                .insert(url, validators, content_type.clone(), &body);
        }
        Ok(Try::Answered(HttpResponse {
            url: url.to_owned(),
            status,
            content_type,
            body,
        }))
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, ResponseCache> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header_text(response: &Response, name: header::HeaderName) -> Option<String> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

/// Result of one try that may be retried.
enum Try {
    Answered(HttpResponse),
    ServerError(u16),
    Broken(String),
}

/// A client for single requests to addresses from outside; it follows no redirects.
pub fn one_time_client() -> Result<reqwest::Client, HttpError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .tls_backend_preconfigured(tls().map_err(|error| HttpError::Setup(Box::new(error)))?)
        .build()
        .map_err(|error| HttpError::Setup(Box::new(error)))
}

/// rustls with ring and the root certificates of the system, as for mail.
pub(crate) fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    // Certificates that cannot be read are skipped. Without any, plain HTTP still
    // works and HTTPS reports the error.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The causes of an error in one line, without the address.
pub(crate) fn error_line(error: &reqwest::Error) -> String {
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
        // The rest is the address, which may hold a key.
        let words = error.to_string();
        return words
            .split(" for url (")
            .next()
            .unwrap_or_default()
            .to_owned();
    }
    line
}
