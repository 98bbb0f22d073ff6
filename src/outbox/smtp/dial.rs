//! Opens a connection that is ready for MAIL.

use super::Connection;
use super::failure::SmtpFailure;
use super::reply_reader::{ConnectionState, Hello, ReplyReader, Wire};
use super::timeouts::Timeouts;
use super::tls::Tls;
use super::transcript::{Side, Transcript};
use crate::outbox::settings::{Login, LoginKind, Protocol, Security, SmtpSettings};
use crate::outbox::stage::SmtpStage;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Opens connections to one relay.
pub struct Dialer {
    host: String,
    port: u16,
    protocol: Protocol,
    protection: Protection,
    login: Option<Login>,
    hello: ClientId,
    timeouts: Timeouts,
    transcript: Option<Transcript>,
    /// Whether the relay knows no EHLO.
    needs_helo: AtomicBool,
}

enum Protection {
    None,
    StartTls(Box<Tls>),
    Tls(Box<Tls>),
}

/// The mechanism that sends an access token.
const TOKEN_MECHANISMS: &[Mechanism] = &[Mechanism::Xoauth2];

impl Dialer {
    /// Prepares connections to the relay of `settings`; reads certificates if TLS is asked for.
    pub fn new(settings: &SmtpSettings, timeouts: Timeouts) -> Result<Self, SmtpFailure> {
        let tls = || Tls::new(&settings.host, &settings.tls).map(Box::new);
        Ok(Dialer {
            host: settings.host.clone(),
            port: settings.port,
            protocol: settings.protocol,
            protection: match settings.security {
                Security::None => Protection::None,
                Security::StartTls => Protection::StartTls(tls()?),
                Security::Tls => Protection::Tls(tls()?),
            },
            login: settings.login.clone(),
            hello: settings
                .hello_name
                .clone()
                .map_or_else(ClientId::default, ClientId::Domain),
            timeouts,
            transcript: None,
            needs_helo: AtomicBool::new(false),
        })
    }

    /// Records the conversation in `transcript`.
    #[must_use]
    pub fn writing_in(self, transcript: &Transcript) -> Self {
        Dialer {
            transcript: Some(transcript.clone()),
            ..self
        }
    }

    /// Connects, encrypts, says EHLO and logs in, as far as the settings ask for it.
    ///
    /// A server that does not know EHLO is greeted with HELO (RFC 5321 section 3.2).
    pub async fn open(&self) -> Result<Connection, SmtpFailure> {
        match self.try_open().await {
            Err(failure) if is_ehlo_unknown(&failure) && self.protocol == Protocol::Smtp => {
                if self.needs_helo.swap(true, Ordering::Relaxed) {
                    return Err(failure);
                }
                self.try_open().await
            }
            opened => opened,
        }
    }

    async fn try_open(&self) -> Result<Connection, SmtpFailure> {
        let (stream, peer) = self.connect().await?;
        self.note(&format!("(connected to {peer})"));
        let state = ConnectionState::written_in(self.transcript.clone());
        let mut conn = match &self.protection {
            Protection::None => self.greet(self.lines(stream, peer, &state), &state).await?,
            Protection::StartTls(tls) => {
                let stream = self.start_tls(stream, peer).await?;
                let stream =
                    within(SmtpStage::StartTls, self.timeouts.command, tls.wrap(stream)).await??;
                self.note("(encrypted from here on; the certificate is good)");
                self.greet(self.lines(stream, peer, &state).greeted(), &state)
                    .await?
            }
            Protection::Tls(tls) => {
                let stream =
                    within(SmtpStage::StartTls, self.timeouts.command, tls.wrap(stream)).await??;
                self.note("(encrypted from here on; the certificate is good)");
                self.greet(self.lines(stream, peer, &state), &state).await?
            }
        };
        if let Some(login) = &self.login {
            self.log_in(&mut conn, login, peer.ip().is_loopback(), &state)
                .await?;
        }
        Ok(Connection::new(conn, self.timeouts, state))
    }

    fn note(&self, text: &str) {
        if let Some(transcript) = &self.transcript {
            transcript.note(Side::Client, text);
        }
    }

    fn lines<S: Wire>(
        &self,
        stream: S,
        peer: SocketAddr,
        state: &ConnectionState,
    ) -> ReplyReader<S> {
        let hello = match self.protocol {
            Protocol::Lmtp => Hello::Lhlo,
            Protocol::Smtp if self.needs_helo.load(Ordering::Relaxed) => Hello::Helo,
            Protocol::Smtp => Hello::Ehlo,
        };
        ReplyReader::new(stream, peer, state.clone(), hello)
    }

    async fn connect(&self) -> Result<(TcpStream, SocketAddr), SmtpFailure> {
        let broken = |error: io::Error| SmtpFailure::broken(SmtpStage::Connect, error.to_string());
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = within(SmtpStage::Connect, self.timeouts.connect, connecting)
            .await?
            .map_err(broken)?;
        // lettre 0.11.23 does not set it; without it every message waits 40 ms for the peer's
        // delayed acknowledgement (lettre#1159, fixed after that release).
        stream.set_nodelay(true).map_err(broken)?;
        let peer = stream.peer_addr().map_err(broken)?;
        Ok((stream, peer))
    }

