//! A TCP stream that is read one line at a time.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;

/// Gives its reader at most one line for each read.
///
/// lettre keeps what it has read beyond a reply, also across STARTTLS: text that
/// somebody slips in after the server's "go ahead" would pass for encrypted
/// (CVE-2011-0411). With one line a read there is never anything beyond; what
/// was slipped in reaches the TLS layer instead, which refuses it.
#[derive(Debug)]
pub(super) struct LineByLine {
    inner: BufReader<TcpStream>,
    spoke: Spoke,
}

/// Whether we have said anything yet: until then it is the server's turn to greet.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoke(Arc<AtomicBool>);

impl Spoke {
    pub(super) fn has(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl LineByLine {
    pub(super) fn new(stream: TcpStream, spoke: Spoke) -> Self {
        LineByLine { inner: BufReader::new(stream), spoke }
    }
}

impl AsyncRead for LineByLine {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let inner = Pin::new(&mut self.inner);
        let available = ready!(inner.poll_fill_buf(cx))?;
        let line = available.iter().position(|&byte| byte == b'\n').map_or(available.len(), |at| at + 1);
        let taken = line.min(buf.remaining());
        buf.put_slice(&available[..taken]);
        Pin::new(&mut self.inner).consume(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineByLine {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.spoke.0.store(true, Ordering::Relaxed);
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for LineByLine {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.get_ref().peer_addr()
    }
}
