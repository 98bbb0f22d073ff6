//! Papers that somebody names in a form, to get more or fewer papers like them.
//!
//! Unknown papers are listed beside the field. The form then carries that list, and
//! sending it again unchanged means to go on without them.

use crate::archive::resolve_papers;
use crate::fields::Problem;
use crate::paper::PaperId;
use crate::store::{Db, LibraryWork, StoreError};
use crate::web::forms::Form;

/// Key of a stored signup request for the works to learn from.
pub(in crate::web) const LIBRARY: &str = "library";

/// The papers that a field names.
pub(in crate::web) struct Examples {
    /// Papers of the archive.
    pub(in crate::web) papers: Vec<PaperId>,
    /// Other works, to learn from by their text.
    pub(in crate::web) works: Vec<LibraryWork>,
    /// Unknown papers, as the form carries them; empty if there are none.
    pub(in crate::web) unknown: String,
    is_agreed: bool,
}

impl Examples {
    /// Reads the liked papers in `field`. The field `agreed` holds the unknown papers that
    /// they have agreed to leave out.
    pub(in crate::web) fn liked(
        db: &Db,
        form: &Form,
        field: &str,
        agreed: &str,
    ) -> Result<Self, StoreError> {
        let named = resolve_papers(db, form.text(field))?;
        let unknown = named.unknown.join("; ").trim().to_owned();
        let is_agreed = unknown == form.text(agreed);
        Ok(Examples {
            papers: named.papers,
            works: named.works,
            unknown,
            is_agreed,
        })
    }

    /// Reads disliked papers. Nothing is learned from works outside of the archive.
    pub(in crate::web) fn disliked(
        db: &Db,
        form: &Form,
        field: &str,
        agreed: &str,
    ) -> Result<Self, StoreError> {
        let named = resolve_papers(db, form.text(field))?;
        let titles = named.works.into_iter().map(|work| work.title);
        let unknown: Vec<String> = named.unknown.into_iter().chain(titles).collect();
        let unknown = unknown.join("; ").trim().to_owned();
        let is_agreed = unknown == form.text(agreed);
        Ok(Examples {
            papers: named.papers,
            works: Vec::new(),
            unknown,
            is_agreed,
        })
    }

    /// The problem of unknown papers in the field `path`, unless they were agreed to.
    pub(in crate::web) fn problem(&self, path: &str) -> Option<Problem> {
        let is_wrong = !self.unknown.is_empty() && !self.is_agreed;
        is_wrong.then(|| Problem {
            path: path.to_owned(),
            value: Some(self.unknown.clone()),
            remedy: "must be papers that are known here".to_owned(),
        })
    }
}
