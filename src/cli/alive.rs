//! `alive`: health check of the service, for supervisors that restart it.

use super::context::CliContext;
use super::{Done, out};
use crate::config::Config;
use crate::http::tls;
use anyhow::{Context, anyhow};
use axum::http::Uri;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Longest time that a healthy service takes to answer.
const WAIT: Duration = Duration::from_secs(5);

pub(super) fn run(context: &CliContext) -> Done {
    let config = context.config()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let said = runtime.block_on(ask(&config))?;
    Ok(out::line(said)?)
}

async fn ask(config: &Config) -> anyhow::Result<String> {
    let at = from_here(config.web.listen);
    // The certificate is valid for the public name, whatever that resolves to.
    let site = config.site.base_url.parse::<Uri>().ok();
    let name = site.as_ref().and_then(Uri::host).unwrap_or("localhost");
    let address = match config.web.tls {
        Some(_) => format!("https://{name}:{}/healthz", at.port()),
        None => format!("http://{at}/healthz"),
    };
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(WAIT)
        .tls_backend_preconfigured(tls()?)
        .resolve(name, at)
        .build()
        .context("cannot ask")?;
    let failed = || format!("the service does not answer at {at}");
    let answer = client
        .get(address)
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(failed)?;
    let status = answer.status();
    let text = answer
        .text()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(failed)?;
    let text = text.trim().to_owned();
    if status.is_success() {
        Ok(text)
    } else {
        Err(anyhow!(
            "the service at {at} is not well ({status}): {text}"
        ))
    }
}

/// Returns the local address of a listening socket.
fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