    /// Reads the greeting and says EHLO.
    async fn greet(
        &self,
        stream: ReplyReader<impl Wire + 'static>,
        state: &ConnectionState,
    ) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello);
        let stage = || {
            if state.us() {
                SmtpStage::Ehlo
            } else {
                SmtpStage::Greeting
            }
        };
        match timeout(self.timeouts.greeting, greeting).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(closed(SmtpFailure::from_lettre(stage(), &error))),
            Err(_) => Err(SmtpFailure::timed_out(stage(), self.timeouts.greeting)),
        }
    }

    /// The conversation before TLS (RFC 3207). Nothing of it counts afterwards.
    async fn start_tls(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<TcpStream, SmtpFailure> {
        let state = ConnectionState::written_in(self.transcript.clone());
        let mut lines = self.lines(stream, peer, &state);
        let waits = self.timeouts;
        within(
            SmtpStage::Greeting,
            waits.greeting,
            lines.ask(SmtpStage::Greeting, ""),
        )
        .await?
        .map_err(closed)?;
        let hello = format!("EHLO {}\r\n", self.hello);
        let asked = within(
            SmtpStage::Ehlo,
            waits.greeting,
            lines.ask(SmtpStage::Ehlo, &hello),
        )
        .await?;
        let (_, offers) = asked.map_err(closed)?;
        if !offers
            .iter()
            .any(|offer| offer.trim().eq_ignore_ascii_case("STARTTLS"))
        {
            let text = format!(
                "the server does not offer STARTTLS, and mail is not sent in the clear instead; {}",
                state.offers()
            );
            return Err(SmtpFailure::broken(SmtpStage::StartTls, text));
        }
        within(
            SmtpStage::StartTls,
            waits.command,
            lines.ask(SmtpStage::StartTls, "STARTTLS\r\n"),
        )
        .await?
        .map_err(closed)?;
        match lines.into_inner() {
            (stream, false) => Ok(stream),
            // Data injected here would pass for encrypted (CVE-2011-0411).
            (_, true) => Err(SmtpFailure::broken(
                SmtpStage::StartTls,
                "the server said more than its go-ahead before TLS",
            )),
        }
    }

    async fn log_in(
        &self,
        conn: &mut AsyncSmtpConnection,
        login: &Login,
        is_loopback: bool,
        state: &ConnectionState,
    ) -> Result<(), SmtpFailure> {
        if matches!(self.protection, Protection::None) && !is_loopback {
            return Err(SmtpFailure::broken(
                SmtpStage::Auth,
                "the password is not sent over a connection without TLS",
            ));
        }
        let (mechanisms, secret) = match &login.kind {
            LoginKind::Password => (
                DEFAULT_MECHANISMS,
                login.password.expose_secret().to_owned(),
            ),
            LoginKind::Token(None) => (TOKEN_MECHANISMS, login.password.expose_secret().to_owned()),
            LoginKind::Token(Some(file)) => {
                let token = tokio::fs::read_to_string(file).await.map_err(|error| {
                    SmtpFailure::broken(
                        SmtpStage::Auth,
                        format!(
                            "cannot read the access token in {}: {error}",
                            file.display()
                        ),
                    )
                })?;
                (TOKEN_MECHANISMS, token.trim().to_owned())
            }
        };
        let credentials = Credentials::new(login.username.clone(), secret);
        let authenticating = conn.auth(mechanisms, &credentials);
        let reply = within(SmtpStage::Auth, self.timeouts.command, authenticating).await?;
        reply.map(|_| ()).map_err(|error| {
            let failure = closed(SmtpFailure::from_lettre(SmtpStage::Auth, &error));
            // Without a reply no login was tried: none of the offered ones can be used.
            match (&failure.reply, error.is_client()) {
                (None, true) => SmtpFailure {
                    text: format!("{}; {}", failure.text, state.offers()),
                    ..failure
                },
                _ => failure,
            }
        })
    }
}

/// Whether the server says that it does not know the command EHLO.
fn is_ehlo_unknown(failure: &SmtpFailure) -> bool {
    let code = failure.reply.as_ref().map(|reply| reply.code);
    failure.stage == SmtpStage::Ehlo && matches!(code, Some(500 | 502))
}

/// A connection that failed while it was being opened is never used.
fn closed(failure: SmtpFailure) -> SmtpFailure {
    SmtpFailure {
        in_step: false,
        ..failure
    }
}

async fn within<T>(
    stage: SmtpStage,
    wait: Duration,
    step: impl Future<Output = T>,
) -> Result<T, SmtpFailure> {
    timeout(wait, step)
        .await
        .map_err(|_| SmtpFailure::timed_out(stage, wait))
}
