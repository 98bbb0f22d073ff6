//! Login and logout.

use super::session::{LoginOutcome, Session};
use super::{AdminState, comes_from_elsewhere, cookie_of};
use crate::web::PageError;
use crate::web::forms::Form;
use crate::web::query::Query;
use crate::web::serving::visitor::Visitor;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};

/// The message after a session has expired.
pub(super) const ENDED: &str =
    "You were signed out meanwhile, and nothing was done. Please sign in and do it again.";

/// `GET /admin/login`
pub(super) async fn form(
    State(admin): State<AdminState>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let cookie = cookie_of(&admin, &request);
    if let Some(token) = cookie.read(request.headers()) {
        let (now, token) = (admin.site.clock.now(), token.to_owned());
        if admin
            .sessions
            .session(&admin.site.db, visitor, &token, now)
            .await?
            .is_some()
        {
            return Ok(Redirect::to("/admin").into_response());
        }
    }
    let query = Query::of(request.uri());
    show(
        &admin,
        StatusCode::OK,
        own_path(query.text("next").unwrap_or_default()),
        None,
    )
    .await
}

/// `POST /admin/login` with `password` and `next`.
pub(super) async fn sign_in(
    State(admin): State<AdminState>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, PageError> {
    let cookie = cookie_of(&admin, &request);
    if comes_from_elsewhere(&request) {
        let problem = "The form did not come from this page.";
        return show(&admin, StatusCode::FORBIDDEN, "/admin", Some(problem)).await;
    }
    let Ok(form) = Form::read(request).await else {
        return show(
            &admin,
            StatusCode::BAD_REQUEST,
            "/admin",
            Some("The form did not arrive whole."),
        )
        .await;
    };
    let next = own_path(form.text("next")).to_owned();
    let now = admin.site.clock.now();
    let typed = form.untrimmed("password").to_owned();
    match admin
        .sessions
        .sign_in(&admin.site.db, visitor, typed, now)
        .await?
    {
        LoginOutcome::In(token) => {
            let network = visitor.address.to_string();
            admin
                .site
                .db
                .run(move |store| store.note_admin_act("signed in", "admin", &network, now))
                .await?;
            tracing::info!("the operator signed in");
            let mut response = Redirect::to(&next).into_response();
            set_cookie(&mut response, &cookie.set(Some(&token)));
            Ok(response)
        }
        LoginOutcome::Wrong => {
            tracing::warn!("somebody tried to sign in as the operator with a wrong password");
            show(
                &admin,
                StatusCode::UNAUTHORIZED,
                &next,
                Some("That is not the password."),
            )
            .await
        }
        LoginOutcome::TooOften => {
            tracing::warn!("somebody tries to sign in as the operator again and again");
            let problem =
                "There were too many tries. Please wait some minutes before the next one.";
            show(&admin, StatusCode::TOO_MANY_REQUESTS, &next, Some(problem)).await
        }
    }
}

/// `POST /admin/logout`
pub(super) async fn sign_out(
    State(admin): State<AdminState>,
    Extension(session): Extension<Session>,
    request: Request,
) -> Result<Response, PageError> {
    let cookie = cookie_of(&admin, &request);
    admin
        .site
        .db
        .run(move |store| store.end_admin_session(&session.token_hash))
        .await?;
    let mut response = Redirect::to("/admin/login").into_response();
    set_cookie(&mut response, &cookie.set(None));
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: &str) {
    let value = HeaderValue::from_str(cookie)
        .expect("a cookie of ours holds letters, digits and signs alone");
    response.headers_mut().insert(header::SET_COOKIE, value);
}

/// The form, with the problem.
pub(super) async fn show(
    admin: &AdminState,
    status: StatusCode,
    next: &str,
    problem: Option<&str>,
) -> Result<Response, PageError> {
    let has_password = admin
        .site
        .db
        .read(|store| store.admin_password())
        .await?
        .is_some();
    let page = admin
        .site
        .page_in(admin.site.pages.english(), "/admin/login")
        .with("next", &next)
        .with("problem", &problem)
        .with("has_password", &has_password);
    admin.site.pages.respond(status, "admin/login.html", &page)
}

/// The address of the form that leads back to `uri`.
pub(super) fn path_back_to(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/admin", |path| path.as_str());
    if own_path(path) == "/admin" {
        return "/admin/login".to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", path)
        .finish();
    format!("/admin/login?{query}")
}

/// `path` if it is one of the operator's pages, else the first of them: no open redirect.
fn own_path(path: &str) -> &str {
    let is_ours = path == "/admin" || path.starts_with("/admin/") || path.starts_with("/admin?");
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours && is_plain && !path.contains("..") && path.len() < 1_000 {
        path
    } else {
        "/admin"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_never_redirects_to_another_site() {
        for ours in ["/admin", "/admin/mails?state=held&x=%2F%2F", "/admin?x=1"] {
            assert_eq!(own_path(ours), ours);
        }
        for not_ours in [
            "",
            "//evil.example",
            "https://evil.example/admin",
            "/adminevil",
            "/admin/\\evil",
            "/admin/../x",
            "/admin/\r\nx: y",
        ] {
            assert_eq!(own_path(not_ours), "/admin", "{not_ours}");
        }
        assert_eq!(
            path_back_to(&Uri::from_static("/admin/mails?state=held")),
            "/admin/login?next=%2Fadmin%2Fmails%3Fstate%3Dheld"
        );
    }
}
