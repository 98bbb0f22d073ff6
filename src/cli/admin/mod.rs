//! `admin`: the operator's access.

mod keys;
mod password;

use super::Done;
use super::context::CliContext;

pub(super) use password::{offer, set_from_file};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Set the password of the operator's pages; ends all sessions
    Password(password::Options),
    /// Manage API keys
    #[command(subcommand)]
    Keys(keys::Command),
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    match command {
        Command::Password(options) => password::run(&options, context),
        Command::Keys(command) => keys::run(command, context),
    }
}
