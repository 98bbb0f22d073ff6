//! Serves: connections to the pages, plain or TLS, with a time for everything.
//!
//! A visitor who sends nothing, or a byte a minute, or does not read what they asked
//! for, must not keep a connection: there is a limit for the handshake, for the head
//! of each request, for its body, for making the answer and for taking it. And no
//! network has all connections.
//!
//! Certificate and key are read again every minute, so that a renewed one is
//! shown without a restart.

use crate::web::serving::visitor::Visitor;
use crate::web::settings::TlsFiles;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
use axum::middleware;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, crypto};
use tokio_util::sync::CancellationToken;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

/// A handshake, or the head of a request.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// Between two pieces of a request's body.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// From the head of a request to the answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How often certificate and key are looked at.
const RENEWAL: Duration = Duration::from_mins(1);

/// While nothing of an answer is taken.
const TAKING_LIMIT: Duration = Duration::from_secs(20);

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;

/// Connections of one network at a time; more are closed at once.
const CONNECTIONS_EACH: usize = 512;

/// Why the pages cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate.
    #[error("web.tls_cert_file: {path}: {why}")]
    Certificate {
        /// Its file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The key, or that the two do not belong together.
    #[error("web.tls_key_file: {path}: {why}")]
    Key {
        /// Its file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

/// Speaks TLS, with the certificate that its files hold now.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

/// The certificate that is shown to visitors.
#[derive(Debug)]
struct Shown {
    files: TlsFiles,
    certified: RwLock<Arc<CertifiedKey>>,
    /// What was wrong with the files when they were last read.
    trouble: Mutex<Option<String>>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self
                .certified
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl Tls {
    /// Reads certificate and key.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let certified = RwLock::new(Arc::new(certified(files)?));
        let shown = Arc::new(Shown {
            files: files.clone(),
            certified,
            trouble: Mutex::default(),
        });
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| TlsError::Key {
                    path: shown_path(&files.key_file),
                    why: error.to_string(),
                })?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            shown,
        })
    }

    /// Reads both files again; true if another certificate is shown from now on.
    /// If they cannot be read or do not fit together, say because only one of
    /// them is written yet, the one of before stays, and that is logged once.
    pub fn renew(&self) -> bool {
        let mut trouble = self
            .shown
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let read = match certified(&self.shown.files) {
            Ok(read) => read,
            Err(error) => {
                let said = error.to_string();
                if trouble.as_ref() != Some(&said) {
                    tracing::warn!(
                        "the certificate cannot be renewed, the one of before is shown: {said}"
                    );
                }
                *trouble = Some(said);
                return false;
            }
        };
        *trouble = None;
        let mut certified = self
            .shown
            .certified
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if certified.cert == read.cert {
            return false;
        }
        *certified = Arc::new(read);
        tracing::info!("a renewed certificate is shown from now on");
        true
    }
}

/// Certificate and key, of which is known that they belong together.
fn certified(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let bad_certificate = |why: String| TlsError::Certificate {
        path: shown_path(&files.cert_file),
        why,
    };
    let bad_key = |why: String| TlsError::Key {
        path: shown_path(&files.key_file),
        why,
    };
    let read = CertificateDer::pem_file_iter(&files.cert_file)
        .and_then(Iterator::collect::<Result<Vec<CertificateDer>, _>>);
    let certificates = read.map_err(|error| bad_certificate(error.to_string()))?;
    if certificates.is_empty() {
        return Err(bad_certificate("holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key_file)
        .map_err(|error| bad_key(error.to_string()))?;
    CertifiedKey::from_der(certificates, key, &crypto::ring::default_provider())
        .map_err(|error| bad_key(error.to_string()))
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}

/// How many connections each network has. Our own proxies have as many as they like.
struct Networks {
    trusted: Vec<IpAddr>,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

impl Networks {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`; none if its network has enough.
    fn admit(self: &Arc<Self>, peer: SocketAddr) -> Option<Admitted> {
        let address = peer.ip().to_canonical();
        let counted = (!self.trusted.contains(&address)).then(|| Visitor { address }.network());
        if let Some(network) = counted {
            let mut counts = self.counts();
            let count = counts.entry(network).or_default();
            if *count >= CONNECTIONS_EACH {
                return None;
            }
            *count += 1;
        }
        Some(Admitted {
            networks: Arc::clone(self),
            counted,
        })
    }
}

/// Gives its place back.
struct Admitted {
    networks: Arc<Networks>,
    counted: Option<IpAddr>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let Some(network) = self.counted else { return };
        let mut counts = self.networks.counts();
        if let Entry::Occupied(mut count) = counts.entry(network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// Serves `pages` until `stop` is cancelled and the answers under way are given.
/// `trusted` are the addresses of proxies of ours.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    pages: Router,
    trusted: &[IpAddr],
    stop: CancellationToken,
) {
    let pages = pages
        .layer(RequestBodyTimeoutLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            ANSWER_LIMIT,
        ))
        .layer(middleware::map_response(guarded));
    let mut renewal = interval(RENEWAL);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let networks = Arc::new(Networks {
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
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let Some(admitted) = networks.admit(peer) else {
            continue;
        };
        let (tls, pages, watcher) = (tls.clone(), pages.clone(), graceful.watcher());
        tokio::spawn(async move {
            match tls {
                None => converse(stream, peer, pages, watcher).await,
                Some(tls) => {
                    // Scanners and old clients fail here all day long: nothing to report.
                    if let Ok(Ok(stream)) = timeout(HEAD_LIMIT, tls.acceptor.accept(stream)).await {
                        converse(stream, peer, pages, watcher).await;
                    }
                }
            }
            drop((admitted, place));
        });
    }
    graceful.shutdown().await;
}

/// What must not lack from any answer, whoever gave it.
async fn guarded(mut response: Response) -> Response {
    let least = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in least {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

type Accepted = (
    tokio::net::TcpStream,
    SocketAddr,
    tokio::sync::OwnedSemaphorePermit,
);

/// The next connection, once there is room for one.
async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small: each goes out at once.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            // Out of file handles, most likely: some come back when connections end.
            tracing::warn!("the pages cannot take a connection: {error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            None
        }
    }
}

async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    pages: Router,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKING_LIMIT));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut pages = pages.clone();
        // A router is always ready.
        async move { tower_service::Service::call(&mut pages, request).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    // A visitor who goes away in the middle is no event.
    let _ = watcher.watch(connection).await;
}
