//! The `[digest]` and `[dkim]` settings.

use super::Accent;
use std::path::PathBuf;

/// The `[digest]` settings.
#[derive(Debug, Clone, Default)]
pub struct DigestSettings {
    /// A folder whose files replace the embedded templates of the same name.
    pub templates: Option<PathBuf>,
    /// The one colour besides ink and paper.
    pub accent: Accent,
    /// Address of a picture above the date of every issue; none unless set.
    pub logo: Option<String>,
}

/// The `[dkim]` settings: messages are signed with the keys that are there, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DkimSettings {
    /// The domain that signs, as in `d=`.
    pub domain: String,
    /// Names the public key in DNS: `selector._domainkey.domain`.
    pub selector: String,
    /// The same for the Ed25519 key: a name in DNS has one key.
    pub ed25519_selector: String,
    /// An RSA private key, PEM.
    pub rsa_key_file: Option<PathBuf>,
    /// An Ed25519 private key, PEM (RFC 8463).
    pub ed25519_key_file: Option<PathBuf>,
}
