//! Checks a sample mail: its signature, its unsubscribe link, and its delivery.

use super::{CheckLine, Level, line, with_causes};
use crate::clock::Clock;
use crate::config::Config;
use crate::digest::{Branding, DkimSigner, Templates, sample_message};
use crate::http::one_time_client;
use crate::links::Links;
use crate::outbox::Transport;
use crate::outbox::smtp::{Dialer, Timeouts};
use crate::subscriber::{Address, SubscriberId};
use crate::token::Scope;
use std::time::Duration;

/// No subscriber has this id, so unsubscribing by its link changes nothing.
const NOBODY: SubscriberId = SubscriberId(i64::MAX);

/// Time limit of the pages.
const WAIT: Duration = Duration::from_secs(15);

/// Headers that the signature must cover for one-click unsubscription (RFC 8058 section 4).
const MUST_BE_SIGNED: [&str; 2] = ["list-unsubscribe", "list-unsubscribe-post"];

fn leaving_url(config: &Config) -> String {
    Links {
        site: &config.site,
        signer: &config.site.signer(),
    }
    .unsubscribe(NOBODY)
}

/// The sample issue as it would be sent to `to`.
pub(super) fn sample(
    config: &Config,
    templates: &Templates,
    signer: Option<&DkimSigner>,
    to: &Address,
    clock: &dyn Clock,
) -> Result<Vec<u8>, String> {
    let token = config.site.signer().sign(Scope::Unsubscribe, NOBODY.0);
    let leaving = (
        leaving_url(config),
        config.inbound.addresses.unsubscribe_mailto(&token),
    );
    let branding = Branding::new(&config.site, &config.digest);
    let message = sample_message(templates, &config.site, &branding, to, leaving, clock.now())
        .map_err(with_causes)?;
    Ok(match signer {
        Some(signer) => signer.signed(&message),
        None => message,
    })
}

/// Checks that both unsubscribe headers are present and covered by every signature.
pub(super) fn headers(message: &[u8], is_signed: bool) -> CheckLine {
    let text = String::from_utf8_lossy(message);
    let head = text
        .split("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .replace("\r\n\t", " ")
        .replace("\r\n ", " ");
    let lines: Vec<(String, &str)> = head
        .split("\r\n")
        .filter_map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.to_lowercase(), value))
        })
        .collect();
    for name in MUST_BE_SIGNED {
        if !lines.iter().any(|(known, _)| known == name) {
            return line(
                "one-click",
                Level::Fail,
                format!("a mail has no {name} header"),
            );
        }
    }
    if !is_signed {
        let text = "mails are not signed here: the relay must sign them, with List-Unsubscribe and \
                    List-Unsubscribe-Post, or providers offer no one-click unsubscription; fill in [dkim] to be sure";
        return line("dkim", Level::Warn, text.to_owned());
    }
    for (_, signature) in lines.iter().filter(|(name, _)| name == "dkim-signature") {
        let covered = signature
            .split(';')
            .find_map(|tag| tag.trim().strip_prefix("h="))
            .unwrap_or_default();
        let covered: Vec<String> = covered
            .split(':')
            .map(|name| name.trim().to_lowercase())
            .collect();
        if let Some(missing) = MUST_BE_SIGNED
            .iter()
            .find(|name| !covered.iter().any(|known| known == *name))
        {
            return line(
                "dkim",
                Level::Fail,
                format!("the signature of a mail does not cover {missing}"),
            );
        }
    }
    line(
        "dkim",
        Level::Ok,
        "signatures cover both unsubscribe headers".to_owned(),
    )
}

/// Checks that the link of a mail unsubscribes with one POST (RFC 8058).
pub(super) async fn one_click(config: &Config) -> CheckLine {
    let url = leaving_url(config);
    let site = &config.site.base_url;
    let client = match one_time_client() {
        Ok(client) => client,
        Err(error) => return line("one-click", Level::Fail, with_causes(error)),
    };
    let request = client
        .post(&url)
        .timeout(WAIT)
        .header("content-type", "application/x-www-form-urlencoded");
    match request.body("List-Unsubscribe=One-Click").send().await {
        Ok(answer) if answer.status() == 200 => line(
            "one-click",
            Level::Ok,
            format!("{site} unsubscribes with one POST"),
        ),
        Ok(answer) if answer.status().is_redirection() => {
            let to = answer
                .headers()
                .get("location")
                .and_then(|to| to.to_str().ok())
                .unwrap_or("nowhere");
            let to = to.split('?').next().unwrap_or_default();
            let text = format!(
                "{site} answers a POST with a redirect to {to}, which mail programs do not follow (RFC 8058): set \
                 site.base_url to where the pages really are"
            );
            line("one-click", Level::Fail, text)
        }
        Ok(answer) => {
            let text = format!(
                "{site}/unsubscribe answers a POST with {}: the proxy must pass every request on to web.listen, and \
                 site.secret must be the one that the service runs with",
                answer.status()
            );
            line("one-click", Level::Fail, text)
        }
        Err(error) => {
            let why = with_causes(error.without_url());
            let runs = tokio::net::TcpStream::connect(config.web.listen)
                .await
                .is_ok();
            if runs {
                let text = format!(
                    "{site} cannot be reached ({why}), though something answers at {}: look at DNS, the certificate \
                     and the proxy",
                    config.web.listen
                );
                line("one-click", Level::Fail, text)
            } else {
                let text = format!(
                    "{site} cannot be reached ({why}): the service does not run; check again when it does"
                );
                line("one-click", Level::Warn, text)
            }
        }
    }
}

/// Sends the sample to `to`.
pub(super) async fn send(config: &Config, message: &[u8], to: &Address) -> CheckLine {
    match hand_over(config, message, to).await {
        Ok(text) => line("send", Level::Ok, text),
        Err(text) => line("send", Level::Fail, text),
    }
}

async fn hand_over(config: &Config, message: &[u8], to: &Address) -> Result<String, String> {
    let smtp = match &config.transport {
        Transport::Maildir(_) => {
            return Err("there is no [smtp], so nothing can be sent; fill it in".to_owned());
        }
        Transport::Smtp(smtp) => smtp,
    };
    let from = config
        .inbound
        .addresses
        .bounce
        .as_ref()
        .map_or(config.site.from.email.clone(), Into::into);
    let dialer = Dialer::new(smtp, Timeouts::default()).map_err(|failure| failure.to_string())?;
    let mut connection = dialer.open().await.map_err(|failure| failure.to_string())?;
    let done = match connection.offer(&from, &to.into()).await {
        Ok(()) => connection.hand_over(message).await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(reply) => {
            connection.quit().await;
            Ok(format!(
                "{}:{} took a sample for {to} ({}); look whether it is in the inbox or among the junk, and whether \
                 its headers say dkim=pass, spf=pass and dmarc=pass",
                smtp.host, smtp.port, reply.text
            ))
        }
        Err(failure) => Err(format!("the sample for {to} was not taken: {failure}")),
    }
}
