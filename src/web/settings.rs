//! The `[web]` settings.

use crate::subscriber::MailboxKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Who may subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signup {
    /// Everybody, after confirming their address.
    Open,
    /// Whom the operator has added.
    Invite,
    /// Nobody.
    Closed,
}

impl Signup {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Signup::Open => "open",
            Signup::Invite => "invite",
            Signup::Closed => "closed",
        }
    }
}

/// What it takes to serve HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its chain, PEM.
    pub cert_file: PathBuf,
    /// The private key, PEM.
    pub key_file: PathBuf,
}

/// The `[web]` settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSettings {
    /// Where the pages are served.
    pub listen: SocketAddr,
    /// Where the operator's pages are served, if not beside the others.
    pub admin_listen: Option<SocketAddr>,
    /// Proxies whose word on the visitor's address is taken.
    pub trusted_proxies: Vec<IpAddr>,
    /// To serve HTTPS ourselves.
    pub tls: Option<TlsFiles>,
    /// Who may subscribe.
    pub signup: Signup,
    /// Kinds of mailboxes that cannot.
    pub refuse: Vec<MailboxKind>,
    /// Domains of disposable mailboxes, besides the best known.
    pub disposable_domains: Vec<String>,
}

impl Default for WebSettings {
    /// Port 8080 of this machine, behind a proxy on it, open to subscribers.
    fn default() -> Self {
        WebSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: None,
            trusted_proxies: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            tls: None,
            signup: Signup::Open,
            refuse: vec![MailboxKind::Disposable],
            disposable_domains: Vec::new(),
        }
    }
}
