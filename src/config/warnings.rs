//! What works but is hardly meant: said by `check`.

use super::Config;
use super::obstacles::is_open_to_all;
use super::sections::{is_house, is_loopback};
use crate::outbox::{Security, Transport};
use axum::http::Uri;
use std::path::Path;

impl Config {
    /// What the operator should know, each with what to do about it.
    ///
    /// Looks at the permissions of the files that hold secrets.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        self.warn_of_site(&mut warnings);
        self.warn_of_mail(&mut warnings);
        if self.sources.is_empty() {
            warnings.push("no [[source]]: papers come from `papers import` alone".to_owned());
        }
        let exposed = self
            .secret_files
            .iter()
            .filter(|path| readable_by_others(path) && !is_open_to_all(path));
        warnings.extend(exposed.map(|path| {
            let path = path.display();
            format!("{path} holds a secret and everybody on this machine can read it: run `chmod o= {path}`")
        }));
        if let Some(address) = self.web.admin_listen
            && !address.ip().is_loopback()
            && self.web.tls.is_none()
        {
            warnings.push(format!(
                "web.admin_listen = \"{address}\": everybody on the way can read the operator's password; use \
                 127.0.0.1 and a proxy or an SSH tunnel, or tls_cert_file"
            ));
        }
        warnings
    }

    fn warn_of_site(&self, warnings: &mut Vec<String>) {
        let base_url = &self.site.base_url;
        let host = base_url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.host().map(str::to_owned))
            .unwrap_or_default();
        if is_loopback(&host) {
            warnings.push(format!(
                "site.base_url = {base_url:?}: links in mails lead nowhere but on this machine"
            ));
        } else if base_url.starts_with("http:")
            && (is_house(&host) || is_example(&host) || self.allow_http)
        {
            let why = "mail programs offer one-click unsubscription over https only (RFC 8058)";
            warnings.push(format!(
                "site.base_url = {base_url:?}: should be https, {why}"
            ));
        }
        for (key, domain) in [
            ("base_url", host.as_str()),
            ("from", self.site.mail_domain()),
            ("contact", self.site.contact.domain()),
        ] {
            if is_example(domain) {
                warnings.push(format!(
                    "site.{key} is at {domain}, which stands in examples: put in your own"
                ));
            }
        }
    }

    fn warn_of_mail(&self, warnings: &mut Vec<String>) {
        match &self.transport {
            Transport::Maildir(path) => {
                let path = path.display();
                warnings.push(format!(
                    "no [smtp]: mail goes to the folder {path} and leaves this machine only once there is one"
                ));
            }
            Transport::Smtp(smtp)
                if smtp.security == Security::None && !is_loopback(&smtp.host) =>
            {
                warnings.push(format!(
                    "smtp.security = \"none\": everybody on the way to {} can read the mail",
                    smtp.host
                ));
            }
            Transport::Smtp(_) => {}
        }
        if self.inbound.addresses.bounce.is_none() {
            warnings.push(
                "no inbound.bounce_address: reports of mail that could not be delivered go to site.from, unread"
                    .to_owned(),
            );
        }
        if self.inbound.addresses.unsubscribe.is_none() {
            warnings.push(
                "no inbound.unsubscribe_address: people can unsubscribe on the web alone"
                    .to_owned(),
            );
        }
        if let Some(dkim) = &self.dkim {
            let from = self.site.mail_domain();
            // RFC 7489 section 3.1.1: one must lie below the other, or be the same.
            if !lies_within(from, &dkim.domain) && !lies_within(&dkim.domain, from) {
                let domain = &dkim.domain;
                warnings.push(format!(
                    "dkim.domain = {domain:?}: DMARC does not count it for mail from {from}"
                ));
            }
        }
    }
}

fn lies_within(domain: &str, parent: &str) -> bool {
    let (domain, parent) = (domain.to_lowercase(), parent.to_lowercase());
    domain == parent
        || domain
            .strip_suffix(&parent)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// RFC 2606 section 3 and RFC 6761 section 6.5.
pub(super) fn is_example(domain: &str) -> bool {
    ["example.org", "example.com", "example.net", "example"]
        .iter()
        .any(|example| lies_within(domain, example))
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> bool {
    false
}
