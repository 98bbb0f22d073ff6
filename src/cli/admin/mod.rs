//! `admin`: who may do what an operator does.

mod keys;
mod password;

use super::Done;
use super::context::CliContext;

pub(super) use password::{offer, set_from_file};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Set the password of the operator's pages; whoever is signed in is signed out
    Password(password::Options),
    /// Look after the keys of the API
    #[command(subcommand)]
    Keys(keys::Command),
}

pub(super) fn run(command: Command, context: &CliContext) -> Done {
    match command {
        Command::Password(options) => password::run(&options, context),
        Command::Keys(command) => keys::run(command, context),
    }
}
