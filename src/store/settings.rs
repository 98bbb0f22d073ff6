//! The `[database]` settings.

use secrecy::SecretString;
use std::path::PathBuf;

/// The `[database]` settings.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Which database, and where.
    pub url: DatabaseUrl,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// A file on this machine.
    Sqlite(PathBuf),
    /// A `PostgreSQL` server; the address may hold a password.
    Postgres(SecretString),
}
