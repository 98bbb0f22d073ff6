//! Reads a server's replies line by line and repairs them for lettre.

use super::failure::SmtpFailure;
use super::transcript::Transcript;
use crate::failpoint;
use crate::outbox::reply::Reply;
use crate::outbox::stage::SmtpStage;
use lettre::transport::smtp::client::AsyncTokioStream;
use std::fmt::Debug;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};

/// The longest line and reply that are kept; RFC 5321 section 4.5.3.1.5 allows 512 octets a line.
const LINE_BYTES_MAX: usize = 900;
const LINES_MAX: usize = 50;
/// The longest reply that is skipped before the connection is given up.
const PASSED_BYTES_MAX: usize = 1 << 20;

/// The sides of a connection that carries SMTP.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug> Wire for T {}

/// Gives its reader one whole, repaired line for each read.
///
/// lettre takes a bare `250`, a line that ends in LF alone, a byte that is not
/// UTF-8 or a long line for a broken connection; after the dot that would make
/// an accepted message uncertain, and send it twice. So lines are repaired first:
/// bytes that are not UTF-8 are replaced, long lines and replies cut, line ends
/// completed. A line without a code stays as it is, and is refused above.
#[derive(Debug)]
pub(super) struct ReplyReader<S> {
    inner: BufReader<S>,
    peer: SocketAddr,
    state: ConnectionState,
    hello: Hello,
    /// The line that is being read.
    raw: Vec<u8>,
    /// The line that is being given.
    line: Vec<u8>,
    given: usize,
    /// Of the current reply.
    read: usize,
    passed: usize,
}

/// The state of a connection, shared by its reader and its user.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionState(Arc<ConnectionFlags>);

#[derive(Debug, Default)]
struct ConnectionFlags {
    spoke: AtomicBool,
    pipelining: AtomicBool,
    has_more: AtomicBool,
    /// Whether the reply to the greeting command is being read.
    is_hello: AtomicBool,
    greeted: AtomicBool,
    /// The extensions that the server offers, in upper case.
    offers: Mutex<Vec<String>>,
    transcript: Option<Transcript>,
}

impl ConnectionState {
    /// The state of a new connection, recorded in `transcript` if there is one.
    pub(super) fn written_in(transcript: Option<Transcript>) -> Self {
        ConnectionState(Arc::new(ConnectionFlags {
            transcript,
            ..ConnectionFlags::default()
        }))
    }

    /// Whether we have said anything yet: until then it is the server's turn to greet.
    pub(super) fn us(&self) -> bool {
        self.0.spoke.load(Ordering::Relaxed)
    }

    /// Whether more has come than the last reply that was read.
    pub(super) fn more(&self) -> bool {
        self.0.has_more.load(Ordering::Relaxed)
    }

    /// The extensions that the server offers, as an error says them.
    pub(super) fn offers(&self) -> String {
        let offers = self.0.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if offers.is_empty() {
            return "the server offers no extensions".to_owned();
        }
        format!("the server offers {}", offers.join(", "))
    }

    /// Whether the server has offered PIPELINING (RFC 2920); lettre does not keep what it does not
    /// use.
    pub(super) fn pipelining(&self) -> bool {
        self.0.pipelining.load(Ordering::Relaxed)
    }
}

/// The command that a client greets with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hello {
    Ehlo,
    /// For servers without extensions (RFC 5321 section 3.2).
    Helo,
    /// For mail stores (RFC 2033 section 4.1).
    Lhlo,
}

impl<S: Wire> ReplyReader<S> {
    pub(super) fn new(stream: S, peer: SocketAddr, state: ConnectionState, hello: Hello) -> Self {
        ReplyReader {
            inner: BufReader::new(stream),
            peer,
            state,
            hello,
            raw: Vec::new(),
            line: Vec::new(),
            given: 0,
            read: 0,
            passed: 0,
        }
    }

    /// The same, after a greeting that was read before the stream was encrypted: lettre waits for
    /// one.
    pub(super) fn greeted(self) -> Self {
        ReplyReader {
            line: b"220 \r\n".to_vec(),
            ..self
        }
    }

