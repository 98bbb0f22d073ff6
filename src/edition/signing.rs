//! Signs papers: keeps of each by which terms it is told from others.

use crate::profile::features::weigh;
use crate::profile::{Background, TermCounter, Terms};
use crate::ranking::signature::Signature;
use crate::store::{Db, NewSignature, PaperRow, StoreError};
use rayon::prelude::*;

/// Terms that are kept until the statistics are known well enough: some 30,000
/// papers, in 40 MB.
const TERMS_MAX: usize = 8 << 20;

/// Papers signed in one transaction.
const BATCH: usize = 4_000;

/// Papers that are counted and not yet signed: which of its terms tell a paper from
/// others is known once the others are counted too.
#[derive(Default)]
pub(super) struct Unsigned {
    papers: Vec<(PaperRow, u32)>,
    terms: Vec<u32>,
    /// How often each occurs; more than 255 is 255.
    counts: Vec<u8>,
}

impl Unsigned {
    /// Adds a paper that was counted.
    pub(super) fn add(&mut self, paper: PaperRow, terms: &Terms) {
        self.terms.extend(terms.iter().map(|(term, _)| *term));
        self.counts.extend(terms.iter().map(|(_, count)| u8::try_from(*count).unwrap_or(u8::MAX)));
        self.papers.push((paper, self.terms.len() as u32));
    }

    /// Whether they take much memory.
    pub(super) fn is_full(&self) -> bool {
        self.terms.len() >= TERMS_MAX
    }

    /// Signs them all.
    pub(super) fn sign(&mut self, db: &Db, background: &Background) -> Result<(), StoreError> {
        let Unsigned { papers, terms, counts } = std::mem::take(self);
        let signed = |at: usize| {
            let start = if at == 0 { 0 } else { papers[at - 1].1 as usize };
            let (row, end) = papers[at];
            let both = terms[start..end as usize].iter().zip(&counts[start..end as usize]);
            let terms: Terms = both.map(|(term, count)| (*term, u32::from(*count))).collect();
            (row, signature(&terms, background))
        };
        for start in (0..papers.len()).step_by(BATCH) {
            let end = papers.len().min(start + BATCH);
            let signatures: Vec<(PaperRow, Vec<u8>)> = (start..end).into_par_iter().map(signed).collect();
            db.run_here(|store| store.save_signatures(&signatures))?;
        }
        Ok(())
    }
}

/// Signs the papers that were counted long ago and have no signature any more.
pub(super) fn sign_changed(db: &Db, background: &Background) -> Result<(), StoreError> {
    loop {
        let papers = db.run_here(|store| store.papers_unsigned(BATCH as u32))?;
        let count = papers.len();
        let sign = |counter: &mut TermCounter, paper: crate::store::StoredPaper| {
            let terms = signature(&counter.paper(&paper.paper), background);
            NewSignature { paper, terms }
        };
        let signatures: Vec<NewSignature> = papers.into_par_iter().map_init(TermCounter::new, sign).collect();
        if !signatures.is_empty() {
            db.run_here(|store| store.sign(&signatures))?;
        }
        // One that changed meanwhile waits for the next time.
        if count < BATCH {
            return Ok(());
        }
    }
}

fn signature(terms: &Terms, background: &Background) -> Vec<u8> {
    Signature::of(&weigh(terms, background), background).to_bytes()
}
