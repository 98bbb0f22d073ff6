//! Pages that show the mails of the catcher as HTML, text and source.

use super::catcher::{Catcher, Caught};
use crate::web::{PageError, Pages};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use mail_parser::{Message, MessageParser};
use serde::Serialize;
use std::sync::Arc;

#[derive(Clone)]
struct Inbox {
    catcher: Catcher,
    pages: Arc<Pages>,
}

pub(super) fn router(catcher: Catcher, pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/inbox", get(list))
        .route("/inbox/{number}", get(as_html))
        .route("/inbox/{number}/text", get(as_text))
        .route("/inbox/{number}/source", get(as_source))
        .route("/inbox/{number}/part.html", get(html_part))
        .with_state(Inbox { catcher, pages })
}

/// A mail as the pages show it.
#[derive(Serialize)]
struct MailView {
    number: usize,
    from: String,
    to: String,
    subject: String,
    size: String,
}

impl MailView {
    fn new(number: usize, caught: &Caught) -> Self {
        let message = parse(caught);
        let header = |name: &str| {
            let value = message
                .as_ref()
                .and_then(|message| message.header_raw(name.to_owned()));
            value.unwrap_or_default().trim().to_owned()
        };
        MailView {
            number,
            from: header("From"),
            to: caught.to.join(", "),
            subject: message
                .as_ref()
                .and_then(|message| message.subject())
                .unwrap_or("(no subject)")
                .to_owned(),
            size: format!("{} KB", caught.message.len().div_ceil(1024)),
        }
    }
}

fn parse(caught: &Caught) -> Option<Message<'_>> {
    MessageParser::default().parse(&caught.message)
}

async fn list(State(inbox): State<Inbox>) -> Result<Response, PageError> {
    let caught = inbox.catcher.caught();
    let mails: Vec<MailView> = caught
        .iter()
        .enumerate()
        .map(|(at, mail)| MailView::new(at + 1, mail))
        .collect();
    inbox.pages.respond(
        StatusCode::OK,
        "inbox.html",
        &inbox.pages.page().with("mails", &mails),
    )
}

#[derive(Serialize)]
struct View {
    url: String,
    text: &'static str,
    here: bool,
}

impl Inbox {
    fn mail(&self, number: &str) -> Option<Caught> {
        let number: usize = number.parse().ok()?;
        self.catcher
            .caught()
            .into_iter()
            .nth(number.checked_sub(1)?)
    }

    fn no_mail(&self) -> Result<Response, PageError> {
        self.pages.message(
            StatusCode::NOT_FOUND,
            "There is no such mail",
            "The inbox lists what has arrived.",
        )
    }

    fn show(
        &self,
        number: &str,
        here: &str,
        frame: Option<&str>,
        plain: impl FnOnce(&Caught) -> Option<String>,
    ) -> Result<Response, PageError> {
        let Some(caught) = self.mail(number) else {
            return self.no_mail();
        };
        let at = format!("/inbox/{number}");
        let views = [
            View {
                url: at.clone(),
                text: "HTML",
                here: here == "html",
            },
            View {
                url: format!("{at}/text"),
                text: "Text",
                here: here == "text",
            },
            View {
                url: format!("{at}/source"),
                text: "Source",
                here: here == "source",
            },
        ];
        let page = self
            .pages
            .page()
            .with("mail", &MailView::new(0, &caught))
            .with("views", &views)
            .with("frame", &frame)
            .with("plain", &plain(&caught));
        self.pages.respond(StatusCode::OK, "mail.html", &page)
    }
}

async fn as_html(
    State(inbox): State<Inbox>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    inbox.show(
        &number,
        "html",
        Some(&format!("/inbox/{number}/part.html")),
        |_| None,
    )
}

async fn as_text(
    State(inbox): State<Inbox>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    inbox.show(&number, "text", None, |caught| {
        Some(parse(caught)?.body_text(0)?.into_owned())
    })
}

async fn as_source(
    State(inbox): State<Inbox>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    inbox.show(&number, "source", None, |caught| {
        Some(String::from_utf8_lossy(&caught.message).into_owned())
    })
}

/// The HTML part, to be shown in a frame: it may load nothing, and its links open outside.
async fn html_part(
    State(inbox): State<Inbox>,
    Path(number): Path<String>,
) -> Result<Response, PageError> {
    let Some(caught) = inbox.mail(&number) else {
        return inbox.no_mail();
    };
    let html = parse(&caught)
        .and_then(|message| Some(message.body_html(0)?.into_owned()))
        .unwrap_or_default();
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let mut response = Html(html).into_response();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'; \
                  sandbox allow-popups allow-popups-to-escape-sandbox";
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    Ok(response)
}
