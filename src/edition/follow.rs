//! Following an author from a pick. Pure.

use super::YOUR_PICKS;
use crate::subscriber::{Interest, Subscriber};
use crate::text::same_person;

/// Adds `name` to the authors of the interest called `interest`, or of the first one; a
/// subscriber without interests gets [`YOUR_PICKS`]. Returns the name of the interest,
/// or `None` if some interest has the author already.
pub fn follow_author(
    subscriber: &mut Subscriber,
    interest: Option<&str>,
    name: &str,
) -> Option<String> {
    let interests = &mut subscriber.details.interests;
    if interests
        .iter()
        .flat_map(|interest| &interest.authors)
        .any(|known| same_person(known, name))
    {
        return None;
    }
    if interests.is_empty() {
        interests.push(Interest {
            name: YOUR_PICKS.to_owned(),
            ..Interest::default()
        });
    }
    let named = |interest: &Interest, name: &str| interest.name.eq_ignore_ascii_case(name);
    let at = interest
        .and_then(|name| interests.iter().position(|interest| named(interest, name)))
        .unwrap_or(0);
    interests[at].authors.push(name.to_owned());
    Some(interests[at].name.clone())
}
