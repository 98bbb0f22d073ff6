//! Puts models into their folder: by copying, or from the hub. A model appears
//! whole, after it was looked at, or not at all.

use super::folder::{MANIFEST, SMALL, WEIGHTS, manifest_of, open, sha256};
use super::hub::{Download, Fetch, Hub};
use super::{CatalogModel, Checksum, HubError, Manifest, ModelError};
use crate::embedding::{EmbedderKind, check_small};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Origin of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelOrigin {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A repository of the hub.
    Hub {
        /// Such as `sentence-transformers/all-MiniLM-L6-v2`.
        repo: String,
        /// A commit, tag or branch.
        revision: String,
    },
}

/// Whether `name` can be a model's: that of a folder, everywhere.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && name.len() <= 80 && !name.starts_with(['.', '-']) && name.chars().all(plain)
}

/// The origin that `text` names, and the name of the model: a model of the catalog, a
/// folder, or a repository (`owner/name`, with `@revision` for another than the newest).
/// `None` if it is none of them.
pub fn origin_of(text: &str) -> Option<(ModelOrigin, String)> {
    if let Some(known) = CatalogModel::find(text) {
        let source = ModelOrigin::Hub {
            repo: known.repo.to_owned(),
            revision: known.revision.to_owned(),
        };
        return Some((source, known.name.to_owned()));
    }
    let path = Path::new(text);
    if path.is_dir() {
        // `.` has no name, its real path has.
        let real = path.canonicalize().ok()?;
        let name = real.file_name()?.to_str()?.to_owned();
        return Some((ModelOrigin::Folder(path.to_owned()), name));
    }
    let (repo, revision) = text.split_once('@').unwrap_or((text, "main"));
    let (owner, name) = repo.split_once('/')?;
    let is_revision = !revision.is_empty() && revision.split('/').all(is_name);
    let source = ModelOrigin::Hub {
        repo: repo.to_owned(),
        revision: revision.to_owned(),
    };
    (is_name(owner) && is_name(name) && is_revision).then(|| (source, name.to_owned()))
}

/// A folder in which a model is put together.
#[derive(Debug)]
pub struct InstallStage {
    folder: PathBuf,
    target: PathBuf,
    /// Held as long as this lives: two programs must not write the same files.
    _lock: File,
}

