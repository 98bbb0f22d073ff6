//! Compressed storage of mails. The lines that mails of one date share are stored once, in
//! a dictionary.
//!
//! A dictionary contains only lines that several readers of a batch received. Lines of a
//! single reader are in no dictionary: they are deleted with the mail.

use super::row::Columns;
use crate::store::{DeliveryId, NewIssue, StoreError};
use chrono::NaiveDate;
use rayon::prelude::*;
use ring::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, OnceLock};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::get_frame_content_size;

/// Compression level of zstd: the next one takes twice as long for an eighth less.
const LEVEL: i32 = 2;

/// Fewer mails than this share too little to be worth a dictionary.
const MAILS_MIN: usize = 16;

/// A line that this many mails have is not about any of their readers.
const SHARED_BY: u32 = 3;

/// Largest dictionary, in bytes: beyond that, the cost of searching exceeds the gain.
const DICTIONARY_MAX: usize = 512 * 1024;

/// Largest mail that is unpacked, in bytes.
const MAIL_MAX: u64 = 64 << 20;

/// Cached dictionaries: around midnight, two dates are in use.
const KEPT: usize = 2;

/// A packed mail.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

/// The lines that mails of one date share.
pub(super) struct Dictionary {
    id: i64,
    local_date: NaiveDate,
    text: Vec<u8>,
    packs: OnceLock<EncoderDictionary<'static>>,
    unpacks: OnceLock<DecoderDictionary<'static>>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dictionary")
            .field("id", &self.id)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

impl Dictionary {
    fn new(local_date: NaiveDate, text: Vec<u8>) -> Self {
        let hash = digest(&SHA256, &text);
        let (head, _) = hash
            .as_ref()
            .split_first_chunk()
            .expect("a hash has 32 bytes");
        let id = (u64::from_be_bytes(*head) >> 1).cast_signed();
        Dictionary {
            id,
            local_date,
            text,
            packs: OnceLock::new(),
            unpacks: OnceLock::new(),
        }
    }

    fn packs(&self) -> &EncoderDictionary<'static> {
        self.packs
            .get_or_init(|| EncoderDictionary::copy(&self.text, LEVEL))
    }

    fn unpacks(&self) -> &DecoderDictionary<'static> {
        self.unpacks
            .get_or_init(|| DecoderDictionary::copy(&self.text))
    }
}

/// The dictionaries used last, the newest last.
#[derive(Debug, Default)]
pub(super) struct Dictionaries {
    kept: Vec<Arc<Dictionary>>,
}

impl Dictionaries {
    fn keep(&mut self, dictionary: &Arc<Dictionary>) {
        self.kept.retain(|kept| kept.id != dictionary.id);
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push(Arc::clone(dictionary));
    }

    /// Returns the dictionary for mails of `local_date`; `None` if there is none yet.
    fn of_date(
        &mut self,
        conn: &Connection,
        local_date: NaiveDate,
    ) -> Result<Option<Arc<Dictionary>>, StoreError> {
        if let Some(kept) = self
            .kept
            .iter()
            .rev()
            .find(|kept| kept.local_date == local_date)
        {
            return Ok(Some(Arc::clone(kept)));
        }
        let found = conn
            .prepare_cached("SELECT * FROM dictionaries WHERE local_date = :date LIMIT 1")?
            .query_row(
                named_params! { ":date": local_date.to_string() },
                dictionary,
            )
            .optional()?;
        Ok(self.read(found))
    }

    fn by_id(&mut self, conn: &Connection, id: i64) -> Result<Option<Arc<Dictionary>>, StoreError> {
        if let Some(kept) = self.kept.iter().find(|kept| kept.id == id) {
            return Ok(Some(Arc::clone(kept)));
        }
        let found = conn
            .prepare_cached("SELECT * FROM dictionaries WHERE id = :id")?
            .query_row(named_params! { ":id": id }, dictionary)
            .optional()?;
        Ok(self.read(found))
    }

