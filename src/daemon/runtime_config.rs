//! The settings that loops work by, and how they are replaced while they work.

use crate::config::{ComposerError, Config, Invalid};
use crate::edition::Composer;
use crate::outbox::EnvelopeSender;
use std::path::Path;
use std::sync::Arc;

/// Everything that a loop takes from the settings.
#[derive(Debug)]
pub(super) struct RuntimeConfig {
    pub(super) config: Config,
    pub(super) composer: Arc<Composer>,
}

/// Why new settings were not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
    /// The file.
    #[error(transparent)]
    Settings(#[from] Invalid),
    /// A template or a key.
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

    /// Reads the settings at `path` again: the new runtime, and what of them waits for a restart.
    pub(super) fn reload(&self, path: &Path) -> Result<(Self, Vec<&'static str>), ReloadError> {
        let mut config = Config::load(path, std::env::vars())?;
        let mut waits = Vec::new();
        // Links in mails and the pages behind them must not contradict each other.
        if !is_same(&config.site, &self.config.site) || !is_same_secret(&config, &self.config) {
            waits.push("[site]");
            config.site = self.config.site.clone();
        }
        if !is_same(&config.database, &self.config.database) {
            waits.push("[database]");
            config.database = self.config.database.clone();
        }
        if config.web != self.config.web {
            waits.push("[web]");
            config.web = self.config.web.clone();
        }
        // A port that is taken and keys that pages were given stay until the program starts anew.
        let (now, then) = (&mut config.inbound, &self.config.inbound);
        if !is_same(&now.lmtp, &then.lmtp) || !is_same(&now.webhooks, &then.webhooks) {
            waits.push("[inbound] lmtp or webhooks");
            now.lmtp = then.lmtp;
            now.webhooks = then.webhooks.clone();
        }
        Ok((RuntimeConfig::new(config)?, waits))
    }
}

/// Settings that look the same are the same; secrets look the same always.
fn is_same(one: &impl std::fmt::Debug, other: &impl std::fmt::Debug) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

fn is_same_secret(one: &Config, other: &Config) -> bool {
    use secrecy::ExposeSecret;
    one.site.secret.expose_secret() == other.site.secret.expose_secret()
}
