//! The templates of the web pages, and the headers of HTML pages.

use crate::language::Locale;
use crate::web::PageError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use std::io::{self, Write};
use tera::{Context, Tera, Value};

const TEMPLATES: &[(&str, &str)] = &[
    ("page.html", include_str!("../../templates/web/page.html")),
    ("atom.xml", include_str!("../../templates/web/atom.xml")),
    (
        "sitemap.xml",
        include_str!("../../templates/web/sitemap.xml"),
    ),
    (
        "archive.html",
        include_str!("../../templates/web/archive.html"),
    ),
    ("day.html", include_str!("../../templates/web/day.html")),
    (
        "papers.html",
        include_str!("../../templates/web/papers.html"),
    ),
    ("paper.html", include_str!("../../templates/web/paper.html")),
    (
        "search.html",
        include_str!("../../templates/web/search.html"),
    ),
    (
        "feedback.html",
        include_str!("../../templates/web/feedback.html"),
    ),
    (
        "issues.html",
        include_str!("../../templates/web/issues.html"),
    ),
    ("saved.html", include_str!("../../templates/web/saved.html")),
    (
        "subscribe.html",
        include_str!("../../templates/web/subscribe.html"),
    ),
    (
        "subscribe.box.html",
        include_str!("../../templates/web/subscribe.box.html"),
    ),
    (
        "unsubscribe.html",
        include_str!("../../templates/web/unsubscribe.html"),
    ),
    (
        "preferences.html",
        include_str!("../../templates/web/preferences.html"),
    ),
    (
        "preferences.interest.html",
        include_str!("../../templates/web/preferences.interest.html"),
    ),
    (
        "preferences.head.html",
        include_str!("../../templates/web/preferences.head.html"),
    ),
    (
        "preferences.picks.html",
        include_str!("../../templates/web/preferences.picks.html"),
    ),
    (
        "preferences.sent.html",
        include_str!("../../templates/web/preferences.sent.html"),
    ),
    (
        "preferences.library.html",
        include_str!("../../templates/web/preferences.library.html"),
    ),
    (
        "preferences.account.html",
        include_str!("../../templates/web/preferences.account.html"),
    ),
    (
        "preferences.link.html",
        include_str!("../../templates/web/preferences.link.html"),
    ),
    (
        "preferences.issue.html",
        include_str!("../../templates/web/preferences.issue.html"),
    ),
    (
        "preview.html",
        include_str!("../../templates/web/preview.html"),
    ),
    (
        "message.html",
        include_str!("../../templates/web/message.html"),
    ),
    ("inbox.html", include_str!("../../templates/web/inbox.html")),
    ("mail.html", include_str!("../../templates/web/mail.html")),
];

/// Templates of the operator's pages.
const OPERATORS: &[(&str, &str)] = &[
    (
        "admin/page.html",
        include_str!("../../templates/web/admin/page.html"),
    ),
    (
        "admin/login.html",
        include_str!("../../templates/web/admin/login.html"),
    ),
    (
        "admin/message.html",
        include_str!("../../templates/web/admin/message.html"),
    ),
    (
        "admin/today.html",
        include_str!("../../templates/web/admin/today.html"),
    ),
    (
        "admin/coverage.rows.html",
        include_str!("../../templates/web/admin/coverage.rows.html"),
    ),
    (
        "admin/mails.html",
        include_str!("../../templates/web/admin/mails.html"),
    ),
    (
        "admin/mails.rows.html",
        include_str!("../../templates/web/admin/mails.rows.html"),
    ),
    (
        "admin/mail.html",
        include_str!("../../templates/web/admin/mail.html"),
    ),
    (
        "admin/reports.rows.html",
        include_str!("../../templates/web/admin/reports.rows.html"),
    ),
    (
        "admin/people.html",
        include_str!("../../templates/web/admin/people.html"),
    ),
    (
        "admin/person.html",
        include_str!("../../templates/web/admin/person.html"),
    ),
    (
        "admin/preview.html",
        include_str!("../../templates/web/admin/preview.html"),
    ),
    (
        "admin/suppressions.html",
        include_str!("../../templates/web/admin/suppressions.html"),
    ),
    (
        "admin/papers.html",
        include_str!("../../templates/web/admin/papers.html"),
    ),
    (
        "admin/coverage.html",
        include_str!("../../templates/web/admin/coverage.html"),
    ),
    (
        "admin/set_aside.html",
        include_str!("../../templates/web/admin/set_aside.html"),
    ),
    (
        "admin/models.html",
        include_str!("../../templates/web/admin/models.html"),
    ),
    (
        "admin/sample.html",
        include_str!("../../templates/web/admin/sample.html"),
    ),
    (
        "admin/acts.html",
        include_str!("../../templates/web/admin/acts.html"),
    ),
    (
        "admin/charts.html",
        include_str!("../../templates/web/admin/charts.html"),
    ),
];

/// Usual size of a page in bytes, to allocate its buffer at once.
const PAGE_BYTES: usize = 32 << 10;

/// Escapes text for HTML like Tera, but writes unescaped runs in one piece: Tera writes
/// byte by byte, which for abstracts takes longer than the rest of the page.
fn escape(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.write_all(&text.as_bytes()[start..at])?;
        out.write_all(escaped.as_bytes())?;
        start = at + 1;
    }
    out.write_all(&text.as_bytes()[start..])
}

