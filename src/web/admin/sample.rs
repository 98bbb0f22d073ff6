//! A test mail: the sample issue to one address, and the server's whole answer.

use super::AdminState;
use super::session::Session;
use crate::digest::sample_message;
use crate::edition::Composer;
use crate::outbox::smtp::{Dialer, Side, SmtpFailure, Timeouts, Transcript, TranscriptLine};
use crate::outbox::{SmtpSettings, Transport};
use crate::subscriber::{Address, SubscriberId};
use crate::token::Scope;
use crate::web::PageError;
use crate::web::forms::Form;
use crate::web::reader::unsubscribe::masked;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// No subscriber has this id, so unsubscribing by the sample's link changes nothing.
const NOBODY: SubscriberId = SubscriberId(i64::MAX);

/// Time limit of the delivery: browsers do not wait much longer for a page.
const LIMIT: Duration = Duration::from_secs(25);

#[derive(Serialize)]
struct LineView {
    who: &'static str,
    text: String,
}

/// The result of the delivery.
struct SampleResult {
    is_taken: bool,
    text: String,
    lines: Vec<TranscriptLine>,
}

/// `GET /admin/sample`
pub(super) async fn form(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
) -> Result<Response, PageError> {
    show(&admin, &session, "", None, None)
}

/// `POST /admin/sample` with `email`.
pub(super) async fn send(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    Extension(form): Extension<Form>,
) -> Result<Response, PageError> {
    let typed = form.text("email");
    let address = match typed.parse::<Address>() {
        Ok(address) => address,
        Err(why) => return show(&admin, &session, typed, Some(&format!("It {why}.")), None),
    };
    let composer = admin.site.composer();
    let message = match sample(&composer, &address, admin.site.clock.now()) {
        Ok(message) => message,
        Err(why) => {
            let why = format!("The sample cannot be made: {why}");
            return show(&admin, &session, typed, Some(&why), None);
        }
    };
    let sent = match (admin.context.transport)() {
        Transport::Maildir(path) => SampleResult {
            is_taken: false,
            text: format!(
                "There is no [smtp] in the settings, so mail goes to the folder {}; fill it in.",
                path.display()
            ),
            lines: Vec::new(),
        },
        Transport::Smtp(smtp) => hand_over(&smtp, &composer, &message, &address).await,
    };
    let outcome = if sent.is_taken { "taken" } else { "not taken" };
    admin
        .note(
            &session,
            format!(
                "sent a test mail to {}: {outcome}",
                masked(address.as_str())
            ),
        )
        .await?;
    show(&admin, &session, typed, None, Some(&sent))
}

/// The sample issue as it would be sent to `to`.
fn sample(composer: &Composer, to: &Address, now: DateTime<Utc>) -> Result<Vec<u8>, String> {
    let url = composer.links().unsubscribe(NOBODY);
    let mailto = composer
        .return_addresses
        .unsubscribe_mailto(&composer.signer.sign(Scope::Unsubscribe, NOBODY.0));
    let made = sample_message(
        &composer.templates,
        &composer.site,
        &composer.branding,
        to,
        (url, mailto),
        now,
    );
    let message = made.map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
    Ok(match &composer.dkim {
        Some(signer) => signer.signed(&message),
        None => message,
    })
}

async fn hand_over(
    smtp: &SmtpSettings,
    composer: &Composer,
    message: &[u8],
    to: &Address,
) -> SampleResult {
    let transcript = Transcript::default();
    let from = composer
        .return_addresses
        .bounce
        .as_ref()
        .map_or(composer.site.from.email.clone(), Into::into);
    let talking = async {
        let dialer = Dialer::new(smtp, Timeouts::default())?.writing_in(&transcript);
        let mut connection = dialer.open().await?;
        connection.offer(&from, &to.into()).await?;
        let reply = connection.hand_over(message).await?;
        connection.quit().await;
        Ok::<_, SmtpFailure>(reply)
    };
    let (is_taken, text) = match tokio::time::timeout(LIMIT, talking).await {
        Ok(Ok(reply)) => {
            let text = format!(
                "{}:{} took it ({reply}). Look whether it is in the inbox or among the junk, and whether its headers \
                 say dkim=pass, spf=pass and dmarc=pass.",
                smtp.host, smtp.port
            );
            (true, text)
        }
        Ok(Err(failure)) => (
            false,
            format!("{}:{} did not take it. {failure}", smtp.host, smtp.port),
        ),
        Err(_) => {
            let seconds = LIMIT.as_secs();
            (
                false,
                format!(
                    "{}:{} did not come to an end within {seconds} seconds.",
                    smtp.host, smtp.port
                ),
            )
        }
    };
    SampleResult {
        is_taken,
        text,
        lines: transcript.lines(),
    }
}

fn show(
    admin: &AdminState,
    session: &Session,
    typed: &str,
    problem: Option<&str>,
    sent: Option<&SampleResult>,
) -> Result<Response, PageError> {
    let lines: Vec<LineView> = sent
        .map(|sent| sent.lines.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|line| LineView {
            who: if line.side == Side::Client {
                "we"
            } else {
                "server"
            },
            text: line.text.clone(),
        })
        .collect();
    let relay = match (admin.context.transport)() {
        Transport::Smtp(smtp) => format!("{}:{}", smtp.host, smtp.port),
        Transport::Maildir(path) => format!("the folder {}", path.display()),
    };
    let page = admin
        .page(session, "/admin/sample")
        .with("relay", &relay)
        .with("typed", &typed)
        .with("problem", &problem)
        .with("outcome", &sent.map(|sent| sent.text.clone()))
        .with("is_taken", &sent.is_some_and(|sent| sent.is_taken))
        .with("lines", &lines);
    admin.respond("admin/sample.html", &page)
}
