//! Reads the files that settings name.

use crate::fields::{Fields, shown_text};
use secrecy::{SecretSlice, SecretString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Resolves paths beside the settings file, and collects the files that hold secrets.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    secret: Vec<PathBuf>,
}

impl Files {
    /// Relative paths are relative to the folder of the file at `settings`.
    pub(super) fn beside(settings: &Path) -> Self {
        Files {
            folder: settings.parent().unwrap_or(Path::new("")).to_owned(),
            secret: Vec::new(),
        }
    }

    /// The files that held secrets.
    pub(super) fn into_secret_files(self) -> Vec<PathBuf> {
        self.secret
    }

    /// `path` relative to the folder of the settings file.
    pub(super) fn locate(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// A path that need not exist.
    pub(super) fn path(&self, fields: &mut Fields, key: &'static str) -> Option<PathBuf> {
        fields.filled(key).map(|path| self.locate(&path))
    }

    /// A folder that must exist.
    pub(super) fn folder(&self, fields: &mut Fields, key: &'static str) -> Option<PathBuf> {
        let text = fields.filled(key)?;
        let path = self.locate(&text);
        if let Err(error) = std::fs::read_dir(&path) {
            fields.refuse(
                key,
                Some(shown_text(&text)),
                format!("cannot read the folder {}: {error}", path.display()),
            );
        }
        Some(path)
    }

    /// A file that must be readable.
    pub(super) fn readable(&self, fields: &mut Fields, key: &'static str) -> Option<PathBuf> {
        let text = fields.filled(key)?;
        self.bytes(fields, key, &text).map(|_| self.locate(&text))
    }

    /// A readable file that holds a private key; it counts as a secret file.
    pub(super) fn private(&mut self, fields: &mut Fields, key: &'static str) -> Option<PathBuf> {
        let path = self.readable(fields, key)?;
        self.secret.push(path.clone());
        Some(path)
    }

    /// A text given as `key`, or in the file `key_file`, whose final newline is removed.
    pub(super) fn secret(
        &mut self,
        fields: &mut Fields,
        key: &'static str,
        key_file: &'static str,
    ) -> Option<SecretString> {
        let written = fields.secret(key);
        let Some(path) = fields.filled(key_file) else {
            return written;
        };
        if written.is_some() {
            fields.refuse(
                key,
                None,
                format!("is given twice, also as {key_file}: one of them must go"),
            );
            return None;
        }
        let bytes = self.secret_bytes(fields, key_file, &path)?;
        let Ok(mut text) = String::from_utf8(bytes) else {
            fields.refuse(
                key_file,
                Some(shown_text(&path)),
                "must be a file of UTF-8 text",
            );
            return None;
        };
        if text.ends_with('\n') {
            text.pop();
        }
        if text.ends_with('\r') {
            text.pop();
        }
        if text.is_empty() {
            fields.refuse(
                key_file,
                Some(shown_text(&path)),
                "must be a file with something in it",
            );
            return None;
        }
        Some(SecretString::from(text))
    }

    /// The site's secret, byte for byte: given as `secret`, else in the file `secret_file`.
    pub(super) fn site_secret(
        &mut self,
        fields: &mut Fields,
        bytes_min: usize,
    ) -> Option<SecretSlice<u8>> {
        use secrecy::ExposeSecret;
        let written = fields.secret("secret");
        let path = fields.filled("secret_file");
        let (key, shown, bytes) = match (written, path) {
            (Some(_), Some(_)) => {
                fields.refuse(
                    "secret",
                    None,
                    "is given twice, also as secret_file: one of them must go",
                );
                return None;
            }
            (Some(written), None) => ("secret", None, written.expose_secret().as_bytes().to_vec()),
            (None, path) => {
                let path = path.unwrap_or_else(|| "secret".to_owned());
                let located = self.locate(&path);
                if std::fs::metadata(&located)
                    .is_err_and(|error| error.kind() == ErrorKind::NotFound)
                {
                    let located = located.display();
                    let remedy = format!(
                        "there is no {located}: put it back from a backup; with a new one (`openssl rand -hex 64 \
                         >{located}`) the links in all mails that were sent stop working"
                    );
                    fields.refuse("secret_file", Some(shown_text(&path)), remedy);
                    return None;
                }
                (
                    "secret_file",
                    Some(shown_text(&path)),
                    self.secret_bytes(fields, "secret_file", &path)?,
                )
            }
        };
        if bytes.len() < bytes_min {
            fields.refuse(
                key,
                shown,
                format!("must hold at least {bytes_min} bytes, not {}", bytes.len()),
            );
            return None;
        }
        Some(SecretSlice::from(bytes))
    }

    /// Former secrets, each in a file of `old_secret_files`.
    pub(super) fn old_secrets(&mut self, fields: &mut Fields) -> Vec<SecretSlice<u8>> {
        let paths = fields.texts("old_secret_files").unwrap_or_default();
        paths
            .iter()
            .filter_map(|path| {
                self.secret_bytes(fields, "old_secret_files", path)
                    .map(SecretSlice::from)
            })
            .collect()
    }

    fn secret_bytes(
        &mut self,
        fields: &mut Fields,
        key: &'static str,
        path: &str,
    ) -> Option<Vec<u8>> {
        let bytes = self.bytes(fields, key, path)?;
        self.secret.push(self.locate(path));
        Some(bytes)
    }

    fn bytes(&self, fields: &mut Fields, key: &'static str, path: &str) -> Option<Vec<u8>> {
        let located = self.locate(path);
        let read = std::fs::read(&located);
        read.map_err(|error| {
            fields.refuse(
                key,
                Some(shown_text(path)),
                format!("cannot read {}: {error}", located.display()),
            );
        })
        .ok()
    }
}
