//! What is said of links that do not work, and of other mishaps.
//!
//! Nobody is known then, so it is said in the language of the visitor's browser.
//! A handler answers with the mishap alone; what every answer goes through makes
//! the page of it.

use super::PageError;
use super::pages::{Pages, Said};
use crate::digest::Tongue;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// The link is damaged, of another scope, or about somebody or something that
    /// is not there: the same is said, so that nothing can be found out.
    BadLink,
    /// The same of a link that leaves; providers' programs know 400.
    BadWayOut,
    /// The same of the link to somebody's preferences.
    NoPreferences,
    /// The link that confirms is damaged, too old, or cannot be followed any more.
    OldConfirmation,
    /// The same of the link that fetches or erases all data.
    OldOwner,
    /// Somebody asks too often.
    TooOften,
    /// A form did not arrive whole.
    Torn,
    /// There is no such page.
    Nowhere,
    /// There is one, but it does not answer to requests of this kind.
    WrongMethod,
}

impl Mishap {
    /// The answer that every page goes through turns this into a page.
    #[expect(clippy::unnecessary_wraps, reason = "it is what handlers return")]
    pub(super) fn answer(self) -> Result<Response, PageError> {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        Ok(response)
    }

    fn status(self) -> StatusCode {
        match self {
            Mishap::BadWayOut | Mishap::Torn => StatusCode::BAD_REQUEST,
            Mishap::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Mishap::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::NOT_FOUND,
        }
    }

    /// The page that says so.
    pub(super) fn page(self, pages: &Pages, tongue: &Tongue) -> Result<Response, PageError> {
        let words = &tongue.pages().messages;
        let (heading, text) = match self {
            Mishap::BadLink | Mishap::BadWayOut => (&words.bad_link, &words.bad_link_text),
            Mishap::NoPreferences => (&words.bad_link, &words.cut_off),
            Mishap::OldConfirmation => (&words.worn_out, &words.worn_out_confirm),
            Mishap::OldOwner => (&words.worn_out, &words.worn_out_owner),
            Mishap::TooOften => (&words.too_often, &words.too_often_text),
            Mishap::Torn => (&words.torn, &words.torn_text),
            Mishap::WrongMethod => (&words.torn, &words.nowhere_text),
            Mishap::Nowhere => (&words.nowhere, &words.nowhere_text),
        };
        let link = match self {
            Mishap::NoPreferences | Mishap::OldOwner => {
                Some(("/preferences/link", words.get_link.as_str()))
            }
            Mishap::OldConfirmation => Some(("/subscribe", words.subscribe.as_str())),
            _ => None,
        };
        let mut page = pages.say(
            tongue,
            &Said {
                link,
                ..Said::new(self.status(), heading.as_str(), text.as_str())
            },
        )?;
        if self == Mishap::TooOften {
            // RFC 6585 section 4.
            page.headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        Ok(page)
    }
}
