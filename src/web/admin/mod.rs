//! The operator's pages: findings, mails, subscribers, sources.
//!
//! Every request needs a session, and every form its CSRF number; `guard` checks both for all
//! pages. GET changes nothing; what POST changes is recorded in the list of actions. To add a
//! page: a template in `templates/web/admin/`, a handler in the file of its subject, a route in
//! `pages`, and a line in `MENU` unless it is a detail of another page.

mod actions;
mod chart;
mod charts;
mod format;
mod login;
mod mails;
mod models;
mod papers;
mod password;
mod sample;
mod session;
mod subscriber;
mod subscribers;
mod suppressions;
mod today;

pub use password::{BadPassword, PASSWORD_CHARS_MIN, hash_password};

use super::pages::Page;
use super::serving::response_headers::finish_response;
use super::serving::visitor::Visitor;
use super::{PageError, WebState};
use crate::outbox::Transport;
use crate::random::Random;
use crate::web::forms::Form;
use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Serialize;
use session::{Cookie, Session, SessionStore};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Returns a value that may change while pages are served.
pub type Ask<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// The state of the process around the operator's pages.
#[derive(Clone)]
pub struct AdminContext {
    /// Randomness for session tokens.
    pub random: Arc<dyn Random>,
    /// The relay or folder that mail goes to.
    pub transport: Ask<Transport>,
    /// The names of the configured sources.
    pub sources: Ask<Vec<String>>,
    /// The background loops of this process, and whether each gives a heartbeat.
    pub loops: Ask<Vec<(&'static str, bool)>>,
    /// The folder of the installed models.
    pub models: PathBuf,
    /// Whether the pages have a listener of their own, and it serves HTTPS.
    pub own_listener: Option<bool>,
}

/// The state of the operator's pages.
#[derive(Clone)]
pub struct AdminState {
    site: WebState,
    context: AdminContext,
    sessions: Arc<SessionStore>,
    figures: Arc<Mutex<charts::FigureCache>>,
}

impl AdminState {
    /// The pages beside those of `site`.
    pub fn new(site: WebState, context: AdminContext) -> Self {
        let sessions = Arc::new(SessionStore::new(Arc::clone(&context.random)));
        AdminState {
            site,
            context,
            sessions,
            figures: Arc::default(),
        }
    }

    /// The common values of the page at `path`.
    fn page(&self, session: &Session, path: &'static str) -> Page {
        let menu: Vec<MenuView> = MENU
            .iter()
            .map(|(url, text)| MenuView {
                url,
                text,
                is_here: *url == path,
            })
            .collect();
        self.site
            .page_in(self.site.pages.english(), path)
            .with("menu", &menu)
            .with("csrf", &session.csrf)
            .with("said", &None::<&str>)
    }

    fn respond(&self, template: &str, page: &Page) -> Result<Response, PageError> {
        self.site.pages.respond(StatusCode::OK, template, page)
    }

    /// A page with one message.
    fn message(
        &self,
        session: &Session,
        status: StatusCode,
        heading: &str,
        text: &str,
        back: &str,
    ) -> Result<Response, PageError> {
        let page = self
            .page(session, "")
            .with("heading", &heading)
            .with("text", &text)
            .with("back", &back);
        self.site.pages.respond(status, "admin/message.html", &page)
    }

    fn not_there(&self, session: &Session, what: &str, back: &str) -> Result<Response, PageError> {
        self.message(
            session,
            StatusCode::NOT_FOUND,
            "There is no such page",
            what,
            back,
        )
    }

    /// Records an action.
    async fn note(&self, session: &Session, act: String) -> Result<(), PageError> {
        let (network, now) = (session.network.clone(), self.site.clock.now());
        tracing::info!("operator action recorded; /admin/acts lists it");
        self.site
            .db
            .run(move |store| store.note_admin_act(&act, "admin", &network, now))
            .await?;
        Ok(())
    }
}

impl FromRef<AdminState> for WebState {
    fn from_ref(admin: &AdminState) -> WebState {
        admin.site.clone()
    }
}

impl FromRequestParts<AdminState> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        admin: &AdminState,
    ) -> Result<Self, Self::Rejection> {
        Visitor::from_request_parts(parts, &admin.site).await
    }
}

/// The pages in the menu.
const MENU: [(&str, &str); 10] = [
    ("/admin", "Today"),
    ("/admin/charts", "Charts"),
    ("/admin/mails", "Outbox"),
    ("/admin/people", "Subscribers"),
    ("/admin/suppressions", "Suppressions"),
    ("/admin/coverage", "Coverage"),
    ("/admin/papers", "Papers"),
    ("/admin/models", "Models"),
    ("/admin/sample", "Test mail"),
    ("/admin/acts", "Actions"),
];

#[derive(Serialize)]
struct MenuView {
    url: &'static str,
    text: &'static str,
    is_here: bool,
}

/// The style sheet, served without a session.
pub(super) const STYLE: &str = "/admin/style.css";

