//! Asks other machines about our clock and our certificate.

use super::certificate;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Time limit of one question.
pub const WAIT: Duration = Duration::from_secs(10);

/// The time on the web server `witness`.
pub async fn their_time(witness: &str) -> Result<DateTime<Utc>, String> {
    let client = crate::http::one_time_client().map_err(|error| causes(&error))?;
    let answer = client
        .head(witness)
        .timeout(WAIT)
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok())
        .unwrap_or_default();
    let read =
        DateTime::parse_from_rfc2822(date).map_err(|_| "its answer has no date".to_owned())?;
    Ok(read.to_utc())
}

/// The end of the certificate that the server at `base_url` shows; `None` without HTTPS.
pub async fn site_certificate(base_url: &str) -> Option<Result<DateTime<Utc>, String>> {
    let rest = base_url.strip_prefix("https://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, port.parse().unwrap_or(443))
        }
        _ => (authority, 443),
    };
    let asked = tokio::time::timeout(WAIT, end_at(host.trim_matches(['[', ']']), port)).await;
    Some(asked.unwrap_or_else(|_| Err(format!("no answer within {} seconds", WAIT.as_secs()))))
}

async fn end_at(host: &str, port: u16) -> Result<DateTime<Utc>, String> {
    let name = rustls::pki_types::ServerName::try_from(host.to_owned())
        .map_err(|error| error.to_string())?;
    let config = crate::http::tls().map_err(|error| error.to_string())?;
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let stream = connected.map_err(|error| error.to_string())?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let own = chain.first().ok_or("it showed no certificate")?;
    certificate::ends(own).ok_or_else(|| "its certificate cannot be read".to_owned())
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