    /// Returns `None` also where it is damaged: a wrong dictionary would give other mails.
    fn read(&mut self, found: Option<(i64, NaiveDate, Vec<u8>)>) -> Option<Arc<Dictionary>> {
        let (id, local_date, packed) = found?;
        let text = unpacked(&packed, None).ok()?;
        let dictionary =
            Some(Dictionary::new(local_date, text)).filter(|dictionary| dictionary.id == id)?;
        let dictionary = Arc::new(dictionary);
        self.keep(&dictionary);
        Some(dictionary)
    }
}

fn dictionary(row: &Row<'_>) -> rusqlite::Result<(i64, NaiveDate, Vec<u8>)> {
    let columns = Columns::of("dictionaries", row);
    Ok((
        columns.get("id")?,
        columns.date("local_date")?,
        columns.get("bytes")?,
    ))
}

/// Packs the mails of `issues`, in order, on all cores. A date with many mails and no
/// dictionary gets one.
pub(super) fn pack(
    conn: &Connection,
    dictionaries: &mut Dictionaries,
    issues: &[NewIssue],
) -> Result<Vec<Packed>, StoreError> {
    let mut by_date: BTreeMap<NaiveDate, Vec<&[u8]>> = BTreeMap::new();
    for issue in issues {
        by_date
            .entry(issue.local_date)
            .or_default()
            .push(&issue.message);
    }
    let mut of_date = BTreeMap::new();
    for (date, mails) in by_date {
        let known = dictionaries.of_date(conn, date)?;
        let dictionary = match known {
            Some(known) => Some(known),
            None if mails.len() < MAILS_MIN => None,
            None => Some(shared(&mails))
                .filter(|shared| !shared.is_empty())
                .map(|shared| Arc::new(Dictionary::new(date, shared))),
        };
        if let Some(dictionary) = dictionary {
            dictionaries.keep(&dictionary);
            of_date.insert(date, dictionary);
        }
    }
    // The state of zstd is large: one for each date on each core.
    let packed = issues
        .par_iter()
        .map_init(BTreeMap::new, |compressors, issue| {
            let date = issue.local_date;
            let dictionary = of_date.get(&date).map(Arc::clone);
            let compressor = match compressors.entry(date) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    place.insert(compressor(of_date.get(&date).map(Arc::as_ref))?)
                }
            };
            compressor
                .compress(&issue.message)
                .map(|bytes| Packed { bytes, dictionary })
        });
    packed
        .collect::<io::Result<_>>()
        .map_err(|error| StoreError::Backend(Box::new(error)))
}

/// Packs a mail without a dictionary.
pub(super) fn pack_alone(mail: &[u8]) -> Result<Packed, StoreError> {
    let bytes = compressor(None).and_then(|mut compressor| compressor.compress(mail));
    Ok(Packed {
        bytes: bytes.map_err(|error| StoreError::Backend(Box::new(error)))?,
        dictionary: None,
    })
}

/// Returns lines that at least [`SHARED_BY`] of `mails` have, in their order; where that is
/// too much, the most frequent ones.
fn shared(mails: &[&[u8]]) -> Vec<u8> {
    struct Line {
        mails: u32,
        last: usize,
        at: usize,
    }
    let mut lines: HashMap<&[u8], Line> = HashMap::new();
    for (mail, text) in mails.iter().enumerate() {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let at = lines.len();
            let line = lines.entry(line).or_insert(Line {
                mails: 0,
                last: usize::MAX,
                at,
            });
            if line.last != mail {
                line.mails += 1;
                line.last = mail;
            }
        }
    }
    let mut shared: Vec<(&[u8], Line)> = lines
        .into_iter()
        .filter(|(_, line)| line.mails >= SHARED_BY)
        .collect();
    shared.sort_by_key(|(_, line)| (std::cmp::Reverse(line.mails), line.at));
    let mut left = DICTIONARY_MAX;
    shared.retain(|(text, _)| match left.checked_sub(text.len()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    shared.sort_by_key(|(_, line)| line.at);
    shared
        .into_iter()
        .flat_map(|(text, _)| text)
        .copied()
        .collect()
}

fn compressor(dictionary: Option<&Dictionary>) -> io::Result<Compressor<'_>> {
    let mut compressor = match dictionary {
        Some(dictionary) => Compressor::with_prepared_dictionary(dictionary.packs())?,
        None => Compressor::new(LEVEL)?,
    };
    // An unpacked mail equals the composed one, or is refused.
    compressor.include_checksum(true)?;
    Ok(compressor)
}

