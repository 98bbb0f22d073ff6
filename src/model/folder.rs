//! A model's folder: what is in it, and what it makes.

use super::{CatalogModel, ModelError};
use crate::embedding::{BadModel, Embedder, EmbedderKind, StaticTable, kind_of};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that says what the others must be.
pub(super) const MANIFEST: &str = "paperboy.json";

/// File names of an encoder's weights, the best first.
pub(super) const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Files that a model may have besides its weights; the first two it must have.
/// They are read whole, so they come before the weights.
pub(super) const SMALL: [&str; 4] = [
    "config.json",
    "tokenizer.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
];

/// Content of `paperboy.json` in a model folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Repository, folder or encoder that it is from.
    pub from: String,
    /// The commit, if it is from a hub.
    pub revision: Option<String>,
    /// SHA-256 of each file.
    pub files: BTreeMap<String, String>,
    /// Whether title and abstract are parted by `[SEP]`.
    #[serde(default)]
    pub parts_title: bool,
    /// Whether `[CLS]` stands for the text, where no `1_Pooling` says how it is.
    #[serde(default)]
    pub cls: bool,
}

/// Checksum of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Its SHA-256, in lower-case hexadecimal digits.
    Sha256(String),
    /// The name that git gives it: the SHA-1 of `blob`, its size, and itself.
    Git(String),
}

impl Checksum {
    /// Whether the file at `path` is that; else what it is.
    pub(super) fn check(&self, path: &Path) -> Result<(), ModelError> {
        let (expected, found) = match self {
            Checksum::Sha256(sum) => (sum, sha256(path)?),
            Checksum::Git(sum) => (sum, git_name(path)?),
        };
        if *expected == found {
            return Ok(());
        }
        Err(ModelError::Changed {
            path: path.to_owned(),
            why: format!("checksum {found}, not {expected}"),
        })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn digest(path: &Path, mut context: Context) -> Result<String, ModelError> {
    let mut file = File::open(path).map_err(ModelError::file(path))?;
    let mut part = vec![0; 1 << 18];
    loop {
        match file.read(&mut part).map_err(ModelError::file(path))? {
            0 => return Ok(hex(context.finish().as_ref())),
            bytes => context.update(&part[..bytes]),
        }
    }
}

/// SHA-256 of a file.
pub(super) fn sha256(path: &Path) -> Result<String, ModelError> {
    digest(path, Context::new(&SHA256))
}

fn git_name(path: &Path) -> Result<String, ModelError> {
    let bytes = path.metadata().map_err(ModelError::file(path))?.len();
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(format!("blob {bytes}\0").as_bytes());
    digest(path, context)
}

/// A model that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name: that of its folder.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its vectors, as far as its settings tell.
    pub kind: Option<EmbedderKind>,
    /// Bytes of its files.
    pub bytes: u64,
}

/// The models installed in the folder `path`, by name. One that is not there holds none.
pub fn list(path: &Path) -> Result<Vec<Installed>, ModelError> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(ModelError::file(path))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ModelError::file(path))?;
        if let Some(name) = entry
            .file_name()
            .to_str()
            .filter(|name| !name.starts_with('.'))
            && let Ok(one) = installed(path, name)
        {
            found.push(one);
        }
    }
    found.sort_by_key(|one| one.name.to_lowercase());
    Ok(found)
}

/// The model `name` installed in the folder `path`; letters may be cased otherwise.
pub fn installed(path: &Path, name: &str) -> Result<Installed, ModelError> {
    let none = || ModelError::NotInstalled {
        name: name.to_owned(),
        path: path.to_owned(),
    };
    if !super::is_name(name) {
        return Err(none());
    }
    let mut name = name.to_owned();
    if !path.join(&name).join(MANIFEST).is_file() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        name = names
            .into_iter()
            .find(|other| other.eq_ignore_ascii_case(&name))
            .ok_or_else(none)?;
    }
    let folder = path.join(&name);
    let text = std::fs::read(folder.join(MANIFEST)).map_err(|_| none())?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| none())?;
    let kind = std::fs::read(folder.join("config.json"))
        .ok()
        .and_then(|config| kind_of(&config).ok());
    let sizes = manifest
        .files
        .keys()
        .filter_map(|file| Some(folder.join(file).metadata().ok()?.len()));
    Ok(Installed {
        name,
        bytes: sizes.sum(),
        path: folder,
        manifest,
        kind,
    })
}

