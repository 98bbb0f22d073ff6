//! Serves connections, plain or TLS, with a timeout for every step.
//!
//! A visitor who sends nothing, or a byte a minute, or does not read the response, must
//! not keep a connection: handshake, request head, request body, response and its
//! reception have timeouts. No network can take all connections.

use super::tls::{RENEWAL_INTERVAL, Tls};
use super::visitor::Visitor;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
use axum::middleware;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

/// For a TLS handshake, or the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two parts of a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// From the head of a request to the response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// While the visitor reads nothing of a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// Concurrent connections; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;

/// Concurrent connections of one network; further ones are closed at once.
const CONNECTIONS_PER_NETWORK: usize = 512;

/// Counts the connections of each network. Trusted proxies have no limit.
struct ConnectionCounts {
    trusted: Vec<IpAddr>,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

impl ConnectionCounts {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection from `peer`; `None` if its network has too many.
    fn count(self: &Arc<Self>, peer: SocketAddr) -> Option<CountedConnection> {
        let address = peer.ip().to_canonical();
        let network = (!self.trusted.contains(&address)).then(|| Visitor { address }.network());
        if let Some(network) = network {
            let mut counts = self.counts();
            let count = counts.entry(network).or_default();
            if *count >= CONNECTIONS_PER_NETWORK {
                return None;
            }
            *count += 1;
        }
        Some(CountedConnection {
            counts: Arc::clone(self),
            network,
        })
    }
}

/// A counted connection, which is no longer counted when this is dropped.
struct CountedConnection {
    counts: Arc<ConnectionCounts>,
    network: Option<IpAddr>,
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut counts = self.counts.counts();
        if let Entry::Occupied(mut count) = counts.entry(network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Serves `pages` until `stop` is cancelled, and then finishes the responses under way.
/// `trusted` holds the addresses of our own proxies.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    pages: Router,
    trusted: &[IpAddr],
    stop: CancellationToken,
) {
    let pages = pages
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            RESPONSE_TIMEOUT,
        ))
        .layer(middleware::map_response(with_security_headers));
    let mut renewal = interval(RENEWAL_INTERVAL);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let counts = Arc::new(ConnectionCounts {
        trusted: trusted.to_vec(),
        counts: Mutex::default(),
    });
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            _ = renewal.tick(), if tls.is_some() => {
                tls.as_ref().map(Tls::renew);
                continue;
            }
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else {
            continue;
        };
        let Some(counted) = counts.count(peer) else {
            continue;
        };
        let (tls, pages, watcher) = (tls.clone(), pages.clone(), graceful.watcher());
        tokio::spawn(async move {
            match tls {
                None => serve_connection(stream, peer, pages, watcher).await,
                Some(tls) => {
                    // Scanners and old clients fail here all the time: not worth a log line.
                    if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.acceptor.accept(stream)).await
                    {
                        serve_connection(stream, peer, pages, watcher).await;
                    }
                }
            }
            drop((counted, permit));
        });
    }
    graceful.shutdown().await;
}

/// Adds the headers that no response may lack, also of pages outside of [`crate::web`].
async fn with_security_headers(mut response: Response) -> Response {
    let required = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in required {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

/// Accepts a connection, as soon as fewer than [`CONNECTIONS_MAX`] are open.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Responses are small: send each at once.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, permit))
        }
        Err(error) => {
            // Most likely out of file handles; some become free when connections end.
            tracing::warn!(%error, "connection to the web pages not accepted");
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        }
    }
}

/// Serves the requests of one connection.
async fn serve_connection<S>(stream: S, peer: SocketAddr, pages: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut pages = pages.clone();
        // A router is always ready.
        async move { tower_service::Service::call(&mut pages, request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    // A connection that is closed early is not worth a log line.
    let _ = watcher.watch(connection).await;
}
