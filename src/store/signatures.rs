//! What tells papers from each other.

use super::{PaperRow, StoreError, StoredPaper};

/// A paper, and the signature that was made of it as it stands here.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSignature {
    /// The paper.
    pub paper: StoredPaper,
    /// Its signature, as `ranking` writes it.
    pub terms: Vec<u8>,
}

/// Verbs about the signatures of papers. A signature goes when the text of its
/// paper changes, or when the paper becomes another name of one.
pub trait SignatureStore {
    /// Saves signatures in place of those before.
    fn save_signatures(&mut self, signatures: &[(PaperRow, Vec<u8>)]) -> Result<(), StoreError>;

    /// Up to `limit` papers that are counted in the background statistics and have
    /// no signature: their text has changed since, or an earlier version counted them.
    fn papers_unsigned(&mut self, limit: u32) -> Result<Vec<StoredPaper>, StoreError>;

    /// Saves the signatures of such papers. One whose text has changed since it
    /// was read stays unsigned.
    fn sign(&mut self, signatures: &[NewSignature]) -> Result<(), StoreError>;

    /// Whether papers are not yet counted in the background statistics, or unsigned.
    fn is_behind(&mut self) -> Result<bool, StoreError>;

    /// The signature of a paper, if it has one.
    fn signature(&mut self, row: PaperRow) -> Result<Option<Vec<u8>>, StoreError>;

    /// Calls `each` for the signatures of the `most` papers taken in last, in the
    /// order in which they were.
    fn each_signature(
        &mut self,
        most: u32,
        each: &mut dyn FnMut(PaperRow, &[u8]),
    ) -> Result<(), StoreError>;
}
