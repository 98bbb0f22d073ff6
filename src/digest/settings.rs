//! The `[digest]` and `[dkim]` settings.

use super::Accent;
use std::path::PathBuf;

/// The `[digest]` settings.
#[derive(Debug, Clone, Default)]
pub struct DigestSettings {
    /// A folder whose files replace the embedded templates of the same name.
    pub templates: Option<PathBuf>,
    /// The accent colour.
    pub accent: Accent,
    /// Address of a logo above the date of every issue.
    pub logo: Option<String>,
}

/// The `[dkim]` settings. Messages are signed with each key given, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimSettings {
    /// The signing domain, `d=`.
    pub domain: String,
    /// The selector of the RSA key; its record is `selector._domainkey.domain`.
    pub selector: String,
    /// The selector of the Ed25519 key. A record has one key only.
    pub ed25519_selector: String,
    /// An RSA private key, PEM.
    pub rsa_key_file: Option<PathBuf>,
    /// An Ed25519 private key, PEM (RFC 8463).
    pub ed25519_key_file: Option<PathBuf>,
}
