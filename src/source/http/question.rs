//! What is asked, and what comes back.

use secrecy::SecretString;

/// What is asked, beyond an address.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// The address, as it may be shown and stored.
    pub url: String,
    /// The forms in which an answer is welcome; feeds, if empty.
    pub accept: &'static str,
    /// Header and value that only the provider may see.
    pub secret_header: Option<(&'static str, SecretString)>,
    /// A further part of the query that only the provider may see.
    pub secret_query: Option<(&'static str, SecretString)>,
}

/// What came back: any status but 429 and 5xx.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked.
    pub url: String,
    /// The HTTP status; 200 also where the provider said that nothing has changed.
    pub status: u16,
    /// What the answer says of its form.
    pub content_type: Option<String>,
    /// What came, unpacked.
    pub body: Vec<u8>,
}
