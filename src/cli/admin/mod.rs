//! `admin`: who may do what an operator does.

mod keys;

use super::Done;
use super::open::Place;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Look after the keys of the API
    #[command(subcommand)]
    Keys(keys::Command),
}

pub(super) fn run(command: Command, place: &Place) -> Done {
    match command {
        Command::Keys(command) => keys::run(command, place),
    }
}
