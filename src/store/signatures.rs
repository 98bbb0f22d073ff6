//! Signatures of papers, by which similar papers are found.

use super::{PaperRow, StoreError, StoredPaper};

/// A paper with the signature computed from its current text.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSignature {
    /// The paper.
    pub paper: StoredPaper,
    /// Signature, as `ranking` writes it.
    pub terms: Vec<u8>,
}

/// Signatures of papers. A signature is deleted when the text of its paper changes, or when
/// the paper is merged into another one.
pub trait SignatureStore {
    /// Saves signatures, replacing earlier ones.
    fn save_signatures(&mut self, signatures: &[(PaperRow, Vec<u8>)]) -> Result<(), StoreError>;

    /// Returns up to `limit` papers that are counted in the background statistics and have no
    /// signature: their text has changed since, or an earlier version counted them.
    fn papers_unsigned(&mut self, limit: u32) -> Result<Vec<StoredPaper>, StoreError>;

    /// Saves the signatures of such papers, except those whose text has changed since it was
    /// read.
    fn sign(&mut self, signatures: &[NewSignature]) -> Result<(), StoreError>;

    /// Whether some papers are not counted in the background statistics, or not signed.
    fn is_behind(&mut self) -> Result<bool, StoreError>;

    /// Returns the signature of a paper, if it has one.
    fn signature(&mut self, row: PaperRow) -> Result<Option<Vec<u8>>, StoreError>;

    /// Calls `each` for the signatures of the `most` papers taken in last, oldest first.
    fn each_signature(
        &mut self,
        most: u32,
        each: &mut dyn FnMut(PaperRow, &[u8]),
    ) -> Result<(), StoreError>;
}
