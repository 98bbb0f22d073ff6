//! Conversion of stored values.

use super::StoreError;
use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::Row;
use rusqlite::types::{FromSql, Type, ValueRef};
use serde::de::DeserializeOwned;
use std::cell::Cell;

/// A stored value that paperboy does not write; travels inside rusqlite's error.
#[derive(Debug, thiserror::Error)]
#[error("{table}.{column} holds {value:?}")]
pub(super) struct NotOurs {
    table: &'static str,
    column: &'static str,
    value: String,
}

impl NotOurs {
    pub(super) fn into_error(self) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            column: self.column,
            value: self.value,
        }
    }
}

/// A row of `table`, read by column name.
pub(super) struct Columns<'a, 'b> {
    table: &'static str,
    row: &'a Row<'b>,
    /// Column after the one that was read last.
    next: Cell<usize>,
}

impl<'a, 'b> Columns<'a, 'b> {
    /// A row of `table`.
    pub(super) fn of(table: &'static str, row: &'a Row<'b>) -> Self {
        Columns {
            table,
            row,
            next: Cell::new(0),
        }
    }

    /// Returns the index of a column. Columns are mostly read in order, and comparing a name
    /// with all of them takes longer than reading one.
    fn place(&self, column: &'static str) -> rusqlite::Result<usize> {
        let (statement, next) = (self.row.as_ref(), self.next.get());
        let is_next = statement.column_name(next).is_ok_and(|name| name == column);
        let place = if is_next {
            next
        } else {
            statement.column_index(column)?
        };
        self.next.set(place + 1);
        Ok(place)
    }

    fn value(&self, column: &'static str) -> rusqlite::Result<ValueRef<'a>> {
        self.row.get_ref(self.place(column)?)
    }

    /// Reads a column as SQLite has it.
    pub(super) fn get<T: FromSql>(&self, column: &'static str) -> rusqlite::Result<T> {
        self.row.get(self.place(column)?)
    }

    /// Reads a text with `read`.
    pub(super) fn read<T>(
        &self,
        column: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> rusqlite::Result<T> {
        let value = self.value(column)?.as_str()?;
        read(value).ok_or_else(|| self.not_ours(column, value.to_owned()))
    }

    /// Reads a number with `read`.
    pub(super) fn number<T>(
        &self,
        column: &'static str,
        read: impl Fn(i64) -> Option<T>,
    ) -> rusqlite::Result<T> {
        let value: i64 = self.get(column)?;
        read(value).ok_or_else(|| self.not_ours(column, value.to_string()))
    }

    /// Reads one of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        column: &'static str,
        words: &[(&'static str, T)],
    ) -> rusqlite::Result<T> {
        self.read(column, |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
        })
    }

    /// Reads a JSON value.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> rusqlite::Result<T> {
        self.read(column, |text| serde_json::from_str(text).ok())
    }

    /// Reads a date.
    pub(super) fn date(&self, column: &'static str) -> rusqlite::Result<NaiveDate> {
        self.read(column, |text| text.parse().ok())
    }

    /// Reads a date that may be absent.
    pub(super) fn date_if_any(&self, column: &'static str) -> rusqlite::Result<Option<NaiveDate>> {
        match self.value(column)?.as_str_or_null()? {
            None => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| self.not_ours(column, text.to_owned())),
        }
    }

    /// Reads an instant.
    pub(super) fn instant(&self, column: &'static str) -> rusqlite::Result<DateTime<Utc>> {
        self.moment(column, self.get(column)?)
    }

    fn moment(&self, column: &'static str, seconds: i64) -> rusqlite::Result<DateTime<Utc>> {
        DateTime::from_timestamp(seconds, 0)
            .ok_or_else(|| self.not_ours(column, seconds.to_string()))
    }

    /// Reads an instant that may be absent.
    pub(super) fn instant_if_any(
        &self,
        column: &'static str,
    ) -> rusqlite::Result<Option<DateTime<Utc>>> {
        match self.get::<Option<i64>>(column)? {
            None => Ok(None),
            Some(seconds) => self.moment(column, seconds).map(Some),
        }
    }

    fn not_ours(&self, column: &'static str, value: String) -> rusqlite::Error {
        let cause = NotOurs {
            table: self.table,
            column,
            value,
        };
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(cause))
    }
}

/// Returns a value as the JSON text of a column.
pub(super) fn json_text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("lists of text have a JSON form")
}

/// Returns a date as it is stored. Years beyond four digits, which would sort wrongly as
/// text, are clamped.
pub(super) fn date_text(date: NaiveDate) -> String {
    let first = NaiveDate::from_ymd_opt(0, 1, 1).expect("1 January of the year 0 is a date");
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).expect("31 December 9999 is a date");
    date.clamp(first, last).to_string()
}
