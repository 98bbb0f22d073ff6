//! From a host name to a connection that is ready for MAIL.

use super::Connection;
use super::failure::Failure;
use super::lines::{LineByLine, Spoke};
use super::timeouts::Timeouts;
use crate::outbox::settings::{Login, Security, SmtpSettings};
use crate::outbox::stage::Stage;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::Ehlo;
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Knows how to reach one relay.
pub struct Dialer {
    host: String,
    port: u16,
    protection: Protection,
    login: Option<Login>,
    hello: ClientId,
    timeouts: Timeouts,
}

enum Protection {
    None,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

impl Dialer {
    /// Prepares connections to the relay of `settings`; reads the system's root certificates if TLS is asked for.
    pub fn new(settings: &SmtpSettings, timeouts: Timeouts) -> Result<Self, Failure> {
        let tls = || {
            TlsParameters::new(settings.host.clone())
                .map_err(|error| Failure::broken(Stage::StartTls, error.to_string()))
        };
        Ok(Dialer {
            host: settings.host.clone(),
            port: settings.port,
            protection: match settings.security {
                Security::None => Protection::None,
                Security::StartTls => Protection::StartTls(tls()?),
                Security::Tls => Protection::Tls(tls()?),
            },
            login: settings.login.clone(),
            hello: settings.hello_name.clone().map_or_else(ClientId::default, ClientId::Domain),
            timeouts,
        })
    }

    /// Connects, says EHLO, encrypts and logs in, as far as the settings ask for it.
    pub async fn open(&self) -> Result<Connection, Failure> {
        let (mut conn, is_loopback) = match &self.protection {
            Protection::None => self.plain().await?,
            Protection::StartTls(parameters) => {
                let (mut conn, is_loopback) = self.plain().await?;
                self.start_tls(&mut conn, parameters).await?;
                (conn, is_loopback)
            }
            Protection::Tls(parameters) => (self.tls_at_once(parameters).await?, false),
        };
        if let Some(login) = &self.login {
            self.log_in(&mut conn, login, is_loopback).await?;
        }
        let pipelining = self.offers_pipelining(&mut conn).await?;
        Ok(Connection::new(conn, self.timeouts, pipelining))
    }

    /// A plain connection that has heard EHLO, and whether the server is this machine.
    async fn plain(&self) -> Result<(AsyncSmtpConnection, bool), Failure> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = within(Stage::Connect, self.timeouts.connect, connecting).await?;
        let stream = stream.map_err(|error| Failure::broken(Stage::Connect, error.to_string()))?;
        // lettre 0.11.23 does not set it; without it every message waits 40 ms for the peer's delayed
        // acknowledgement (lettre#1159, fixed after that release).
        stream.set_nodelay(true).map_err(|error| Failure::broken(Stage::Connect, error.to_string()))?;
        let is_loopback = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        let spoke = Spoke::default();
        let stream = LineByLine::new(stream, spoke.clone());
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello);
        let stage = || if spoke.has() { Stage::Ehlo } else { Stage::Greeting };
        match timeout(self.timeouts.greeting, greeting).await {
            Ok(Ok(conn)) => Ok((conn, is_loopback)),
            Ok(Err(error)) => Err(closed(Failure::from_lettre(stage(), &error))),
            Err(_) => Err(Failure::timed_out(stage(), self.timeouts.greeting)),
        }
    }

    async fn start_tls(&self, conn: &mut AsyncSmtpConnection, parameters: &TlsParameters) -> Result<(), Failure> {
        if !conn.can_starttls() {
            return Err(Failure::broken(
                Stage::StartTls,
                "the server does not offer STARTTLS, and mail is not sent in the clear instead",
            ));
        }
        let upgrading = conn.starttls(parameters.clone(), &self.hello);
        let upgraded = within(Stage::StartTls, self.timeouts.command, upgrading).await?;
        upgraded.map_err(|error| closed(Failure::from_lettre(Stage::StartTls, &error)))
    }

    /// TLS from the first byte is lettre's own connection, without our handling of the socket: it is
    /// slower from message to message (no `TCP_NODELAY`) until lettre releases its fix (lettre#1159).
    async fn tls_at_once(&self, parameters: &TlsParameters) -> Result<AsyncSmtpConnection, Failure> {
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (self.host.as_str(), self.port),
            Some(self.timeouts.connect),
            &self.hello,
            Some(parameters.clone()),
            None,
        );
        let connected = within(Stage::StartTls, self.timeouts.connect + self.timeouts.greeting, connecting).await?;
        connected.map_err(|error| {
            let stage = if error.status().is_some() { Stage::Greeting } else { Stage::StartTls };
            closed(Failure::from_lettre(stage, &error))
        })
    }

    async fn log_in(&self, conn: &mut AsyncSmtpConnection, login: &Login, is_loopback: bool) -> Result<(), Failure> {
        if !conn.is_encrypted() && !is_loopback {
            return Err(Failure::broken(Stage::Auth, "the password is not sent over a connection without TLS"));
        }
        let credentials = Credentials::new(login.username.clone(), login.password.expose_secret().to_owned());
        let authenticating = conn.auth(DEFAULT_MECHANISMS, &credentials);
        let reply = within(Stage::Auth, self.timeouts.command, authenticating).await?;
        reply.map(|_| ()).map_err(|error| closed(Failure::from_lettre(Stage::Auth, &error)))
    }

    /// Asks once more: lettre does not keep the extensions that it does not know.
    async fn offers_pipelining(&self, conn: &mut AsyncSmtpConnection) -> Result<bool, Failure> {
        let asking = conn.command(Ehlo::new(self.hello.clone()));
        match within(Stage::Ehlo, self.timeouts.command, asking).await? {
            Ok(reply) => Ok(reply.message().any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"))),
            Err(error) => Err(closed(Failure::from_lettre(Stage::Ehlo, &error))),
        }
    }
}

/// A connection that failed while it was being opened is never used.
fn closed(failure: Failure) -> Failure {
    Failure { in_step: false, ..failure }
}

async fn within<T>(stage: Stage, wait: Duration, step: impl Future<Output = T>) -> Result<T, Failure> {
    timeout(wait, step).await.map_err(|_| Failure::timed_out(stage, wait))
}
