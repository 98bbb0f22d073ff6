//! Lists page by page: a cursor names the last entry of a page, and the next page begins
//! behind it, even if entries are added meanwhile.

use super::middleware::ApiRequest;
use super::problem::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};

const LIMIT_DEFAULT: u32 = 50;

/// The requested page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Most entries on a page.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    pub(super) limit: u32,
    /// Start of the page: `next_cursor` of the page before.
    #[param(max_length = 500)]
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The entries.
    items: Vec<T>,
    /// Next page, relative to this one's address; null on the last one.
    #[schema(example = "?limit=50&cursor=WzQyXQ")]
    next: Option<String>,
    /// Cursor in `next`.
    #[schema(example = "WzQyXQ")]
    next_cursor: Option<String>,
}

/// A list that is always short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed<T> {
    /// The entries.
    pub(super) items: Vec<T>,
}

impl Paging {
    /// Reads the page parameters of a request.
    pub(super) fn of(request: &ApiRequest) -> Self {
        Paging {
            limit: request
                .query
                .get("limit")
                .and_then(|text| text.parse().ok())
                .unwrap_or(LIMIT_DEFAULT),
            cursor: request.query.get("cursor").cloned(),
        }
    }

    /// Returns the cursor, in the form that this list uses; `None` on the first page.
    pub(super) fn cursor<C: DeserializeOwned>(&self) -> Result<Option<C>, Problem> {
        let Some(text) = &self.cursor else {
            return Ok(None);
        };
        let read = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.map(Some).ok_or_else(|| {
            Problem::parameter(
                "cursor",
                "must be the next_cursor of another page of this list",
            )
        })
    }

    /// Returns a page of `found`, which has one entry more than the limit if there are more;
    /// `cursor` returns the position of an entry.
    pub(super) fn page<T, C: Serialize>(
        &self,
        request: &ApiRequest,
        mut found: Vec<T>,
        cursor: impl Fn(&T) -> C,
    ) -> Page<T> {
        let has_more = found.len() > self.limit as usize;
        found.truncate(self.limit as usize);
        let last = found.last().filter(|_| has_more).map(cursor);
        Page::new(request, found, last)
    }
}

impl<T> Page<T> {
    /// Returns a page with the cursor of the next one, if there is one.
    pub(super) fn new<C: Serialize>(
        request: &ApiRequest,
        items: Vec<T>,
        cursor: Option<C>,
    ) -> Self {
        let text =
            |cursor| serde_json::to_vec(&cursor).expect("numbers and texts have a JSON form");
        let next_cursor = cursor.map(|cursor| URL_SAFE_NO_PAD.encode(text(cursor)));
        let next = next_cursor.as_ref().map(|cursor| {
            let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
            let mut pairs: Vec<_> = request
                .query
                .iter()
                .filter(|(name, _)| *name != "cursor")
                .collect();
            pairs.sort();
            for (name, value) in pairs {
                query.append_pair(name, value);
            }
            query.append_pair("cursor", cursor).finish()
        });
        Page {
            items,
            next,
            next_cursor,
        }
    }
}