fn unpacked(bytes: &[u8], dictionary: Option<&Dictionary>) -> io::Result<Vec<u8>> {
    let mut decompressor = match dictionary {
        Some(dictionary) => Decompressor::with_prepared_dictionary(dictionary.unpacks())?,
        None => Decompressor::new()?,
    };
    let size = get_frame_content_size(bytes)
        .ok()
        .flatten()
        .filter(|size| *size <= MAIL_MAX);
    let size = size.ok_or_else(|| io::Error::other("its size is not what a mail's can be"))?;
    decompressor.decompress(bytes, size as usize)
}

/// Stores the mail of a delivery.
pub(super) fn insert(tx: &Transaction<'_>, delivery: i64, mail: &Packed) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO messages (delivery_id, bytes, is_packed, dictionary) VALUES (:id, :bytes, 1,
            :dictionary)",
    )?
    .execute(named_params! {
        ":id": delivery,
        ":bytes": mail.bytes,
        ":dictionary": mail.dictionary.as_ref().map(|dictionary| dictionary.id),
    })?;
    Ok(())
}

/// Stores the new dictionaries of `mails`, and deletes those that no mail needs any more.
pub(super) fn insert_dictionaries(
    tx: &Transaction<'_>,
    mails: &[Packed],
) -> Result<(), StoreError> {
    let mut needed: BTreeMap<i64, &Dictionary> = BTreeMap::new();
    for dictionary in mails.iter().filter_map(|mail| mail.dictionary.as_deref()) {
        needed.insert(dictionary.id, dictionary);
    }
    let is_stored = |id: i64| {
        let mut statement = tx.prepare_cached("SELECT 1 FROM dictionaries WHERE id = :id")?;
        statement.exists(named_params! { ":id": id })
    };
    let is_complete = needed.keys().try_fold(true, |all, id| {
        Ok::<_, rusqlite::Error>(all && is_stored(*id)?)
    })?;
    if is_complete {
        return Ok(());
    }
    // Deletes first: a dictionary that was just added has no mail yet either.
    tx.execute(
        "DELETE FROM dictionaries
          WHERE NOT EXISTS (SELECT 1 FROM messages WHERE messages.dictionary = dictionaries.id)",
        [],
    )?;
    for dictionary in needed.into_values() {
        if is_stored(dictionary.id)? {
            continue;
        }
        let bytes = pack_alone(&dictionary.text)?.bytes;
        tx.execute(
            "INSERT INTO dictionaries (id, local_date, bytes) VALUES (:id, :date, :bytes)",
            named_params! {
                ":id": dictionary.id,
                ":date": dictionary.local_date.to_string(),
                ":bytes": bytes,
            },
        )?;
    }
    Ok(())
}

