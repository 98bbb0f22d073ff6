//! Categories that somebody types in a form.
//!
//! One that no source announces in is a slip: papers must come from an interest's
//! categories, so that nothing would ever come.

use crate::fields::Problem;
use crate::paper::is_arxiv_category;
use crate::store::{Db, StoreError};
use crate::subscriber::Interest;

/// What is wrong with the categories of `interest`, the one numbered `at` in the
/// form: those that nobody knows. Those of `before` were fine then, and stay.
pub(in crate::web) fn unknown(
    db: &Db,
    at: usize,
    interest: &Interest,
    before: &[Interest],
) -> Result<Option<Problem>, StoreError> {
    let mut unknown = Vec::new();
    for code in &interest.categories {
        let was_there = || {
            before
                .iter()
                .any(|interest| interest.categories.contains(code))
        };
        if !(is_arxiv_category(code)
            || was_there()
            || db.read_here(|store| store.knows_category(code))?)
        {
            unknown.push(code.as_str());
        }
    }
    Ok((!unknown.is_empty()).then(|| Problem {
        path: format!("interests[{at}].categories"),
        value: Some(unknown.join(", ")),
        remedy: "must be categories that papers are announced in".to_owned(),
    }))
}
