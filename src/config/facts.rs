//! Gathers the facts that findings about the settings are decided from.

use super::Config;
use super::sections::{is_house, is_loopback};
use crate::findings::{Finding, MailTarget, Reach, SettingsFacts, decide_settings};
use crate::outbox::{Security, Transport};
use axum::http::Uri;
use std::path::{Path, PathBuf};

impl Config {
    /// Finds settings that lose, leak or miss something. Reads the permissions of secret files.
    pub fn findings(&self) -> Vec<Finding> {
        let host = self
            .base_uri()
            .and_then(|uri| uri.host().map(str::to_owned));
        let host = host.unwrap_or_default();
        let reach = match &host {
            host if is_loopback(host) => Reach::Loopback,
            host if is_house(host) => Reach::Private,
            _ => Reach::Public,
        };
        let admin = self.web.admin_listen.filter(|_| self.web.tls.is_none());
        decide_settings(&SettingsFacts {
            base_url: self.site.base_url.clone(),
            host,
            reach,
            allow_http: self.allow_http,
            from_domain: self.site.mail_domain().to_owned(),
            contact_domain: self.site.contact.domain().to_owned(),
            mail: self.mail_target(),
            has_source: !self.sources.is_empty(),
            readable_secrets: readable_secrets(&self.secret_files),
            plaintext_admin: admin
                .filter(|address| !address.ip().is_loopback())
                .map(|address| address.to_string()),
            has_bounce_address: self.inbound.addresses.bounce.is_some(),
            has_unsubscribe_address: self.inbound.addresses.unsubscribe.is_some(),
            dkim_domain: self.dkim.as_ref().map(|dkim| dkim.domain.clone()),
        })
    }

    /// The site's address, taken apart.
    pub(crate) fn base_uri(&self) -> Option<Uri> {
        self.site.base_url.parse().ok()
    }

    fn mail_target(&self) -> MailTarget {
        match &self.transport {
            Transport::Maildir(path) => MailTarget::Folder(path.clone()),
            Transport::Smtp(smtp)
                if smtp.security == Security::None && !is_loopback(&smtp.host) =>
            {
                MailTarget::PlaintextRelay(smtp.host.clone())
            }
            Transport::Smtp(_) => MailTarget::Relay,
        }
    }

    /// The web server whose clock is compared with ours; `None` if no source is on the network.
    pub fn time_witness(&self) -> Option<String> {
        let mut sources = self
            .sources
            .iter()
            .filter(|source| source.open().provider().is_some());
        sources.next()?;
        let own = self
            .sources
            .iter()
            .find_map(|source| source.endpoint.clone());
        Some(own.unwrap_or_else(|| "https://arxiv.org".to_owned()))
    }
}

/// The files that every user may read, and whether other users can reach them and we could
/// change that.
#[cfg(unix)]
fn readable_secrets(files: &[PathBuf]) -> Vec<(PathBuf, bool)> {
    files
        .iter()
        .filter(|path| mode(path) & 0o004 != 0)
        .map(|path| (path.clone(), is_exposed(path)))
        .collect()
}

#[cfg(not(unix))]
fn readable_secrets(_files: &[PathBuf]) -> Vec<(PathBuf, bool)> {
    Vec::new()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .map_or(0, |metadata| metadata.permissions().mode())
}

/// Whether every user can enter the folders above `path`, and the file is ours to change. A
/// secret that a container runtime mounts is owned by another user, and the runtime's matter.
#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let owner = path.metadata().map(|metadata| metadata.uid()).ok();
    // The owner of this entry is our user (proc(5)); without /proc the file counts as ours.
    let is_ours =
        std::fs::metadata("/proc/self").map_or(true, |process| Some(process.uid()) == owner);
    let mut folders = path.ancestors().skip(1);
    is_ours && folders.all(|folder| mode(folder) & 0o001 != 0)
}
