//! Writes the first settings for `init`.

use crate::random::Random;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The settings file that `init` writes: every key at its default, with a comment.
pub fn template() -> &'static str {
    include_str!("template.toml")
}

/// The files that `init` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// The new settings file.
    pub settings: PathBuf,
    /// The file of the site's secret.
    pub secret: PathBuf,
    /// Whether the secret is new; an existing one is kept.
    pub secret_is_new: bool,
}

/// Why `init` did not write the settings.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A settings file exists already. Nothing was written.
    #[error("{} exists already and was not changed", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

/// Bytes of the secret: the block size of SHA-256, the longest key that HMAC uses as it is.
const SECRET_BYTES: usize = 64;

/// Writes `paperboy.toml` and the secret into `folder`, which is created if needed.
///
/// Data that grows (database, mail, models) is kept there too, or in the folder at the absolute
/// path `data`.
pub fn init_dir(
    folder: &Path,
    data: Option<&Path>,
    random: &dyn Random,
) -> Result<InitReport, InitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| InitError::Write { path, source }
    };
    let (settings, secret) = (folder.join("paperboy.toml"), folder.join("secret"));
    if settings.symlink_metadata().is_ok() {
        return Err(InitError::Exists(settings));
    }
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    if let Some(data) = data {
        std::fs::create_dir_all(data).map_err(failed(data))?;
    }
    // The settings are written last: if they exist, everything does.
    let secret_is_new = match create(&secret, Readers::Owner) {
        Ok(file) => write(file, &new_secret(random))
            .map(|()| true)
            .map_err(failed(&secret))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(failed(&secret)(error)),
    };
    let file = create(&settings, Readers::Usual).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => InitError::Exists(settings.clone()),
        _ => failed(&settings)(error),
    })?;
    write(file, &settings_text(data)).map_err(failed(&settings))?;
    Ok(InitReport {
        settings,
        secret,
        secret_is_new,
    })
}

/// The template with the paths of the database and mail below `data`. Models lie beside the
/// database.
fn settings_text(data: Option<&Path>) -> String {
    let Some(data) = data else {
        return template().to_owned();
    };
    let in_quotes = |path: PathBuf| {
        path.display()
            .to_string()
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
    };
    let database = format!("url = \"sqlite:{}\"", in_quotes(data.join("paperboy.db")));
    let mail = format!("path = \"{}\"", in_quotes(data.join("mail")));
    template()
        .replacen("#url = \"sqlite:paperboy.db\"", &database, 1)
        .replacen("#path = \"mail\"", &mail, 1)
}

fn new_secret(random: &dyn Random) -> String {
    let mut bytes = [0; SECRET_BYTES];
    random.fill(&mut bytes);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .chain(['\n'])
        .collect()
}

#[derive(Clone, Copy)]
enum Readers {
    Owner,
    Usual,
}

fn create(path: &Path, readers: Readers) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if matches!(readers, Readers::Owner) {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

fn write(mut file: File, text: &str) -> std::io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::outbox::Transport;
    use crate::random::{NoChance, SystemChance};

    #[test]
    fn init_writes_settings_that_load() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("new/folder");
        let report = init_dir(&folder, None, &NoChance).unwrap();
        assert!(report.secret_is_new);
        assert_eq!(
            std::fs::read_to_string(&report.secret).unwrap(),
            format!("{}\n", "80".repeat(64))
        );
        insta::assert_snapshot!(std::fs::read_to_string(&report.settings).unwrap());
        let config = Config::load(&report.settings, std::iter::empty()).unwrap();
        assert_eq!(config.secret_files, [report.secret]);
    }

    #[test]
    fn growing_data_can_live_in_another_folder() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("the \"data\"");
        let report = init_dir(&place.path().join("etc"), Some(&data), &NoChance).unwrap();
        let config = Config::load(&report.settings, std::iter::empty()).unwrap();
        assert_eq!(config.database_path().unwrap(), data.join("paperboy.db"));
        assert_eq!(config.model.path, data.join("models"));
        let Transport::Maildir(mail) = config.transport else {
            panic!("{:?}", config.transport)
        };
        assert_eq!(mail, data.join("mail"));
    }

    #[test]
    fn init_leaves_what_is_there() {
        let place = tempfile::tempdir().unwrap();
        let secret = place.path().join("secret");
        std::fs::write(&secret, "mine").unwrap();
        let report = init_dir(place.path(), None, &SystemChance::new()).unwrap();
        assert!(!report.secret_is_new);
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "mine");

        std::fs::write(&report.settings, "mine too").unwrap();
        let error = init_dir(place.path(), None, &SystemChance::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("paperboy.toml exists already and was not changed"),
            "{error}"
        );
        assert_eq!(
            std::fs::read_to_string(&report.settings).unwrap(),
            "mine too"
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_secret() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let report = init_dir(place.path(), None, &SystemChance::new()).unwrap();
        assert_eq!(
            report.secret.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn an_init_that_cannot_write_says_where() {
        let place = tempfile::tempdir().unwrap();
        let in_the_way = place.path().join("file");
        std::fs::write(&in_the_way, "").unwrap();
        let folder = in_the_way.join("folder");
        let error = init_dir(&folder, None, &NoChance).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot write {}", folder.display())
        );
    }
}
