//! What the settings make: the parts of the program that more than one command needs.

use super::Config;
use crate::archive::ActiveEmbedder;
use crate::digest::{Branding, DkimError, DkimSigner, TemplateError, Templates};
use crate::edition::Composer;
use crate::outbox::{EnvelopeSender, RetrySettings, Transport};
use crate::store::{DatabaseUrl, DeliveryId};
use crate::token::Scope;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Something that the settings ask for and this version does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedDatabase {
    /// Another database.
    #[error("database.url: this version stores in SQLite only; use sqlite:paperboy.db")]
    Postgres,
}

/// Why no issue can be composed by these settings.
#[derive(Debug, thiserror::Error)]
pub enum ComposerError {
    /// A template of the operator's.
    #[error(
        "a template cannot be used (mend it, or take it out of digest.templates: the built-in one serves then)"
    )]
    Template(#[from] TemplateError),
    /// A key that signs.
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

    /// The file whose lock is the right to send from the database.
    pub fn sending_lock(&self) -> Result<PathBuf, UnsupportedDatabase> {
        let mut name = self.database_path()?.as_os_str().to_owned();
        name.push("-sending");
        Ok(PathBuf::from(name))
    }

    /// What composes issues. The operator's own templates are filled once, so that a slip in one is found now.
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

    /// What signs mails, if they are signed here.
    pub fn dkim_signer(&self) -> Result<Option<DkimSigner>, ComposerError> {
        Ok(self.dkim.as_ref().map(DkimSigner::load).transpose()?)
    }

    /// Where reports on a delivery go: its own address where there is one for reports, else the sender's.
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
