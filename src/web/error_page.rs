//! Pages for links that do not work and for other errors of a request.
//!
//! The reader is unknown then, so the page is in the language of the visitor's browser.
//! A handler returns the error alone; `finish_response` renders the page.

use crate::language::Locale;
use crate::web::PageError;
use crate::web::pages::{Message, Pages};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// An error that is shown as a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorPage {
    /// The link is damaged, of another scope, or its reader or paper is gone. All three
    /// look the same, so that nothing can be probed.
    BadLink,
    /// An unsubscribe link is bad. Mail providers' programs expect status 400.
    BadUnsubscribeLink,
    /// The link to the preferences is bad; the page offers to mail a new one.
    BadPreferencesLink,
    /// A confirmation link is damaged, expired or already superseded.
    ExpiredConfirmation,
    /// A link that exports or erases all data is damaged or expired.
    ExpiredOwnerLink,
    /// The operator lets nobody sign up.
    SignupClosed,
    /// The network exceeded a rate limit.
    RateLimited,
    /// A form is incomplete or has impossible values.
    BadForm,
    /// No page has this address.
    NotFound,
    /// The page exists, but does not support this HTTP method.
    MethodNotAllowed,
}

impl IntoResponse for ErrorPage {
    /// An empty response that `finish_response` replaces by the page.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl ErrorPage {
    fn status(self) -> StatusCode {
        match self {
            ErrorPage::BadUnsubscribeLink | ErrorPage::BadForm => StatusCode::BAD_REQUEST,
            ErrorPage::SignupClosed => StatusCode::FORBIDDEN,
            ErrorPage::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorPage::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::NOT_FOUND,
        }
    }

    /// Renders the page.
    pub(super) fn page(self, pages: &Pages, locale: &Locale) -> Result<Response, PageError> {
        let (words, signup) = (&locale.pages().messages, &locale.pages().signup);
        let (heading, text) = match self {
            ErrorPage::BadLink | ErrorPage::BadUnsubscribeLink => {
                (&words.bad_link, &words.bad_link_text)
            }
            ErrorPage::BadPreferencesLink => (&words.bad_link, &words.cut_off),
            ErrorPage::ExpiredConfirmation => (&words.worn_out, &words.worn_out_confirm),
            ErrorPage::ExpiredOwnerLink => (&words.worn_out, &words.worn_out_owner),
            ErrorPage::SignupClosed => (&signup.closed, &signup.closed_text),
            ErrorPage::RateLimited => (&words.too_often, &words.too_often_text),
            ErrorPage::BadForm => (&words.torn, &words.torn_text),
            ErrorPage::MethodNotAllowed => (&words.torn, &words.nowhere_text),
            ErrorPage::NotFound => (&words.nowhere, &words.nowhere_text),
        };
        let link = match self {
            ErrorPage::BadPreferencesLink | ErrorPage::ExpiredOwnerLink => {
                Some(("/preferences/link", words.get_link.as_str()))
            }
            ErrorPage::ExpiredConfirmation => Some(("/subscribe", words.subscribe.as_str())),
            _ => None,
        };
        let mut page = pages.show_message(
            locale,
            &Message {
                link,
                ..Message::new(self.status(), heading.as_str(), text.as_str())
            },
        )?;
        if self == ErrorPage::RateLimited {
            // RFC 6585 section 4.
            page.headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        Ok(page)
    }
}