/// A link in the header of every page.
#[derive(Debug, Clone, Serialize)]
pub struct MenuLink {
    /// The path that it leads to.
    pub url: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Renders pages.
#[derive(Debug)]
pub struct Pages {
    tera: Tera,
    english: Locale,
    site: String,
    /// Values that all pages have in common.
    alike: Context,
}

/// The values that fill a template.
pub struct Page(Context);

impl Page {
    /// Sets a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &impl Serialize) -> Self {
        self.0.insert(name, value);
        self
    }

    /// Sets a value that many pages share.
    #[must_use]
    pub(super) fn with_shared(mut self, name: &'static str, value: &Value) -> Self {
        self.0.insert_value(name, value.clone());
        self
    }
}

impl Pages {
    /// Loads the templates for the site called `site`. Each page gets `menu` in its header
    /// and `notice` in its footer.
    pub fn new(site: &str, menu: &[MenuLink], notice: &str) -> Self {
        let mut tera = Tera::default();
        tera.add_raw_templates(TEMPLATES.iter().chain(OPERATORS).copied())
            .expect("a test renders the embedded templates");
        tera.set_escape_fn(escape);
        let alike = Page(Context::new())
            .with("path", &"")
            .with("address", &"")
            .with("card", &"")
            .with("signup", &"closed")
            .with("site", &site)
            .with("menu", &menu)
            .with("notice", &notice);
        Pages {
            tera,
            english: Locale::english(),
            site: site.to_owned(),
            alike: alike.0,
        }
    }

    /// Starts a page in English.
    pub fn page(&self) -> Page {
        self.page_in(&self.english)
    }

    /// The English locale.
    pub fn english(&self) -> &Locale {
        &self.english
    }

    /// Starts a page in the language of `locale`.
    pub fn page_in(&self, locale: &Locale) -> Page {
        Page(self.alike.clone())
            .with("lang", &locale.code())
            .with("dir", &locale.dir())
            .with_shared("around", &locale.shared().frame)
            .with(
                "summary",
                &locale.pages().frame.summary.with(&[("site", &self.site)]),
            )
    }

    /// Renders a page as a response.
    pub fn respond(
        &self,
        status: StatusCode,
        template: &str,
        page: &Page,
    ) -> Result<Response, PageError> {
        let mut response = (status, html(self.render(template, page)?)).into_response();
        let lang = page
            .0
            .get("lang")
            .and_then(|lang| lang.as_str())
            .and_then(|lang| HeaderValue::from_str(lang).ok());
        if let Some(lang) = lang {
            response
                .headers_mut()
                .insert(header::CONTENT_LANGUAGE, lang);
        }
        Ok(response)
    }

    /// Renders `template` with the values of `page`.
    pub fn render(&self, template: &str, page: &Page) -> Result<String, PageError> {
        let mut out = Vec::with_capacity(PAGE_BYTES);
        self.tera.render_to(template, &page.0, &mut out)?;
        Ok(String::from_utf8(out).expect("templates and their values are UTF-8"))
    }

    /// A page in English with a heading and a text.
    pub fn message(
        &self,
        status: StatusCode,
        heading: &str,
        text: &str,
    ) -> Result<Response, PageError> {
        self.show_message(&self.english, &Message::new(status, heading, text))
    }

    /// A page with one message.
    pub(super) fn show_message(
        &self,
        locale: &Locale,
        message: &Message<'_>,
    ) -> Result<Response, PageError> {
        let page = self
            .page_in(locale)
            .with("heading", &message.heading)
            .with("text", &message.text)
            .with("button", &message.button)
            .with("link", &message.link);
        self.respond(message.status, "message.html", &page)
    }
}

/// A message that has a page of its own.
pub(super) struct Message<'a> {
    pub(super) status: StatusCode,
    pub(super) heading: &'a str,
    pub(super) text: &'a str,
    /// The text of a button that posts to the page's own address.
    pub(super) button: Option<&'a str>,
    /// The path and the text of a link.
    pub(super) link: Option<(&'a str, &'a str)>,
}

impl<'a> Message<'a> {
    /// A message without button and link.
    pub(super) fn new(status: StatusCode, heading: &'a str, text: &'a str) -> Self {
        Message {
            status,
            heading,
            text,
            button: None,
            link: None,
        }
    }

    /// A question with a button that says yes.
    pub(super) fn question(heading: &'a str, text: &'a str, button: &'a str) -> Self {
        Message {
            button: Some(button),
            ..Message::new(StatusCode::OK, heading, text)
        }
    }
}

/// HTML with the policy of our pages: only our own style, script and pictures are loaded,
/// and no other site may frame it.
pub fn html(body: String) -> Response {
    let mut response = Html(body).into_response();
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                  frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn text_is_escaped_as_tera_does_it(text in "[&<>\"'a é日]{0,12}") {
            let (mut ours, mut teras) = (Vec::new(), Vec::new());
            escape(&text, &mut ours).unwrap();
            tera::escape_html(&text, &mut teras).unwrap();
            proptest::prop_assert_eq!(ours, teras);
        }
    }
}
