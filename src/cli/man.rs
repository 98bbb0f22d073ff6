//! `man`: the manual pages, for packages.

use super::{Cli, Done};
use anyhow::Context;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Folder; created if it does not exist
    folder: PathBuf,
}

pub(super) fn run(options: &Options) -> Done {
    let folder = &options.folder;
    let write = || {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(<Cli as clap::CommandFactory>::command(), folder)
    };
    Ok(write().with_context(|| format!("cannot write manual pages into {}", folder.display()))?)
}
