//! Builds from the settings what more than one command needs.

use super::Config;
use crate::archive::ActiveEmbedder;
use crate::digest::{Branding, DkimError, DkimSigner, TemplateError, Templates};
use crate::edition::Composer;
use crate::outbox::{EnvelopeSender, RetrySettings, Transport};
use crate::store::{DatabaseUrl, DeliveryId};
use crate::token::Scope;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A valid setting that this version does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedDatabase {
    /// A `PostgreSQL` database.
    #[error("database.url: this version stores in SQLite only; use sqlite:paperboy.db")]
    Postgres,
}

/// Why no mail can be composed with these settings.
#[derive(Debug, thiserror::Error)]
pub enum ComposerError {
    /// A template of the operator cannot be used.
    #[error(
        "a template cannot be used (correct it, or remove it from digest.templates to use the built-in one)"
    )]
    Template(#[from] TemplateError),
    /// A DKIM key cannot be used.
    #[error("dkim")]
    Dkim(#[from] DkimError),
}

impl Config {
    /// The file of an SQLite database.
    pub fn database_path(&self) -> Result<&Path, UnsupportedDatabase> {
        match &self.database.url {
            DatabaseUrl::Sqlite(path) => Ok(path),
            DatabaseUrl::Postgres(_) => Err(UnsupportedDatabase::Postgres),
        }
    }

    /// The file whose lock gives the right to send from the database.
    pub fn sending_lock(&self) -> Result<PathBuf, UnsupportedDatabase> {
        let mut name = self.database_path()?.as_os_str().to_owned();
        name.push("-sending");
        Ok(PathBuf::from(name))
    }

    /// Builds the composer of mails. The operator's own templates are rendered once, so that a
    /// mistake is found now.
    pub fn composer(&self) -> Result<Composer, ComposerError> {
        let templates = Templates::load(&self.digest)?;
        if self.digest.templates.is_some() {
            templates.check()?;
        }
        Ok(Composer {
            branding: Branding::new(&self.site, &self.digest),
            templates,
            signer: self.site.signer(),
            return_addresses: self.inbound.addresses.clone(),
            dkim: self.dkim_signer()?,
            shelf_life: match &self.transport {
                Transport::Smtp(smtp) => smtp.retry.shelf_life,
                Transport::Maildir(_) => RetrySettings::default().shelf_life,
            },
            latest_send: self.schedule.latest_send,
            max_lateness: self.schedule.max_lateness,
            model: Arc::new(ActiveEmbedder::new(&self.model.path)),
            site: self.site.clone(),
        })
    }

    /// The DKIM signer, if mail is signed here.
    pub fn dkim_signer(&self) -> Result<Option<DkimSigner>, ComposerError> {
        Ok(self.dkim.as_ref().map(DkimSigner::load).transpose()?)
    }

    /// The envelope sender of each delivery: its own VERP address if there is a bounce address,
    /// else `site.from`.
    pub fn envelope_sender(&self) -> EnvelopeSender {
        let signer = self.site.signer();
        let (inbound, from) = (self.inbound.clone(), self.site.from.email.to_string());
        Arc::new(move |id: DeliveryId| {
            let token = signer.sign(Scope::Bounce, id.0);
            inbound
                .addresses
                .envelope_sender(&token)
                .unwrap_or_else(|| from.clone())
        })
    }
}
