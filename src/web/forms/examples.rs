//! Papers that somebody names in a form, to get more or less like them.
//!
//! What is not known here is said beside the field. Whoever sends the form again
//! as it was said to be goes without it: the form carries what they agree to.

use crate::archive::resolve_papers;
use crate::fields::Problem;
use crate::paper::PaperId;
use crate::store::{Db, LibraryWork, StoreError};
use crate::web::forms::Form;

/// Key of a stored signup request for the works to learn from.
pub(in crate::web) const LIBRARY: &str = "library";

/// What a field names.
pub(in crate::web) struct Examples {
    /// Papers that are known here.
    pub(in crate::web) papers: Vec<PaperId>,
    /// Works that are not, to learn from by their text.
    pub(in crate::web) works: Vec<LibraryWork>,
    /// What is not known here, as the form carries it; empty if there is nothing.
    pub(in crate::web) unknown: String,
    is_agreed: bool,
}

impl Examples {
    /// Reads what `field` names that somebody likes; `agreed` is the field in
    /// which they agree to go without what is unknown.
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

    /// The same of what they dislike: of works that are no papers here, nothing is learned.
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

    /// What is wrong with the field that is called `path` where problems are told apart.
    pub(in crate::web) fn problem(&self, path: &str) -> Option<Problem> {
        let is_wrong = !self.unknown.is_empty() && !self.is_agreed;
        is_wrong.then(|| Problem {
            path: path.to_owned(),
            value: Some(self.unknown.clone()),
            remedy: "must be papers that are known here".to_owned(),
        })
    }
}
