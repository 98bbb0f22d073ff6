//! TLS with a certificate that is read again every minute, so that a renewed one is used
//! without a restart.

use crate::web::settings::TlsFiles;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ServerConfig, crypto};

/// Time between two looks at certificate and key.
pub(super) const RENEWAL_INTERVAL: Duration = Duration::from_mins(1);

/// Why the pages cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate cannot be used.
    #[error("web.tls_cert_file: {path}: {why}")]
    Certificate {
        /// Its file.
        path: String,
        /// The error.
        why: String,
    },
    /// The key cannot be used, or belongs to another certificate.
    #[error("web.tls_key_file: {path}: {why}")]
    Key {
        /// Its file.
        path: String,
        /// The error.
        why: String,
    },
}

/// Accepts TLS connections with the current certificate.
#[derive(Clone)]
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    certificate: Arc<CurrentCertificate>,
}

/// The certificate in use.
#[derive(Debug)]
struct CurrentCertificate {
    files: TlsFiles,
    certified: RwLock<Arc<CertifiedKey>>,
    /// The error of the last reading, which is logged once.
    error: Mutex<Option<String>>,
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certified = self.certified.read();
        Some(Arc::clone(
            &certified.unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl Tls {
    /// Reads certificate and key.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let certificate = Arc::new(CurrentCertificate {
            files: files.clone(),
            certified: RwLock::new(Arc::new(certified(files)?)),
            error: Mutex::default(),
        });
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| TlsError::Key {
                    path: shown(&files.key_file),
                    why: error.to_string(),
                })?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }

    /// Reads both files again; true if the certificate has changed. If they cannot be read
    /// or do not belong together, for example because only one of them is written yet, the
    /// previous certificate stays in use, and that is logged once.
    pub fn renew(&self) -> bool {
        let CurrentCertificate {
            files,
            certified: current,
            error: last_error,
        } = &*self.certificate;
        let mut last_error = last_error.lock().unwrap_or_else(PoisonError::into_inner);
        let read = match certified(files) {
            Ok(read) => read,
            Err(error) => {
                let error = error.to_string();
                if last_error.as_ref() != Some(&error) {
                    tracing::warn!(%error, "certificate not renewed, the previous one is used");
                }
                *last_error = Some(error);
                return false;
            }
        };
        *last_error = None;
        let mut current = current.write().unwrap_or_else(PoisonError::into_inner);
        if current.cert == read.cert {
            return false;
        }
        *current = Arc::new(read);
        tracing::info!("certificate renewed");
        true
    }
}

/// Reads certificate and key, and checks that they belong together.
fn certified(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let bad_certificate = |why: String| TlsError::Certificate {
        path: shown(&files.cert_file),
        why,
    };
    let bad_key = |why: String| TlsError::Key {
        path: shown(&files.key_file),
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

fn shown(path: &Path) -> String {
    path.display().to_string()
}
