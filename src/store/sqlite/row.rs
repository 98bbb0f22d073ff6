//! Stored values to the program's types and back.

use super::StoreError;
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::Row;
use rusqlite::types::{FromSql, Type};
use serde::de::DeserializeOwned;

/// A stored value that paperboy would not have written; travels inside rusqlite's error.
#[derive(Debug, thiserror::Error)]
#[error("{table}.{column} holds {value:?}")]
pub(super) struct NotOurs {
    table: &'static str,
    column: &'static str,
    value: String,
}

impl NotOurs {
    pub(super) fn into_error(self) -> StoreError {
        StoreError::Corrupt { table: self.table, column: self.column, value: self.value }
    }
}

/// A row of `table`, read by column name.
pub(super) struct Columns<'a, 'b> {
    pub(super) table: &'static str,
    pub(super) row: &'a Row<'b>,
}

impl Columns<'_, '_> {
    /// A column as SQLite has it.
    pub(super) fn get<T: FromSql>(&self, column: &'static str) -> rusqlite::Result<T> {
        self.row.get(column)
    }

    /// A column that `read` understands.
    pub(super) fn read<T>(&self, column: &'static str, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
        let value = self.row.get_ref(column)?.as_str()?;
        read(value).ok_or_else(|| self.not_ours(column, value.to_owned()))
    }

    /// A number that `read` understands.
    pub(super) fn number<T>(&self, column: &'static str, read: impl Fn(i64) -> Option<T>) -> rusqlite::Result<T> {
        let value: i64 = self.row.get(column)?;
        read(value).ok_or_else(|| self.not_ours(column, value.to_string()))
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, column: &'static str, words: &[(&'static str, T)]) -> rusqlite::Result<T> {
        self.read(column, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
    }

    /// A list or another JSON value.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> rusqlite::Result<T> {
        self.read(column, |text| serde_json::from_str(text).ok())
    }

    /// A date.
    pub(super) fn date(&self, column: &'static str) -> rusqlite::Result<NaiveDate> {
        self.read(column, |text| text.parse().ok())
    }

    /// A date that may be absent.
    pub(super) fn date_if_any(&self, column: &'static str) -> rusqlite::Result<Option<NaiveDate>> {
        match self.row.get_ref(column)?.as_str_or_null()? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| self.not_ours(column, text.to_owned())),
        }
    }

    /// An instant.
    pub(super) fn instant(&self, column: &'static str) -> rusqlite::Result<DateTime<Utc>> {
        let seconds: i64 = self.row.get(column)?;
        DateTime::from_timestamp(seconds, 0).ok_or_else(|| self.not_ours(column, seconds.to_string()))
    }

    /// An instant that may be absent.
    pub(super) fn instant_if_any(&self, column: &'static str) -> rusqlite::Result<Option<DateTime<Utc>>> {
        match self.row.get::<_, Option<i64>>(column)? {
            None => Ok(None),
            Some(_) => self.instant(column).map(Some),
        }
    }

    fn not_ours(&self, column: &'static str, value: String) -> rusqlite::Error {
        let cause = NotOurs { table: self.table, column, value };
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause))
    }
}

/// A value as the JSON text of a column.
pub(super) fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of text have a JSON form")
}

/// A date as it is stored. Years beyond four digits, which would sort wrongly as
/// text, are the first or last that do not.
pub(super) fn date_text(date: NaiveDate) -> String {
    let first = NaiveDate::from_ymd_opt(0, 1, 1).expect("1 January of the year 0 is a date");
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).expect("31 December 9999 is a date");
    date.clamp(first, last).to_string()
}
