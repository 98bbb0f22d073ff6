//! The `[smtp]` and `[maildir]` settings.

use chrono::TimeDelta;
use secrecy::SecretString;
use std::path::PathBuf;

/// The destination of outgoing mail.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
#[derive(Debug, Clone)]
pub enum Transport {
    /// To a relay.
    Smtp(SmtpSettings),
    /// Into a folder: nothing leaves the machine until a relay is named.
    Maildir(PathBuf),
}

/// The encryption of the connection to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, TLS before anything is said (RFC 3207). Never downgraded.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None: for a relay on this machine.
    None,
}

/// The protocol of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: a mail store that takes mail for its own mailboxes. One recipient
    /// a message makes it the same conversation but for its first word.
    Lmtp,
}

/// The policy for a message that the relay may or may not have accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUncertain {
    /// The same bytes go out once more.
    Resend,
    /// A person decides.
    Hold,
}

/// The `[smtp]` settings.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Name or address of the relay.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// TLS settings.
    pub security: Security,
    /// Settings for TLS.
    pub tls: TlsSettings,
    /// Login, if the relay wants one.
    pub login: Option<Login>,
    /// The client name in EHLO.
    pub hello_name: Option<String>,
    /// Connections at a time.
    pub connections: usize,
    /// Messages before a connection is closed.
    pub messages_per_connection: u32,
    /// Rate limits.
    pub rate: RateLimits,
    /// Messages a minute to any one domain; 0 for no limit.
    pub per_domain_per_minute: u32,
    /// Retry settings.
    pub retry: RetrySettings,
}

/// TLS settings: certificates besides the system's.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Roots to be trusted besides the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// The login, if the relay asks for one.
    pub client: Option<ClientCertificate>,
}

/// A client's certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The certificate and those that signed it.
    pub cert_file: PathBuf,
    /// The key.
    pub key_file: PathBuf,
}

/// A login at the relay.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password, or the access token.
    pub password: SecretString,
    /// The kind of secret.
    pub kind: LoginKind,
}

/// The kind of secret that a login uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginKind {
    /// A password, by AUTH PLAIN or LOGIN (RFC 4954, RFC 4616).
    Password,
    /// An OAuth access token, by AUTH XOAUTH2. Tokens last about an hour, so one
    /// that stands in a file is read anew for every login.
    Token(Option<PathBuf>),
}

impl Login {
    /// A login by password.
    pub fn by_password(username: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Login {
            username: username.into(),
            password: password.into(),
            kind: LoginKind::Password,
        }
    }
}

/// Messages per second, minute and hour; 0 for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Messages a second.
    pub per_second: u32,
    /// Messages a minute.
    pub per_minute: u32,
    /// Messages an hour.
    pub per_hour: u32,
}

/// The retry schedule of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySettings {
    /// Waits between tries; the last one repeats. Not empty.
    pub waits: Vec<TimeDelta>,
    /// Counted from when the issue was queued; after it there are no more tries.
    pub shelf_life: TimeDelta,
    /// The policy after a hand-over with an unknown end.
    pub on_uncertain: OnUncertain,
    /// Wait before the one resend.
    pub resend_after: TimeDelta,
    /// First wait after connecting, TLS or login failed; doubles up to [`BREAKER_MAX`].
    pub breaker: TimeDelta,
}

/// The longest wait for a relay in trouble.
pub const BREAKER_MAX: TimeDelta = TimeDelta::minutes(30);

impl Default for RetrySettings {
    /// 5, 10, 20, 40, 80 minutes, then every 2 hours for 18 hours.
    ///
    /// RFC 5321 section 4.5.4.1 recommends at least 30 minutes and 4 to 5 days;
    /// ours start sooner because greylisting passes on the second try, and end
    /// sooner because tomorrow's issue replaces today's.
    fn default() -> Self {
        RetrySettings {
            waits: [5, 10, 20, 40, 80, 120].map(TimeDelta::minutes).to_vec(),
            shelf_life: TimeDelta::hours(18),
            on_uncertain: OnUncertain::Resend,
            resend_after: TimeDelta::minutes(10),
            breaker: TimeDelta::seconds(60),
        }
    }
}

impl Default for SmtpSettings {
    fn default() -> Self {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: 25,
            protocol: Protocol::Smtp,
            security: Security::StartTls,
            tls: TlsSettings::default(),
            login: None,
            hello_name: None,
            connections: 4,
            messages_per_connection: 50,
            rate: RateLimits {
                per_second: 20,
                per_minute: 0,
                per_hour: 0,
            },
            per_domain_per_minute: 0,
            retry: RetrySettings::default(),
        }
    }
}
