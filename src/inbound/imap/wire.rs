//! The lines and literals of an IMAP connection.

use super::quoted;
use crate::inbound::report::MAIL_BYTES_MAX;
use crate::inbound::settings::{ImapSecurity, ImapSettings};
use rustls_native_certs::load_native_certs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

const CONNECT_WAIT: Duration = Duration::from_secs(30);
/// For one answer, a long mail included.
const ANSWER_WAIT: Duration = Duration::from_mins(5);
/// The numbers of a million mails that wait come on one line.
const LINE_BYTES_MAX: usize = 8 << 20;
/// Untagged lines of one answer.
const LINES_MAX: usize = 100_000;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One line of the server's with the literals in it.
#[derive(Debug, Default)]
pub(super) struct Response {
    text: String,
    literal: Option<Vec<u8>>,
}

impl Response {
    /// Its text, literals left out.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Its first literal.
    pub(super) fn into_literal(self) -> Option<Vec<u8>> {
        self.literal
    }
}

/// A connection.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    tag: u32,
}

impl Wire {
    /// Connects, encrypts as the settings say, and hears the greeting.
    pub(super) async fn open(settings: &ImapSettings) -> io::Result<Self> {
        timeout(CONNECT_WAIT, Self::connect(settings))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn connect(settings: &ImapSettings) -> io::Result<Self> {
        let stream = TcpStream::connect((settings.host.as_str(), settings.port)).await?;
        stream.set_nodelay(true)?;
        if settings.security == ImapSecurity::None {
            let mut wire = Wire::over(Box::new(stream));
            wire.line().await?;
            return Ok(wire);
        }
        let (connector, name) = tls(settings)?;
        if settings.security == ImapSecurity::Tls {
            let mut wire = Wire::over(Box::new(connector.connect(name, stream).await?));
            wire.line().await?;
            return Ok(wire);
        }
        let mut plain = BufReader::new(stream);
        let mut line = String::new();
        (&mut plain)
            .take(LINE_BYTES_MAX as u64)
            .read_line(&mut line)
            .await?;
        plain.write_all(b"t STARTTLS\r\n").await?;
        loop {
            line.clear();
            if (&mut plain)
                .take(LINE_BYTES_MAX as u64)
                .read_line(&mut line)
                .await?
                == 0
            {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = line.strip_prefix("t ") {
                if end.to_ascii_uppercase().starts_with("OK") && plain.buffer().is_empty() {
                    break;
                }
                return Err(io::Error::other(
                    "the server does not offer STARTTLS, and the password is not sent in the clear",
                ));
            }
        }
        Ok(Wire::over(Box::new(
            connector.connect(name, plain.into_inner()).await?,
        )))
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        Wire {
            stream: BufReader::new(stream),
            tag: 0,
        }
    }

    /// Sends `command`; answers the untagged lines and how the tagged one ends.
    pub(super) async fn ask(&mut self, command: &[u8]) -> io::Result<(Vec<Response>, String)> {
        self.tag += 1;
        let mut line = format!("a{} ", self.tag).into_bytes();
        line.extend_from_slice(command);
        line.extend_from_slice(b"\r\n");
        self.stream.write_all(&line).await?;
        self.stream.flush().await?;
        self.answer().await
    }

    /// Logs in; name and password travel as literals if they hold what quotes cannot (RFC 3501
    /// section 9).
    pub(super) async fn log_in(
        &mut self,
        name: &str,
        password: &str,
    ) -> io::Result<(Vec<Response>, String)> {
        let plain = |text: &str| text.bytes().all(|byte| (b' '..0x7f).contains(&byte));
        if plain(name) && plain(password) {
            return self
                .ask(format!("LOGIN {} {}", quoted(name), quoted(password)).as_bytes())
                .await;
        }
        self.tag += 1;
        self.stream
            .write_all(format!("a{} LOGIN {{{}}}\r\n", self.tag, name.len()).as_bytes())
            .await?;
        for (text, end) in [
            (name, format!(" {{{}}}\r\n", password.len())),
            (password, "\r\n".to_owned()),
        ] {
            self.stream.flush().await?;
            let go = self.line().await?;
            if !go.text.starts_with('+') {
                return Err(io::Error::other("the server takes no literals"));
            }
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.write_all(end.as_bytes()).await?;
        }
        self.stream.flush().await?;
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<(Vec<Response>, String)> {
        let tag = format!("a{} ", self.tag);
        let all = async {
            let mut lines = Vec::new();
            loop {
                let line = self.line().await?;
                if let Some(end) = line.text.strip_prefix(&tag) {
                    return Ok((lines, end.to_owned()));
                }
                if lines.len() >= LINES_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                lines.push(line);
            }
        };
        timeout(ANSWER_WAIT, all)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Waits for a notice, at most `longest`.
    pub(super) async fn idle(&mut self, longest: Duration) -> io::Result<()> {
        self.tag += 1;
        self.stream
            .write_all(format!("a{} IDLE\r\n", self.tag).as_bytes())
            .await?;
        self.stream.flush().await?;
        let start = timeout(CONNECT_WAIT, self.line())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if start.text.starts_with('+') {
            // `fill_buf` may be given up without losing anything.
            let _ = timeout(longest, self.stream.fill_buf()).await;
            self.stream.write_all(b"DONE\r\n").await?;
            self.stream.flush().await?;
        }
        self.answer().await.map(|_| ())
    }

    async fn line(&mut self) -> io::Result<Response> {
        let mut response = Response::default();
        loop {
            let mut bytes = Vec::new();
            let count = (&mut self.stream)
                .take(LINE_BYTES_MAX as u64)
                .read_until(b'\n', &mut bytes)
                .await?;
            if count == 0 || !bytes.ends_with(b"\n") {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\r', '\n']);
            let Some((before, length)) = literal_length(text) else {
                response.text.push_str(text);
                return Ok(response);
            };
            response.text.push_str(before);
            // The server was asked for no more than this; a little is for its own lines.
            if length > MAIL_BYTES_MAX + LINE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut literal = vec![0; length];
            self.stream.read_exact(&mut literal).await?;
            response.literal.get_or_insert(literal);
        }
    }
}

/// The length of the literal that a line announces at its end: `{123}`.
fn literal_length(line: &str) -> Option<(&str, usize)> {
    let (before, number) = line.strip_suffix('}')?.rsplit_once('{')?;
    Some((before, number.trim_end_matches('+').parse().ok()?))
}

fn tls(settings: &ImapSettings) -> io::Result<(TlsConnector, ServerName<'static>)> {
    let name = ServerName::try_from(settings.host.clone()).map_err(io::Error::other)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(load_native_certs().certs);
    if let Some(path) = &settings.ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(io::Error::other)?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(io::Error::other)
}
