//! TLS to a relay: certificate and name verified, against the system's roots
//! and those that the operator adds.
//!
//! Our own and not lettre's, so that [`ReplyReader`](super::reply_reader::ReplyReader) can mend
//! what the server says inside it.

use super::failure::SmtpFailure;
use crate::outbox::settings::TlsSettings;
use crate::outbox::stage::SmtpStage;
use rustls_native_certs::load_native_certs;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Reads the certificates.
    pub(super) fn new(host: &str, settings: &TlsSettings) -> Result<Self, SmtpFailure> {
        let broken = |text: String| SmtpFailure::broken(SmtpStage::StartTls, text);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| broken(format!("{host}: {error}")))?;
        let system = load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system.certs);
        if let Some(path) = &settings.ca_file {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| broken(format!("ca_file {}: {error}", path.display())))?;
            }
        }
        if roots.is_empty() {
            let why = system
                .errors
                .first()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            return Err(broken(format!("no root certificates on this machine{why}")));
        }
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| broken(error.to_string()))?
                .with_root_certificates(roots);
        let config = match &settings.client {
            None => config.with_no_client_auth(),
            Some(client) => {
                let key = PrivateKeyDer::from_pem_file(&client.key_file).map_err(|error| {
                    broken(format!(
                        "client_key_file {}: {error}",
                        client.key_file.display()
                    ))
                })?;
                config
                    .with_client_auth_cert(certificates(&client.cert_file)?, key)
                    .map_err(|error| {
                        broken(format!(
                            "client_cert_file {}: {error}",
                            client.cert_file.display()
                        ))
                    })?
            }
        };
        Ok(Tls {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    /// Shakes hands over `stream`.
    pub(super) async fn wrap(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, SmtpFailure> {
        let wrapped = self.connector.connect(self.name.clone(), stream).await;
        wrapped.map_err(|error| SmtpFailure::broken(SmtpStage::StartTls, error.to_string()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SmtpFailure> {
    let broken = |text: String| {
        SmtpFailure::broken(SmtpStage::StartTls, format!("{}: {text}", path.display()))
    };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| broken(error.to_string()))?;
    if found.is_empty() {
        Err(broken("holds no certificate".to_owned()))
    } else {
        Ok(found)
    }
}
