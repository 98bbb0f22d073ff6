//! TLS to the relay: verified, never downgraded, with certificates made here.

use crate::harness::fake_smtp::FakeRelay;
use crate::outbox::delivery::Outbox;
use base64::Engine as _;
use paperboy::outbox::smtp::{Connection, Dialer, SmtpFailure, Timeouts};
use paperboy::outbox::{
    ClientCertificate, Login, LoginKind, Security, SmtpSettings, SmtpStage, TlsSettings,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

/// An authority with its files.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { folder, issuer }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for `name`, as NAME.pem and NAME.key.
    pub(crate) fn certifies(&self, name: &str) -> ClientCertificate {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let files = ClientCertificate {
            cert_file: self.path(&format!("{name}.pem")),
            key_file: self.path(&format!("{name}.key")),
        };
        std::fs::write(&files.cert_file, certificate.pem()).unwrap();
        std::fs::write(&files.key_file, key.serialize_pem()).unwrap();
        files
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    /// What serves `name`; with `wants_client`, only to those whom this authority has certified.
    fn acceptor(&self, name: &str, wants_client: bool) -> TlsAcceptor {
        use tokio_rustls::rustls::pki_types::CertificateDer;
        let files = self.certifies(name);
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions();
        let config = config.unwrap();
        let config = if wants_client {
            let roots = Arc::new(self.roots());
            config.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .build()
                    .unwrap(),
            )
        } else {
            config.with_no_client_auth()
        };
        let certificate = CertificateDer::from_pem_file(files.cert_file).unwrap();
        let key = PrivateKeyDer::from_pem_file(files.key_file).unwrap();
        TlsAcceptor::from(Arc::new(
            config.with_single_cert(vec![certificate], key).unwrap(),
        ))
    }
}

/// TLS in front of `relay`; answers its port.
async fn tls_before(relay: &FakeRelay, acceptor: TlsAcceptor, security: Security) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, relay) = (listener.local_addr().unwrap().port(), relay.port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(front(stream, acceptor.clone(), security, relay));
        }
    });
    port
}

async fn front(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    security: Security,
    relay: u16,
) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut inner = TcpStream::connect(("127.0.0.1", relay)).await.ok()?;
    inner.set_nodelay(true).ok()?;
    if security == Security::StartTls {
        stream.write_all(b"220 front.example\r\n").await.ok()?;
        let mut lines = BufReader::new(&mut stream);
        let mut line = String::new();
        lines.read_line(&mut line).await.ok()?;
        lines
            .get_mut()
            .write_all(b"250-front.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
            .await
            .ok()?;
        lines.read_line(&mut line).await.ok()?;
        assert!(
            line.starts_with("EHLO") && line.ends_with("STARTTLS\r\n"),
            "{line}"
        );
        lines.get_mut().write_all(b"220 go ahead\r\n").await.ok()?;
        // The relay's greeting was given already.
        let mut greeting = [0; 256];
        let _ = inner.read(&mut greeting).await.ok()?;
    }
    let mut stream = acceptor.accept(stream).await.ok()?;
    copy_bidirectional(&mut stream, &mut inner).await.ok()?;
    Some(())
}

const BOTH: [Security; 2] = [Security::StartTls, Security::Tls];

pub(crate) fn settings(port: u16, security: Security, authority: &Authority) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port,
        security,
        tls: TlsSettings {
            ca_file: Some(authority.path("ca.pem")),
            client: None,
        },
        hello_name: Some("digest.example.org".to_owned()),
        ..SmtpSettings::default()
    }
}