    /// Says `command` and reads the reply: for what comes before TLS.
    pub(super) async fn ask(
        &mut self,
        stage: SmtpStage,
        command: &str,
    ) -> Result<(Reply, Vec<String>), SmtpFailure> {
        let broken = |error: io::Error| SmtpFailure::broken(stage, error.to_string());
        self.write_all(command.as_bytes()).await.map_err(broken)?;
        self.flush().await.map_err(broken)?;
        let mut lines = Vec::new();
        loop {
            if !poll_fn(|cx| self.poll_line(cx)).await.map_err(broken)? {
                return Err(SmtpFailure::broken(
                    stage,
                    "the server closed the connection",
                ));
            }
            let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
            self.line.clear();
            let code = code_of(line.as_bytes())
                .ok_or_else(|| SmtpFailure::broken(stage, format!("no reply: {line}")))?;
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if is_last {
                let reply = Reply::new(code, &lines.join(" "));
                return if code / 100 == 2 {
                    Ok((reply, lines))
                } else {
                    Err(SmtpFailure::refused(stage, reply))
                };
            }
        }
    }

    /// The stream, and whether more was read from it than was asked for.
    pub(super) fn into_inner(self) -> (S, bool) {
        let has_more = !self.inner.buffer().is_empty() || !self.raw.is_empty();
        (self.inner.into_inner(), has_more)
    }

    /// Reads the next line that is kept into `line`; `false` at the end.
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let available = ready!(Pin::new(&mut self.inner).poll_fill_buf(cx))?;
            if available.is_empty() {
                // A line without its end may be cut: it says nothing for certain.
                return Poll::Ready(Ok(false));
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(available.len(), |at| at + 1);
            let kept = taken.min((LINE_BYTES_MAX + 2).saturating_sub(self.raw.len()));
            self.raw.extend_from_slice(&available[..kept]);
            self.passed += taken;
            Pin::new(&mut self.inner).consume(taken);
            if self.passed > PASSED_BYTES_MAX {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the reply has no end",
                )));
            }
            if end.is_none() {
                continue;
            }
            self.state
                .0
                .has_more
                .store(!self.inner.buffer().is_empty(), Ordering::Relaxed);
            let raw = std::mem::take(&mut self.raw);
            let is_last = code_of(&raw).is_none() || raw.get(3) != Some(&b'-');
            self.read += 1;
            let is_kept = is_last || self.read <= LINES_MAX;
            if is_last {
                (self.read, self.passed) = (0, 0);
            }
            if is_kept {
                self.line = mended(&raw);
                self.given = 0;
                if let Some(transcript) = &self.state.0.transcript {
                    transcript.server(&String::from_utf8_lossy(&self.line));
                }
                if self.state.0.is_hello.load(Ordering::Relaxed) && self.line.starts_with(b"250") {
                    self.note_offer();
                }
                return Poll::Ready(Ok(true));
            }
        }
    }
}

impl<S> ReplyReader<S> {
    /// Notes an extension, and writes it as lettre knows it: keywords are compared without case
    /// (RFC 5321 section 2.4), and old servers write `AUTH=PLAIN`.
    fn note_offer(&mut self) {
        self.line.make_ascii_uppercase();
        if self.line.get(4..9) == Some(b"AUTH=") {
            self.line[8] = b' ';
        }
        let offer = String::from_utf8_lossy(&self.line[4..]).trim().to_owned();
        if offer == "PIPELINING" {
            self.state.0.pipelining.store(true, Ordering::Relaxed);
        }
        // The first line is the server's name.
        let is_first = !self.state.0.greeted.swap(true, Ordering::Relaxed);
        if !is_first {
            let mut offers = self
                .state
                .0
                .offers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            offers.push(offer);
        }
    }
}