/// Returns the mail of a delivery, byte for byte as composed; `None` if it is no longer
/// stored, a message if it is damaged.
pub(super) fn mail(
    conn: &Connection,
    dictionaries: &mut Dictionaries,
    delivery: DeliveryId,
) -> Result<Option<Result<Vec<u8>, String>>, StoreError> {
    let stored = conn
        .prepare_cached("SELECT * FROM messages WHERE delivery_id = :id")?
        .query_row(named_params! { ":id": delivery.0 }, |row| {
            let columns = Columns::of("messages", row);
            let bytes: Vec<u8> = columns.get("bytes")?;
            Ok((
                bytes,
                columns.get::<bool>("is_packed")?,
                columns.get::<Option<i64>>("dictionary")?,
            ))
        })
        .optional()?;
    let Some((bytes, is_packed, dictionary)) = stored else {
        return Ok(None);
    };
    if !is_packed {
        return Ok(Some(Ok(bytes)));
    }
    let dictionary = match dictionary {
        None => None,
        Some(id) => match dictionaries.by_id(conn, id)? {
            Some(dictionary) => Some(dictionary),
            None => {
                return Ok(Some(Err(
                    "the dictionary of its stored text is damaged".to_owned()
                )));
            }
        },
    };
    let mail = unpacked(&bytes, dictionary.as_deref());
    Ok(Some(mail.map_err(|error| {
        format!("its stored text is damaged ({error})")
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(mail: &[u8], dictionary: Option<&Dictionary>) -> io::Result<Vec<u8>> {
        compressor(dictionary)?.compress(mail)
    }

    fn mails(count: usize) -> Vec<Vec<u8>> {
        let paper = |n: usize| {
            format!(
                "Paper {n}\r\n{}\r\n",
                "an abstract that many read ".repeat(20 + n)
            )
        };
        let mail = |reader: usize| {
            let papers: String = (0..5).map(|at| paper((reader + at) % 10)).collect();
            format!("To: reader{reader}@example.org\r\n\r\n{papers}https://p.example.org/u/{reader:x}\r\n").into_bytes()
        };
        (0..count).map(mail).collect()
    }

    fn slices(mails: &[Vec<u8>]) -> Vec<&[u8]> {
        mails.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn a_mail_comes_back_as_it_was() {
        let mails = mails(20);
        let date = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let dictionary = Dictionary::new(date, shared(&slices(&mails)));
        for mail in mails.iter().map(Vec::as_slice).chain([&b""[..], b"\0\xff"]) {
            let stored = packed(mail, Some(&dictionary)).unwrap();
            assert_eq!(unpacked(&stored, Some(&dictionary)).unwrap(), mail);
            assert!(mail.len() < 100 || stored.len() < packed(mail, None).unwrap().len());
            assert_eq!(unpacked(&packed(mail, None).unwrap(), None).unwrap(), mail);
        }
    }

    #[test]
    fn nothing_about_one_reader_is_shared() {
        let shared = String::from_utf8(shared(&slices(&mails(20)))).unwrap();
        assert!(shared.contains("Paper 3\r\n"), "{shared}");
        assert!(!shared.contains("example.org"), "{shared}");
    }

    #[test]
    fn the_most_shared_lines_come_first_in_a_full_dictionary() {
        let long = |from: usize| -> Vec<u8> {
            (from..from + DICTIONARY_MAX / 20)
                .flat_map(|n| format!("a line that is {n:06}\n").into_bytes())
                .collect()
        };
        let (often, seldom) = (long(0), long(500_000));
        let mails: Vec<Vec<u8>> = (0..10)
            .map(|n| {
                if n < 3 {
                    [&*seldom, &often].concat()
                } else {
                    often.clone()
                }
            })
            .collect();
        let shared = shared(&slices(&mails));
        assert!(shared.len() <= DICTIONARY_MAX, "{}", shared.len());
        assert!(
            shared.starts_with(&often[..22]),
            "{}",
            String::from_utf8_lossy(&shared[..80])
        );
    }

    #[test]
    fn a_damaged_text_or_dictionary_gives_no_mail() {
        let mails = mails(20);
        let date = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let dictionary = Dictionary::new(date, shared(&slices(&mails)));
        let other = Dictionary::new(date, dictionary.text.iter().rev().copied().collect());
        let stored = packed(&mails[0], Some(&dictionary)).unwrap();
        assert!(unpacked(&stored, Some(&other)).is_err());
        assert!(unpacked(&stored, None).is_err());
        for at in 0..stored.len() {
            let mut damaged = stored.clone();
            damaged[at] ^= 1;
            let read = unpacked(&damaged, Some(&dictionary));
            assert!(
                read.as_ref().is_err() || read.as_ref().is_ok_and(|mail| *mail == mails[0]),
                "byte {at}"
            );
        }
    }
}