async fn open(settings: &SmtpSettings) -> Result<Connection, SmtpFailure> {
    Dialer::new(settings, Timeouts::all(Duration::from_secs(20)))?
        .open()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_over_tls_with_a_login() {
    for security in BOTH {
        for mechanism in ["AUTH PLAIN", "AUTH LOGIN"] {
            let authority = Authority::new();
            let mut outbox = Outbox::new().await;
            outbox.relay = FakeRelay::offering(&["PIPELINING", mechanism]).await;
            let port = tls_before(
                &outbox.relay,
                authority.acceptor("localhost", false),
                security,
            )
            .await;
            let login = Login::by_password("digest", "secret".to_owned());
            outbox.settings = SmtpSettings {
                login: Some(login),
                connections: 2,
                ..settings(port, security, &authority)
            };
            let names: Vec<String> = (0..20).map(|at| format!("reader{at}")).collect();
            outbox.queues(&names.iter().map(String::as_str).collect::<Vec<_>>());
            let summary = outbox.delivers().await;
            assert_eq!(
                (summary.accepted, outbox.relay.kept().len()),
                (20, 20),
                "{security:?} {summary:?}"
            );
            assert_eq!(
                outbox.relay.commands(1)[..3],
                ["EHLO", "AUTH", "MAIL"],
                "{security:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_is_read_anew_for_every_login() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let mut outbox = Outbox::new().await;
    outbox.relay = FakeRelay::offering(&["AUTH PLAIN LOGIN XOAUTH2"]).await;
    let port = tls_before(
        &outbox.relay,
        authority.acceptor("localhost", false),
        Security::Tls,
    )
    .await;
    let login = Login {
        kind: LoginKind::Token(Some(file.clone())),
        ..Login::by_password("digest", String::new())
    };
    outbox.settings = SmtpSettings {
        login: Some(login),
        ..settings(port, Security::Tls, &authority)
    };
    for (at, token) in ["first", "second"].into_iter().enumerate() {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        outbox.queues(&[["ada", "ben"][at]]);
        assert_eq!(outbox.delivers().await.accepted, 1);
        // Google's "OAuth 2.0 Mechanism" page has this form.
        let shown = base64::engine::general_purpose::STANDARD
            .encode(format!("user=digest\x01auth=Bearer {token}\x01\x01"));
        assert!(
            outbox
                .relay
                .lines(at + 1)
                .contains(&format!("AUTH XOAUTH2 {shown}")),
            "{token}"
        );
    }
    // Without the file there is no login, and mail waits.
    std::fs::remove_file(&file).unwrap();
    outbox.queues(&["cleo"]);
    let summary = outbox.delivers().await;
    assert!(
        summary.accepted == 0
            && summary
                .relay_trouble
                .is_some_and(|trouble| trouble.contains("access token"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_show_who_it_is_gets_nothing() {
    for security in BOTH {
        let (authority, stranger) = (Authority::new(), Authority::new());
        let relay = FakeRelay::start().await;
        let cases = [
            ("another authority's", stranger.acceptor("localhost", false)),
            (
                "another name's",
                authority.acceptor("elsewhere.example", false),
            ),
        ];
        for (whose, acceptor) in cases {
            let port = tls_before(&relay, acceptor, security).await;
            let failure = open(&settings(port, security, &authority))
                .await
                .unwrap_err();
            assert_eq!(
                (failure.stage, failure.in_step),
                (SmtpStage::StartTls, false),
                "{whose}: {failure}"
            );
            assert!(failure.text.contains("certificate"), "{whose}: {failure}");
        }
        // The system's roots do not know our authority.
        let port = tls_before(&relay, authority.acceptor("localhost", false), security).await;
        let without = SmtpSettings {
            tls: TlsSettings::default(),
            ..settings(port, security, &authority)
        };
        assert_eq!(open(&without).await.unwrap_err().stage, SmtpStage::StartTls);
        // No TLS at all.
        let plain = open(&settings(relay.port(), security, &authority))
            .await
            .unwrap_err();
        assert_eq!(plain.stage, SmtpStage::StartTls, "{plain}");
        for connection in 1..=relay.connections() {
            assert!(
                !relay
                    .commands(connection)
                    .iter()
                    .any(|word| ["AUTH", "MAIL"].contains(&word.as_str()))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_show_who_we_are_if_asked() {
    for security in BOTH {
        let authority = Authority::new();
        let relay = FakeRelay::start().await;
        let port = tls_before(&relay, authority.acceptor("localhost", true), security).await;
        let without = settings(port, security, &authority);
        assert!(open(&without).await.is_err(), "{security:?}");
        let client = Some(authority.certifies("digest.example.org"));
        let with = SmtpSettings {
            tls: TlsSettings {
                client,
                ..without.tls.clone()
            },
            ..without
        };
        open(&with).await.unwrap();
    }
}

#[tokio::test]
async fn files_without_certificates_are_named() {
    let authority = Authority::new();
    let mut wrong = settings(1, Security::Tls, &authority);
    std::fs::write(authority.path("empty.pem"), "nothing").unwrap();
    for name in ["empty.pem", "missing.pem"] {
        wrong.tls.ca_file = Some(authority.path(name));
        let failure = open(&wrong).await.unwrap_err();
        assert!(failure.text.contains(name), "{failure}");
    }
}