/// The three digits at the start, if nothing but a separator follows them.
fn code_of(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3)?;
    let ends = line.get(3).is_none_or(|byte| b"- \t\r\n".contains(byte));
    if !ends || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn mended(raw: &[u8]) -> Vec<u8> {
    let text = raw.strip_suffix(b"\n").unwrap_or(raw);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let text = &text[..text.len().min(LINE_BYTES_MAX)];
    // A line end in the middle of a line is none to us, and must be none to lettre.
    let mut line = String::from_utf8_lossy(text)
        .replace('\r', " ")
        .into_bytes();
    if code_of(&line).is_some() {
        match line.get(3) {
            None => line.push(b' '),
            Some(b'-') => {}
            Some(_) => line[3] = b' ',
        }
    }
    line.extend_from_slice(b"\r\n");
    line
}

impl<S: Wire> AsyncRead for ReplyReader<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given == self.line.len() && !ready!(self.poll_line(cx))? {
            return Poll::Ready(Ok(()));
        }
        let taken = (self.line.len() - self.given).min(buf.remaining());
        buf.put_slice(&self.line[self.given..self.given + taken]);
        self.given += taken;
        Poll::Ready(Ok(()))
    }
}

impl<S: Wire> AsyncWrite for ReplyReader<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state.0.spoke.store(true, Ordering::Relaxed);
        failpoint::pass();
        let bytes =
            &bytes[..failpoint::write_bytes_max().map_or(bytes.len(), |max| max.min(bytes.len()))];
        // lettre greets with EHLO alone.
        let name = bytes.strip_prefix(b"EHLO ");
        self.state
            .0
            .is_hello
            .store(name.is_some(), Ordering::Relaxed);
        let translated = match (name, self.hello) {
            (Some(name), Hello::Lhlo) => Some([b"LHLO ", name].concat()),
            (Some(name), Hello::Helo) => Some([b"HELO ", name].concat()),
            _ => None,
        };
        let bytes = translated.as_deref().unwrap_or(bytes);
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes));
        failpoint::pass();
        if let (Some(transcript), Ok(written)) = (&self.state.0.transcript, &written) {
            transcript.client(&bytes[..*written]);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: Wire> AsyncTokioStream for ReplyReader<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn read(said: &[u8]) -> io::Result<String> {
        let (mut server, client) = tokio::io::duplex(64);
        let peer = SocketAddr::from(([127, 0, 0, 1], 25));
        let said = said.to_vec();
        tokio::spawn(async move { server.write_all(&said).await });
        let mut text = String::new();
        ReplyReader::new(client, peer, ConnectionState::default(), Hello::Ehlo)
            .read_to_string(&mut text)
            .await?;
        Ok(text)
    }

    #[tokio::test]
    async fn replies_are_mended() {
        for (said, given) in [
            (&b"250 ok\r\n"[..], "250 ok\r\n"),
            (b"250\r\n", "250 \r\n"),
            (b"250\n", "250 \r\n"),
            (b"250-a\n250\tb\n", "250-a\r\n250 b\r\n"),
            (
                b"250 angenommen f\xfcr Ada\r\n",
                "250 angenommen f\u{fffd}r Ada\r\n",
            ),
            (b"250 a\rb\r\n", "250 a b\r\n"),
            (b"hello?\r\n2500 ok\r\n", "hello?\r\n2500 ok\r\n"),
            (b"250 cut", ""),
        ] {
            assert_eq!(read(said).await.unwrap(), given);
        }
        let long = format!("250 {}\r\n", "x".repeat(9000));
        assert_eq!(
            read(long.as_bytes()).await.unwrap().len(),
            LINE_BYTES_MAX + 2
        );
        let huge = format!("{}250 end\r\n", "250-line\r\n".repeat(1000));
        assert_eq!(
            read(huge.as_bytes()).await.unwrap(),
            format!("{}250 end\r\n", "250-line\r\n".repeat(LINES_MAX))
        );
        assert!(
            read("250-line\r\n".repeat(1 << 18).as_bytes())
                .await
                .is_err()
        );
        assert!(read("x".repeat(2 << 20).as_bytes()).await.is_err());
    }
}
