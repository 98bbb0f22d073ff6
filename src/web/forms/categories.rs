//! Checks categories typed in a form.
//!
//! A category in which no source announces papers is a typing error: papers must come
//! from the categories of an interest, so none would ever match.

use crate::fields::Problem;
use crate::paper::is_arxiv_category;
use crate::store::{Db, StoreError};
use crate::subscriber::Interest;

/// The problem of unknown categories of `interest`, which has number `at` in the form.
/// Categories of the interests `before` this change are accepted.
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