/// The operator's pages, to be merged with others.
pub fn router(admin: AdminState) -> Router {
    let site = admin.site.clone();
    let open = Router::new()
        .route("/admin/login", get(login::form).post(login::sign_in))
        .route(STYLE, get(stylesheet));
    let closed = pages().layer(middleware::from_fn_with_state(admin.clone(), guard));
    open.merge(closed)
        .layer(middleware::from_fn_with_state(site, finish_response))
        .with_state(admin)
}

/// The operator's pages on a listener of their own.
pub fn alone(admin: AdminState) -> Router {
    let nothing = || async {
        (
            StatusCode::NOT_FOUND,
            "Here are the operator's pages alone: /admin\n",
        )
    };
    router(admin)
        .route("/", get(|| async { Redirect::to("/admin") }))
        .fallback(nothing)
}

/// The pages that need a session.
fn pages() -> Router<AdminState> {
    Router::new()
        .route("/admin", get(today::show))
        .route("/admin/logout", axum::routing::post(login::sign_out))
        .route("/admin/charts", get(charts::show))
        .route("/admin/mails", get(mails::list).post(mails::act_on_many))
        .route("/admin/mails/{id}", get(mails::one).post(mails::act))
        .route("/admin/people", get(subscribers::list))
        .route(
            "/admin/people/{id}",
            get(subscriber::show).post(subscriber::act),
        )
        .route("/admin/people/{id}/preview", get(subscriber::preview))
        .route(
            "/admin/people/{id}/preview.html",
            get(subscriber::preview_html),
        )
        .route(
            "/admin/suppressions",
            get(suppressions::list).post(suppressions::act),
        )
        .route("/admin/papers", get(papers::search))
        .route("/admin/coverage", get(papers::coverage))
        .route("/admin/set-aside", get(papers::set_aside))
        .route("/admin/models", get(models::show))
        .route("/admin/sample", get(sample::form).post(sample::send))
        .route("/admin/acts", get(actions::list))
        .route("/admin/", get(|| async { Redirect::to("/admin") }))
        .route("/admin/{*rest}", get(nowhere))
}

async fn nowhere(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
) -> Result<Response, PageError> {
    admin.not_there(&session, "The address may have been mistyped.", "/admin")
}

/// Refuses requests without a session, and forms without its CSRF number.
async fn guard(
    State(admin): State<AdminState>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    match let_in(&admin, visitor, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn let_in(
    admin: &AdminState,
    visitor: Visitor,
    mut request: Request,
    next: Next,
) -> Result<Response, PageError> {
    let cookie = cookie_of(admin, &request);
    let now = admin.site.clock.now();
    let session = match cookie.read(request.headers()).map(str::to_owned) {
        Some(token) => {
            admin
                .sessions
                .session(&admin.site.db, visitor, &token, now)
                .await?
        }
        None => None,
    };
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(session) = session else {
        if is_reading {
            return Ok(Redirect::to(&login::path_back_to(request.uri())).into_response());
        }
        return login::show(
            admin,
            StatusCode::UNAUTHORIZED,
            "/admin",
            Some(login::ENDED),
        )
        .await;
    };
    request.extensions_mut().insert(session.clone());
    if is_reading {
        return Ok(next.run(request).await);
    }
    if comes_from_elsewhere(&request) {
        return refused(admin, &session);
    }
    let (parts, body) = request.into_parts();
    let read = Form::read(Request::from_parts(parts.clone(), body)).await;
    let Ok(form) = read else {
        return refused(admin, &session);
    };
    if !session::is_same(form.text("csrf"), &session.csrf) {
        return refused(admin, &session);
    }
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(form);
    Ok(next.run(request).await)
}

fn refused(admin: &AdminState, session: &Session) -> Result<Response, PageError> {
    let text =
        "The form did not come from these pages, or from before you signed in. Nothing was done.";
    admin.message(
        session,
        StatusCode::FORBIDDEN,
        "That was not taken",
        text,
        "/admin",
    )
}

/// Whether the browser marks the form as another site's (Fetch Metadata); older ones do not.
fn comes_from_elsewhere(request: &Request) -> bool {
    let said = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    said.is_some_and(|said| !matches!(said, "same-origin" | "none"))
}

/// The cookie's attributes, which depend on whether the browser came by HTTPS.
fn cookie_of(admin: &AdminState, request: &Request) -> Cookie {
    let is_secure = match admin.context.own_listener {
        None => admin.site.composer().site.base_url.starts_with("https://"),
        Some(true) => true,
        Some(false) => {
            let said = request
                .headers()
                .get("x-forwarded-proto")
                .and_then(|value| value.to_str().ok());
            said.is_some_and(|said| said.eq_ignore_ascii_case("https"))
        }
    };
    Cookie { is_secure }
}

async fn stylesheet() -> impl IntoResponse {
    let css = concat!(
        include_str!("../../../templates/web/style.css"),
        include_str!("../../../templates/web/admin.css")
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
    ];
    (headers, css)
}
