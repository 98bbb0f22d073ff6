//! The `[web]` settings.

use crate::subscriber::MailboxKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The modes of signup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signup {
    /// Everybody can, after confirming their address.
    Open,
    /// Only people whom the operator has added can confirm.
    Invite,
    /// Nobody can.
    Closed,
}

impl Signup {
    /// The word in the settings file.
    pub const fn word(self) -> &'static str {
        match self {
            Signup::Open => "open",
            Signup::Invite => "invite",
            Signup::Closed => "closed",
        }
    }
}

/// Certificate and key for HTTPS.
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
    /// Address that the pages listen on.
    pub listen: SocketAddr,
    /// Address that the operator's pages listen on; `None` to serve them with the others.
    pub admin_listen: Option<SocketAddr>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpAddr>,
    /// Certificate and key, to serve HTTPS without a proxy.
    pub tls: Option<TlsFiles>,
    /// The mode of signup.
    pub signup: Signup,
    /// Kinds of mailboxes that cannot subscribe.
    pub refuse: Vec<MailboxKind>,
    /// Domains of disposable mailboxes, besides the built-in ones.
    pub disposable_domains: Vec<String>,
}

impl Default for WebSettings {
    /// Port 8080 on loopback, behind a local proxy, with open signup.
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
