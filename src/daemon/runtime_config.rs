//! The settings that tasks run with, and how they are replaced at a reload.

use crate::config::{ComposerError, Config, InvalidConfig};
use crate::edition::Composer;
use crate::inbound::WebhookSettings;
use crate::outbox::EnvelopeSender;
use crate::site::Site;
use crate::store::DatabaseUrl;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use std::sync::Arc;

/// Everything that a task takes from the settings.
#[derive(Debug)]
pub(super) struct RuntimeConfig {
    pub(super) config: Config,
    pub(super) composer: Arc<Composer>,
}

/// Why new settings were refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] InvalidConfig),
    /// A template or a key cannot be used.
    #[error(transparent)]
    Composer(#[from] ComposerError),
}

impl RuntimeConfig {
    pub(super) fn new(config: Config) -> Result<Self, ReloadError> {
        Ok(RuntimeConfig {
            composer: Arc::new(config.composer()?),
            config,
        })
    }

    pub(super) fn envelope_sender(&self) -> EnvelopeSender {
        self.config.envelope_sender()
    }

    /// Reads the settings at `path` again. Returns them with the sections that have changed and
    /// need a restart, which keep their old values.
    pub(super) fn reload(&self, path: &Path) -> Result<(Self, Vec<&'static str>), ReloadError> {
        let (mut new, old) = (Config::load(path, std::env::vars())?, &self.config);
        let mut waits = Vec::new();
        // Links in mails and the pages behind them must not contradict each other.
        if !is_same_site(&new.site, &old.site) {
            waits.push("[site]");
            new.site = old.site.clone();
        }
        if !is_same_database(&new.database.url, &old.database.url) {
            waits.push("[database]");
            new.database = old.database.clone();
        }
        if new.web != old.web {
            waits.push("[web]");
            new.web = old.web.clone();
        }
        // The listener of LMTP and the keys of the webhooks are taken at the start.
        let (inbound, before) = (&mut new.inbound, &old.inbound);
        let are_same_webhooks = are_same_webhooks(&inbound.webhooks, &before.webhooks);
        if inbound.lmtp != before.lmtp || !are_same_webhooks {
            waits.push("[inbound] lmtp or webhooks");
            inbound.lmtp = before.lmtp;
            inbound.webhooks = before.webhooks.clone();
        }
        if new.log != old.log {
            waits.push("[log]");
            new.log = old.log;
        }
        Ok((RuntimeConfig::new(new)?, waits))
    }
}

// Secrets have no equality of their own, so that nobody compares them by accident. These take
// the structs apart: a new field does not compile until it is compared.

fn is_same_site(one: &Site, other: &Site) -> bool {
    let Site {
        name,
        base_url,
        from,
        contact,
        secret,
        old_secrets,
    } = one;
    let olds = |secrets: &[secrecy::SecretSlice<u8>]| -> Vec<Vec<u8>> {
        let secrets = secrets.iter();
        secrets
            .map(|secret| secret.expose_secret().to_vec())
            .collect()
    };
    (name, base_url, from, contact) == (&other.name, &other.base_url, &other.from, &other.contact)
        && secret.expose_secret() == other.secret.expose_secret()
        && olds(old_secrets) == olds(&other.old_secrets)
}

fn is_same_database(one: &DatabaseUrl, other: &DatabaseUrl) -> bool {
    match (one, other) {
        (DatabaseUrl::Sqlite(one), DatabaseUrl::Sqlite(other)) => one == other,
        (DatabaseUrl::Postgres(one), DatabaseUrl::Postgres(other)) => {
            one.expose_secret() == other.expose_secret()
        }
        _ => false,
    }
}

fn are_same_webhooks(one: &WebhookSettings, other: &WebhookSettings) -> bool {
    let WebhookSettings {
        ses_topic,
        postmark_secret,
        brevo_secret,
        mailgun_signing_key,
        sendgrid_public_key,
    } = one;
    (ses_topic, sendgrid_public_key) == (&other.ses_topic, &other.sendgrid_public_key)
        && exposed(postmark_secret.as_ref()) == exposed(other.postmark_secret.as_ref())
        && exposed(brevo_secret.as_ref()) == exposed(other.brevo_secret.as_ref())
        && exposed(mailgun_signing_key.as_ref()) == exposed(other.mailgun_signing_key.as_ref())
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings with these lines, in a folder of their own.
    fn write(folder: &Path, more: &str) -> std::path::PathBuf {
        let path = folder.join("paperboy.toml");
        let site = "[site]\nbase_url = 'https://digest.uni.test'\nfrom = 'a@uni.test'\n\
                    contact = 'b@uni.test'\n";
        std::fs::write(&path, format!("{site}{more}")).unwrap();
        path
    }

    #[test]
    fn a_secret_that_changed_is_announced_if_it_needs_a_restart_and_used_if_not() {
        let folder = tempfile::tempdir().unwrap();
        let site = |secret: char| format!("secret = '{}'\n", secret.to_string().repeat(32));
        let inbound = |secret: &str| format!("[inbound.webhooks]\npostmark_secret = '{secret}'\n");
        let alarms = |secret: &str| {
            format!("[alarms]\nwebhook = 'https://chat.uni.test/'\nwebhook_secret = '{secret}'\n")
        };
        let written = |key: char, hook: &str, alarm: &str| {
            let more = format!("{}{}{}", site(key), inbound(hook), alarms(alarm));
            write(folder.path(), &more)
        };
        let path = written('s', "hook one", "alarm one");
        let first = RuntimeConfig::new(Config::load(&path, std::iter::empty()).unwrap()).unwrap();
        let reloaded = |path: &Path| {
            let (new, waits) = first.reload(path).unwrap();
            let alarms = new.config.alarms.webhook.unwrap();
            let inbound =
                exposed(new.config.inbound.webhooks.postmark_secret.as_ref()).map(str::to_owned);
            let alarms = exposed(alarms.secret.as_ref()).map(str::to_owned);
            (waits, inbound.unwrap(), alarms.unwrap())
        };
        let kept = "hook one".to_owned();
        assert_eq!(
            reloaded(&path),
            (vec![], kept.clone(), "alarm one".to_owned())
        );
        let path = written('s', "hook two", "alarm two");
        assert_eq!(
            reloaded(&path),
            (
                vec!["[inbound] lmtp or webhooks"],
                kept.clone(),
                "alarm two".to_owned()
            )
        );
        let path = written('t', "hook one", "alarm one");
        assert_eq!(
            reloaded(&path),
            (vec!["[site]"], kept, "alarm one".to_owned())
        );
    }
}
