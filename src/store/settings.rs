//! The `[database]` settings.

use secrecy::SecretString;
use std::path::PathBuf;

/// The `[database]` settings.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Engine and place of the database.
    pub url: DatabaseUrl,
}

/// The engine and the place of the database.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// SQLite file on this machine.
    Sqlite(PathBuf),
    /// `PostgreSQL` server; the address may contain a password.
    Postgres(SecretString),
}
