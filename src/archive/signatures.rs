//! Computing signatures: the terms by which each paper is told from others.

use crate::profile::features::{People, people, weigh};
use crate::profile::{Background, TermCounter, TermCounts};
use crate::ranking::signature::Signature;
use crate::store::{Db, NewSignature, PaperRow, StoreError, StoredPaper};
use rayon::prelude::*;

/// Terms buffered until the statistics are known well enough: some 30,000 papers, in
/// 40 MB.
const TERMS_MAX: usize = 8 << 20;

/// Papers signed in one transaction.
const BATCH: usize = 4_000;

/// Papers that are counted but not signed yet: their distinctive terms are known only
/// after the others are counted.
#[derive(Default)]
pub(super) struct UnsignedPapers {
    /// Each paper with the ends of its terms and of its people.
    papers: Vec<(PaperRow, u32, u32)>,
    people: People,
    terms: Vec<u32>,
    /// How often each term occurs; capped at 255.
    counts: Vec<u8>,
}

impl UnsignedPapers {
    /// Adds a counted paper.
    pub(super) fn add(&mut self, paper: &StoredPaper, terms: &TermCounts) {
        self.terms.extend(terms.iter().map(|(term, _)| *term));
        self.counts.extend(
            terms
                .iter()
                .map(|(_, count)| u8::try_from(*count).unwrap_or(u8::MAX)),
        );
        self.people.extend(people(&paper.paper.authors));
        self.papers
            .push((paper.row, self.terms.len() as u32, self.people.len() as u32));
    }

    /// Whether the buffer is full.
    pub(super) fn is_full(&self) -> bool {
        self.terms.len() >= TERMS_MAX
    }

    /// Signs all papers of the buffer.
    pub(super) fn sign(&mut self, db: &Db, background: &Background) -> Result<(), StoreError> {
        let UnsignedPapers {
            papers,
            people,
            terms,
            counts,
        } = std::mem::take(self);
        let signed = |at: usize| {
            let (start, first) = if at == 0 {
                (0, 0)
            } else {
                (papers[at - 1].1 as usize, papers[at - 1].2 as usize)
            };
            let (row, end, last) = papers[at];
            let both = terms[start..end as usize]
                .iter()
                .zip(&counts[start..end as usize]);
            let terms: TermCounts = both
                .map(|(term, count)| (*term, u32::from(*count)))
                .collect();
            (
                row,
                signature(&terms, &people[first..last as usize], background),
            )
        };
        for start in (0..papers.len()).step_by(BATCH) {
            let end = papers.len().min(start + BATCH);
            let signatures: Vec<(PaperRow, Vec<u8>)> =
                (start..end).into_par_iter().map(signed).collect();
            db.run_here(|store| store.save_signatures(&signatures))?;
        }
        Ok(())
    }
}

/// Signs papers whose signature was dropped because they changed.
pub(super) fn sign_changed(db: &Db, background: &Background) -> Result<(), StoreError> {
    loop {
        let papers = db.run_here(|store| store.papers_unsigned(BATCH as u32))?;
        let count = papers.len();
        let sign = |counter: &mut TermCounter, paper: StoredPaper| {
            let people = people(&paper.paper.authors);
            let terms = signature(&counter.paper(&paper.paper), &people, background);
            NewSignature { paper, terms }
        };
        let signatures: Vec<NewSignature> = papers
            .into_par_iter()
            .map_init(TermCounter::new, sign)
            .collect();
        if !signatures.is_empty() {
            db.run_here(|store| store.sign(&signatures))?;
        }
        // A paper that changed meanwhile is signed the next time.
        if count < BATCH {
            return Ok(());
        }
    }
}

fn signature(terms: &TermCounts, people: &[(u32, u32)], background: &Background) -> Vec<u8> {
    Signature::of(&weigh(terms, background), people, background).to_bytes()
}