impl InstallStage {
    /// A stage for the model `name` of the folder `path`. What an earlier, interrupted one left is
    /// there.
    pub fn new(path: &Path, name: &str) -> Result<Self, ModelError> {
        if !is_name(name) {
            return Err(ModelError::Name(name.to_owned()));
        }
        let (folder, target) = (path.join(format!(".part-{name}")), path.join(name));
        std::fs::create_dir_all(&folder).map_err(ModelError::file(&folder))?;
        let lock_path = folder.join("lock");
        let lock = File::create(&lock_path).map_err(ModelError::file(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(InstallStage {
                folder,
                target,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => {
                let busy = std::io::Error::new(
                    ErrorKind::WouldBlock,
                    "another paperboy installs this model right now",
                );
                Err(ModelError::File {
                    path: folder,
                    source: busy,
                })
            }
            Err(TryLockError::Error(error)) => Err(ModelError::File {
                path: lock_path,
                source: error,
            }),
        }
    }

    fn path(&self, file: &str) -> Result<PathBuf, ModelError> {
        let path = self.folder.join(file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(ModelError::file(folder))?;
        }
        Ok(path)
    }

    /// Writes a file.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<(), ModelError> {
        let path = self.path(file)?;
        std::fs::write(&path, bytes).map_err(ModelError::file(path))
    }

    fn read(&self, file: &str) -> Result<Vec<u8>, ModelError> {
        let path = self.folder.join(file);
        std::fs::read(&path).map_err(ModelError::file(path))
    }

    /// Removes the stage with everything in it.
    fn clear(&self) {
        // It is hidden, and the next attempt clears it, too.
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Looks whether the files are a model, writes down what they are, and puts the folder in its
    /// place.
    pub fn finish(self, mut manifest: Manifest) -> Result<(), ModelError> {
        let place = manifest.from.clone();
        for file in SMALL.into_iter().chain(WEIGHTS) {
            let path = self.folder.join(file);
            if path.is_file() {
                manifest.files.insert(file.to_owned(), sha256(&path)?);
                File::open(&path)
                    .and_then(|file| file.sync_all())
                    .map_err(ModelError::file(path))?;
            }
        }
        let text =
            serde_json::to_vec_pretty(&manifest).expect("text and lists of text have a JSON form");
        let path = self.folder.join(MANIFEST);
        let write = |path: &Path| {
            let mut file = File::create(path)?;
            file.write_all(&text)?;
            file.sync_all()
        };
        write(&path).map_err(ModelError::file(path))?;
        if let Err(error) = open(&self.folder) {
            // Trying the same files again would end the same way.
            self.clear();
            return Err(named(error, &place));
        }
        let _ = std::fs::remove_file(self.folder.join("lock"));
        if self.target.exists() {
            // Somebody's own folder, since it was not installed: it is put aside, not removed.
            let aside = self.target.with_file_name(format!(
                ".before-{}",
                self.target.file_name().unwrap_or_default().display()
            ));
            let _ = std::fs::remove_dir_all(&aside);
            std::fs::rename(&self.target, &aside).map_err(ModelError::file(&self.target))?;
        }
        std::fs::rename(&self.folder, &self.target).map_err(ModelError::file(&self.target))
    }
}

/// The same, said of where the model is from.
fn named(error: ModelError, place: &str) -> ModelError {
    match error {
        ModelError::Bad { source, .. } => ModelError::Bad {
            place: place.to_owned(),
            source,
        },
        ModelError::NoModel { missing, .. } => ModelError::NoModel {
            place: place.to_owned(),
            missing,
        },
        other => other,
    }
}

/// Installs the model in the folder `from` as `name` in the folder `path`.
pub fn copy(from: &Path, path: &Path, name: &str) -> Result<(), ModelError> {
    let place = from.display().to_string();
    let none = |missing| ModelError::NoModel {
        place: place.clone(),
        missing,
    };
    let weights = WEIGHTS
        .into_iter()
        .find(|file| from.join(file).is_file())
        .ok_or_else(|| none(WEIGHTS[0]))?;
    for file in &SMALL[..2] {
        if !from.join(file).is_file() {
            return Err(none(file));
        }
    }
    let stage = InstallStage::new(path, name)?;
    let mut manifest = manifest_of(&place, None, CatalogModel::find(name));
    // The manifest of another installation is copied, too.
    if let Ok(text) = std::fs::read(from.join(MANIFEST))
        && let Ok(written) = serde_json::from_slice::<Manifest>(&text)
    {
        (manifest.parts_title, manifest.cls) = (written.parts_title, written.cls);
    }
    for file in SMALL.into_iter().chain([weights]) {
        let (source, target) = (from.join(file), stage.path(file)?);
        match std::fs::copy(&source, &target) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(ModelError::File {
                    path: source,
                    source: error,
                });
            }
        }
        if file == SMALL[1]
            && let Err(source) = check_small(&stage.read(SMALL[0])?, &stage.read(SMALL[1])?)
        {
            stage.clear();
            return Err(ModelError::Bad { place, source });
        }
    }
    stage.finish(manifest)
}

/// Installs the model in `repo` at `revision` as `name` in the folder `path`.
/// Continues an interrupted download.
pub async fn fetch(
    hub: &Hub,
    (repo, revision): (&str, &str),
    path: &Path,
    name: &str,
    mut step: impl FnMut(Download<'_>),
) -> Result<(), ModelError> {
    let stage = InstallStage::new(path, name)?;
    let known = CatalogModel::find(repo).filter(|known| known.revision == revision);
    let place = format!("{repo} at {revision}");
    // A branch may move while we fetch: all files come from the commit that the first one names.
    let mut commit: Option<String> = None;
    let mut get = async |file: &'static str| -> Result<Option<()>, ModelError> {
        let at = commit.clone().unwrap_or_else(|| revision.to_owned());
        let ask = Fetch {
            repo,
            revision: &at,
            file,
            expected: known.and_then(|known| known.sum(file)),
        };
        let found = hub.fetch(&ask, &stage.path(file)?, &mut step).await?;
        if let Some(named) = found.as_ref().and_then(|found| found.commit.clone()) {
            commit.get_or_insert(named);
        }
        Ok(found.map(|_| ()))
    };
    for file in &SMALL[..2] {
        if get(file).await?.is_none() {
            stage.clear();
            return Err(ModelError::NoModel {
                place,
                missing: file,
            });
        }
    }
    let kind = match check_small(&stage.read(SMALL[0])?, &stage.read(SMALL[1])?) {
        Ok(kind) => kind,
        Err(source) => {
            stage.clear();
            return Err(ModelError::Bad { place, source });
        }
    };
    if kind == EmbedderKind::Encoder {
        for file in &SMALL[2..] {
            get(file).await?;
        }
    }
    let weights = if kind == EmbedderKind::Encoder {
        &WEIGHTS[..]
    } else {
        &WEIGHTS[..1]
    };
    let mut has_weights = false;
    for file in weights {
        has_weights = get(file).await?.is_some();
        if has_weights {
            break;
        }
    }
    if !has_weights {
        return Err(ModelError::NoModel {
            place,
            missing: WEIGHTS[0],
        });
    }
    let manifest = manifest_of(repo, commit.or_else(|| Some(revision.to_owned())), known);
    stage.finish(manifest)
}

impl Checksum {
    /// The same as an error of the hub.
    pub(super) fn check_fetched(&self, path: &Path, url: &str) -> Result<(), HubError> {
        match self.check(path) {
            Ok(()) => Ok(()),
            Err(ModelError::Changed { why, .. }) => Err(HubError::Checksum {
                url: url.to_owned(),
                why,
            }),
            Err(ModelError::File { path, source }) => Err(HubError::File { path, source }),
            Err(other) => Err(HubError::Checksum {
                url: url.to_owned(),
                why: other.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_asked_for_by_name_folder_or_repository() {
        let hub = |repo: &str, revision: &str| ModelOrigin::Hub {
            repo: repo.into(),
            revision: revision.into(),
        };
        let minilm = (
            "sentence-transformers/all-MiniLM-L6-v2",
            "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        );
        assert_eq!(
            origin_of("all-minilm-l6-v2"),
            Some((hub(minilm.0, minilm.1), "all-MiniLM-L6-v2".into()))
        );
        assert_eq!(origin_of(minilm.0), origin_of("all-MiniLM-L6-v2"));
        assert_eq!(
            origin_of("some/model"),
            Some((hub("some/model", "main"), "model".into()))
        );
        assert_eq!(
            origin_of("some/model@refs/pr/1"),
            Some((hub("some/model", "refs/pr/1"), "model".into()))
        );
        for wrong in [
            "",
            "nonsense",
            "a/b/c",
            "../x",
            "some/..",
            "https://example.org/a",
            "a/b@",
            "a/b?x",
            "a /b",
        ] {
            assert_eq!(origin_of(wrong), None, "{wrong:?}");
        }
        let folder = tempfile::Builder::new().prefix("table").tempdir().unwrap();
        let text = folder.path().to_str().unwrap();
        let name = folder
            .path()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            origin_of(text),
            Some((ModelOrigin::Folder(folder.path().to_owned()), name))
        );
    }
}