/// Reads the model `name` installed in the folder `path`.
pub fn open_installed(path: &Path, name: &str) -> Result<Arc<dyn Embedder>, ModelError> {
    open(&installed(path, name)?.path)
}

/// A file of a model, if it is there.
fn read_if_any(folder: &Path, file: &str) -> Result<Option<Vec<u8>>, ModelError> {
    let path = folder.join(file);
    match std::fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(ModelError::file(path)),
    }
}

struct Parts {
    config: Vec<u8>,
    tokenizer: Vec<u8>,
    weights: &'static str,
    manifest: Option<Manifest>,
    /// Of everything that makes a difference to its vectors.
    sum: String,
}

fn parts(folder: &Path) -> Result<Parts, ModelError> {
    let none = |missing| ModelError::NoModel {
        place: folder.display().to_string(),
        missing,
    };
    let config = read_if_any(folder, "config.json")?.ok_or_else(|| none("config.json"))?;
    let tokenizer = read_if_any(folder, "tokenizer.json")?.ok_or_else(|| none("tokenizer.json"))?;
    let weights = WEIGHTS.into_iter().find(|file| folder.join(file).is_file());
    let weights = weights.ok_or_else(|| none("model.safetensors"))?;
    let manifest: Option<Manifest> =
        read_if_any(folder, MANIFEST)?.and_then(|text| serde_json::from_slice(&text).ok());
    let mut all = Context::new(&SHA256);
    for file in SMALL
        .into_iter()
        .chain([weights])
        .filter(|file| folder.join(file).is_file())
    {
        let path = folder.join(file);
        let found = sha256(&path)?;
        if let Some(expected) = manifest
            .as_ref()
            .and_then(|manifest| manifest.files.get(file))
            && *expected != found
        {
            return Err(ModelError::Changed {
                path,
                why: format!("checksum {found}, not {expected}"),
            });
        }
        all.update(found.as_bytes());
    }
    if let Some(manifest) = &manifest {
        if let Some(lost) = manifest
            .files
            .keys()
            .find(|file| !folder.join(file).is_file())
        {
            return Err(ModelError::Changed {
                path: folder.join(lost),
                why: "it is gone".to_owned(),
            });
        }
        all.update(&[u8::from(manifest.parts_title), u8::from(manifest.cls)]);
    }
    // Eight digits tell models apart; nobody is to be kept from forging them.
    let sum = hex(&all.finish().as_ref()[..4]);
    Ok(Parts {
        config,
        tokenizer,
        weights,
        manifest,
        sum,
    })
}

fn bad(folder: &Path) -> impl FnOnce(BadModel) -> ModelError {
    let place = folder.display().to_string();
    |source| ModelError::Bad { place, source }
}

/// Reads the model in `folder`, and looks whether its files are those that were installed.
pub fn open(folder: &Path) -> Result<Arc<dyn Embedder>, ModelError> {
    let parts = parts(folder)?;
    match kind_of(&parts.config).map_err(bad(folder))? {
        EmbedderKind::Table if parts.weights == WEIGHTS[0] => {
            let path = folder.join(parts.weights);
            let weights = std::fs::read(&path).map_err(ModelError::file(path))?;
            let table = StaticTable::read(&weights, &parts.tokenizer, &parts.config, &parts.sum);
            Ok(Arc::new(table.map_err(bad(folder))?))
        }
        EmbedderKind::Table => Err(ModelError::NoModel {
            place: folder.display().to_string(),
            missing: WEIGHTS[0],
        }),
        #[cfg(feature = "encoder")]
        EmbedderKind::Encoder => Ok(Arc::new(encoder::read(folder, &parts)?)),
        #[cfg(not(feature = "encoder"))]
        EmbedderKind::Encoder => {
            let _ = &parts.manifest;
            Err(bad(folder)(BadModel::NeedsEncoder))
        }
    }
}

/// The manifest of a model from `from`, with facts that its files lack.
pub(super) fn manifest_of(
    from: &str,
    revision: Option<String>,
    known: Option<&CatalogModel>,
) -> Manifest {
    Manifest {
        from: from.to_owned(),
        revision,
        files: BTreeMap::new(),
        parts_title: known.is_some_and(|known| known.parts_title),
        cls: known.is_some_and(|known| known.cls),
    }
}

