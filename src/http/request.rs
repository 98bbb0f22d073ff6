//! Requests and responses of the HTTP client.

use secrecy::SecretString;

/// One GET request.
#[derive(Debug, Clone, Default)]
pub struct HttpRequest {
    /// The address, as it may be shown and stored.
    pub url: String,
    /// Value of the `Accept` header; feeds, if empty.
    pub accept: &'static str,
    /// Header and value that are sent to this host only and never shown.
    pub secret_header: Option<(&'static str, SecretString)>,
    /// Query parameter that is sent to this host only and never shown.
    pub secret_query: Option<(&'static str, SecretString)>,
}

/// A response with any status but 429 and 5xx.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The address that was requested.
    pub url: String,
    /// HTTP status; a 304 is answered from the cache and counts as 200.
    pub status: u16,
    /// Value of `Content-Type`.
    pub content_type: Option<String>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}
