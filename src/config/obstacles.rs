//! What would lose or leak mail: `run` does not start with it, and `check` fails.

use super::Config;
use super::sections::is_house;
use super::warnings::is_example;
use axum::http::Uri;
use std::path::Path;

impl Config {
    /// What must be mended before mail is sent, each with what to do about it.
    /// What time heals (a relay or a name server that is down) is not among it.
    pub fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        let base_url = &self.site.base_url;
        let host = base_url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.host().map(str::to_owned))
            .unwrap_or_default();
        let is_public = !is_house(&host) && !is_example(&host);
        if base_url.starts_with("http:") && is_public && !self.allow_http {
            obstacles.push(format!(
                "site.base_url = {base_url:?}: the links in mails let whoever reads them on the way act for your \
                 readers; serve the pages by https and write https:// (site.allow_http = true permits it as it is)"
            ));
        }
        for path in self.secret_files.iter().filter(|path| is_open_to_all(path)) {
            let path = path.display();
            obstacles.push(format!(
                "{path} holds a secret and everybody on this machine can read it: run `chmod o= {path}`"
            ));
        }
        obstacles
    }

    /// The web server whose clock is compared with ours; none if no source is on the network.
    pub fn time_witness(&self) -> Option<String> {
        let mut sources = self
            .sources
            .iter()
            .filter(|source| source.kind != crate::source::SourceKind::Jsonl);
        sources.next()?;
        let own = self
            .sources
            .iter()
            .find_map(|source| source.endpoint.clone());
        Some(own.unwrap_or_else(|| "https://arxiv.org".to_owned()))
    }
}

/// Whether `path` can be read by everybody, who can also get to it, and we
/// could change that. What a container's keeper has put there is its matter.
#[cfg(unix)]
pub(super) fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    let mode = |path: &Path| {
        path.metadata()
            .map_or(0, |about| about.permissions().mode())
    };
    let ours = || {
        let owner = path.metadata().map(|about| about.uid()).ok();
        // The owner of this entry is whoever runs us (proc(5)); where there is none, the file is ours to change.
        std::fs::metadata("/proc/self").map_or(true, |process| Some(process.uid()) == owner)
    };
    let is_reached = || {
        path.ancestors()
            .skip(1)
            .all(|folder| mode(folder) & 0o001 != 0)
    };
    mode(&path) & 0o004 != 0 && is_reached() && ours()
}

#[cfg(not(unix))]
pub(super) fn is_open_to_all(_path: &Path) -> bool {
    false
}
