//! The installed models: folders of files that make an [`crate::embedding::Embedder`].
//!
//! Each model has a folder below the one that `[model] path` names. A folder
//! appears there whole or not at all, with `paperboy.json`, which says where it is
//! from and what its files must be.

mod catalog;
mod folder;
mod hub;
mod install;

pub use catalog::{CATALOG, CatalogModel};
pub use folder::{Checksum, Installed, Manifest, installed, list, open, open_installed};
#[cfg(feature = "encoder")]
pub use folder::{open_encoder, save_distilled};
pub use hub::{Download, Hub, HubError};
pub use install::{InstallStage, ModelOrigin, copy, fetch, is_name, origin_of};

use crate::embedding::BadModel;
use std::path::PathBuf;

/// Settings of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSettings {
    /// The folder of the installed models.
    pub path: PathBuf,
    /// The hub that models are fetched from, without a slash at the end.
    pub hub: String,
}

/// Address of the default hub.
pub const HUB: &str = "https://huggingface.co";

/// Reasons why a model cannot be installed or used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is no model of this name.
    #[error("no model {name:?} is installed in {}; `paperboy model list` shows those that are", path.display())]
    NotInstalled {
        /// The name.
        name: String,
        /// The searched folder.
        path: PathBuf,
    },
    /// Files are missing that every model has.
    #[error("{place} is not a model: it holds no {missing}")]
    NoModel {
        /// The folder or repository.
        place: String,
        /// The missing file.
        missing: &'static str,
    },
    /// Files that paperboy cannot use.
    #[error("{place}")]
    Bad {
        /// The folder or repository.
        place: String,
        /// The fault of its files.
        source: BadModel,
    },
    /// A file is not what it was when the model was installed.
    #[error("{} has changed since the model was installed ({why}): remove the folder and install it again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The difference.
        why: String,
    },
    /// It could not be fetched.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A name that no folder can have.
    #[error(
        "{0:?} cannot be a model's name: letters, digits, dots, hyphens and underscores, 80 at most"
    )]
    Name(String),
    /// The file system refused.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl ModelError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ModelError {
        let path = path.into();
        |source| ModelError::File { path, source }
    }
}
