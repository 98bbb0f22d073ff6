//! `POST /webhooks/{provider}`: reports of providers.
//!
//! 200 once a report is recorded or is nothing for us, 403 to what is not
//! signed (429 to whoever tries that often), 404 where the provider is not set
//! up, 503 when it cannot be recorded now; providers repeat what was not
//! answered with 200.

use crate::clock::Clock;
use crate::inbound::hooks::sns::{SnsEvent, SnsMessage};
use crate::inbound::hooks::{Provider, ProviderReport, Request, WebhookError, reports};
use crate::inbound::{Envelope, Reception, ReportChannel};
use crate::store::Db;
use crate::web::serving::rate_limits::{LimitedAction, RateLimits};
use crate::web::serving::visitor::Visitor;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// `SendGrid` sends at most 768 KB.
const BODY_BYTES_MAX: usize = 1 << 20;
const CERTIFICATE_BYTES_MAX: usize = 64 << 10;
const FETCH_WAIT: Duration = Duration::from_secs(10);

/// Certificates that are remembered; Amazon changes its own once a year.
const CERTIFICATES_MAX: usize = 8;

/// The state of the webhooks.
#[derive(Clone)]
pub struct WebhookState {
    /// The database.
    pub db: Db,
    /// Judges reports.
    pub reception: Reception,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fetches Amazon's certificates, and confirms its subscription.
    pub fetch: Arc<dyn Fetch>,
    /// Proxies that say truly who asks.
    pub trusted_proxies: Vec<IpAddr>,
}

/// The same, with what is counted.
#[derive(Clone)]
struct Hooks {
    site: WebhookState,
    limits: Arc<RateLimits>,
}

impl FromRequestParts<Hooks> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, hooks: &Hooks) -> Result<Self, Infallible> {
        Ok(Visitor::of(parts, &hooks.site.trusted_proxies))
    }
}

/// Fetches a small file over HTTPS.
pub trait Fetch: Send + Sync {
    /// The bytes at `url`, or why not.
    fn get(
        &self,
        url: String,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + '_>>;
}

/// Fetches from the network, never through a redirect, and remembers.
pub struct HttpFetch {
    client: reqwest::Client,
    known: Mutex<HashMap<String, Vec<u8>>>,
}

impl HttpFetch {
    /// Over `client`, which must not follow redirects.
    pub fn new(client: reqwest::Client) -> Self {
        HttpFetch {
            client,
            known: Mutex::default(),
        }
    }
}

impl Fetch for HttpFetch {
    fn get(
        &self,
        url: String,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + '_>> {
        Box::pin(async move {
            let is_certificate = is_pem(&url);
            let known = self
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&url)
                .cloned();
            if let Some(known) = known {
                return Ok(known);
            }
            let asked = self.client.get(&url).timeout(FETCH_WAIT).send().await;
            let mut answer = asked
                .and_then(reqwest::Response::error_for_status)
                .map_err(|error| error.to_string())?;
            if !answer.status().is_success() {
                return Err(format!("answered {}", answer.status()));
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(|error| error.to_string())? {
                if bytes.len() + chunk.len() > CERTIFICATE_BYTES_MAX {
                    return Err("is too long".to_owned());
                }
                bytes.extend_from_slice(&chunk);
            }
            if is_certificate {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= CERTIFICATES_MAX {
                    known.clear();
                }
                known.insert(url, bytes.clone());
            }
            Ok(bytes)
        })
    }
}

/// The webhooks.
pub fn router(site: WebhookState) -> Router {
    Router::new()
        .route("/webhooks/ses", post(ses))
        .route("/webhooks/{provider}", post(signed))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Hooks {
            site,
            limits: Arc::default(),
        })
}

/// Amazon's certificates are named so.
fn is_pem(url: &str) -> bool {
    url.rsplit_once('.').is_some_and(|(_, end)| end == "pem")
}

async fn signed(
    State(hooks): State<Hooks>,
    visitor: Visitor,
    Path(provider): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Some((name, provider)) = Provider::WORDS.iter().find(|(word, _)| *word == provider) else {
        return StatusCode::NOT_FOUND;
    };
    let site = &hooks.site;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request {
        authorization: header("authorization"),
        token: query.get("token").map(String::as_str),
        signature: header("x-twilio-email-event-webhook-signature"),
        timestamp: header("x-twilio-email-event-webhook-timestamp"),
        body: &body,
    };
    match reports(
        *provider,
        &request,
        &site.reception.settings.webhooks,
        site.clock.now(),
    ) {
        Ok(found) => take(site, name, found).await,
        Err(refused) => hooks.refuse(visitor, name, refused),
    }
}

async fn ses(State(hooks): State<Hooks>, visitor: Visitor, body: Bytes) -> StatusCode {
    let site = &hooks.site;
    let topic = site.reception.settings.webhooks.ses_topic.clone();
    let message = match SnsMessage::read(&body, topic.as_deref()) {
        Ok(message) => message,
        Err(refused) => return hooks.refuse(visitor, "ses", refused),
    };
    let certificate = match site.fetch.get(message.certificate_url.clone()).await {
        Ok(certificate) => certificate,
        Err(why) => {
            tracing::warn!(
                "a report of SES cannot be checked, Amazon's certificate cannot be fetched: {why}"
            );
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    match message.told(&certificate, site.clock.now()) {
        Ok(SnsEvent::Report(found)) => take(site, "ses", vec![*found]).await,
        Ok(SnsEvent::Confirm(url)) => match site.fetch.get(url).await {
            Ok(_) => {
                tracing::info!(
                    "SNS was told that the topic in inbound.webhooks.ses_topic is listened to"
                );
                StatusCode::OK
            }
            Err(why) => {
                tracing::warn!("the subscription to the topic of SES cannot be confirmed: {why}");
                StatusCode::SERVICE_UNAVAILABLE
            }
        },
        Ok(SnsEvent::Nothing) => StatusCode::OK,
        Err(refused) => hooks.refuse(visitor, "ses", refused),
    }
}

async fn take(site: &WebhookState, name: &'static str, found: Vec<ProviderReport>) -> StatusCode {
    let (reception, now) = (site.reception.clone(), site.clock.now());
    let envelope = Envelope {
        to: Vec::new(),
        source: ReportChannel::Provider(name),
    };
    for found in found {
        let (reception, envelope) = (reception.clone(), envelope.clone());
        // One after another, so that others may use the database in between.
        let taken = site.db.run(move |store| {
            reception.take_report(store, &found.report, &found.key, &envelope, false, now)
        });
        if let Err(error) = taken.await {
            let error = anyhow::Error::from(error);
            tracing::error!("a report by webhook cannot be recorded: {error:#}");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    StatusCode::OK
}

impl Hooks {
    fn refuse(&self, visitor: Visitor, provider: &str, refused: WebhookError) -> StatusCode {
        if refused == WebhookError::NotSet {
            return StatusCode::NOT_FOUND;
        }
        if !self.limits.allow(LimitedAction::ForgedWebhook, visitor) {
            return StatusCode::TOO_MANY_REQUESTS;
        }
        if refused == WebhookError::Shape {
            return StatusCode::BAD_REQUEST;
        }
        tracing::warn!(provider, "a webhook was refused: {refused}");
        StatusCode::FORBIDDEN
    }
}