#[cfg(feature = "encoder")]
pub use encoder::{open_encoder, save_distilled};

#[cfg(feature = "encoder")]
mod encoder {
    use super::{Parts, bad, installed, manifest_of, parts, read_if_any};
    use crate::embedding::{
        BadModel, Distilled, EncoderFiles, EncoderWeights, Pooling, SentenceEncoder,
    };
    use crate::model::{InstallStage, ModelError};
    use serde_json::Value;
    use std::path::Path;

    /// Reads the encoder `name` installed in the folder `path`, with its `tokenizer.json`.
    pub fn open_encoder(path: &Path, name: &str) -> Result<(SentenceEncoder, Vec<u8>), ModelError> {
        let folder = installed(path, name)?.path;
        let parts = parts(&folder)?;
        Ok((read(&folder, &parts)?, parts.tokenizer))
    }

    pub(super) fn read(folder: &Path, parts: &Parts) -> Result<SentenceEncoder, ModelError> {
        let json = |file: &'static str| -> Result<Option<Value>, ModelError> {
            let Some(text) = read_if_any(folder, file)? else {
                return Ok(None);
            };
            let value = serde_json::from_slice(&text);
            value
                .map(Some)
                .map_err(|error| bad(folder)(BadModel::broken(file, error.to_string())))
        };
        let manifest = parts.manifest.as_ref();
        let pooling = match json("1_Pooling/config.json")? {
            // sentence-transformers takes the mean, too, of a model that does not say.
            None if manifest.is_some_and(|manifest| manifest.cls) => Pooling::Cls,
            None => Pooling::Mean,
            Some(said) => pooling(&said).map_err(bad(folder))?,
        };
        let limit =
            json("sentence_bert_config.json")?.and_then(|said| said["max_seq_length"].as_u64());
        let path = folder.join(parts.weights);
        let bytes = if parts.weights == super::WEIGHTS[0] {
            Some(std::fs::read(&path).map_err(ModelError::file(&path))?)
        } else {
            None
        };
        let files = EncoderFiles {
            weights: bytes
                .as_deref()
                .map_or(EncoderWeights::Torch(path), EncoderWeights::Safetensors),
            tokenizer: &parts.tokenizer,
            config: &parts.config,
            pooling,
            tokens_max: limit.map(|limit| limit as usize),
            parts_title: manifest.is_some_and(|manifest| manifest.parts_title),
        };
        SentenceEncoder::read(&files, &parts.sum).map_err(bad(folder))
    }

    fn pooling(said: &Value) -> Result<Pooling, BadModel> {
        // Old files hold a flag for each way, newer ones the name of it.
        let flags = [
            "pooling_mode_max_tokens",
            "pooling_mode_mean_sqrt_len_tokens",
            "pooling_mode_weightedmean_tokens",
        ];
        let is_set = |flag: &str| said[flag].as_bool().unwrap_or(false);
        let (cls, mean) = (
            is_set("pooling_mode_cls_token"),
            is_set("pooling_mode_mean_tokens"),
        );
        match (said["pooling_mode"].as_str(), cls, mean) {
            (Some("mean"), ..) => Ok(Pooling::Mean),
            (Some("cls"), ..) => Ok(Pooling::Cls),
            (None, true, false) if !flags.into_iter().any(is_set) => Ok(Pooling::Cls),
            (None, false, true) if !flags.into_iter().any(is_set) => Ok(Pooling::Mean),
            _ => Err(BadModel::broken(
                "1_Pooling/config.json",
                "supported are the mean of all tokens and [CLS]",
            )),
        }
    }

    /// Installs a table made from the encoder `from` as `name` in the folder `path`.
    pub fn save_distilled(
        path: &Path,
        name: &str,
        from: &str,
        made: &Distilled,
    ) -> Result<(), ModelError> {
        let stage = InstallStage::new(path, name)?;
        stage.write("config.json", &made.config)?;
        stage.write("tokenizer.json", &made.tokenizer)?;
        stage.write("model.safetensors", &made.weights)?;
        stage.finish(manifest_of(&format!("distilled from {from}"), None, None))
    }
}
