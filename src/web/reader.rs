//! Whose link it is that somebody follows.

use super::{PageError, Site};
use crate::subscriber::{Subscriber, SubscriberId};
use crate::token::{Scope, Signer};

/// The subscriber whom `token` was made for, if it is of one of `scopes` and of
/// their newest generation; `None` also if they are gone.
pub(super) async fn reader(
    site: &Site,
    scopes: &[Scope],
    token: &str,
) -> Result<Option<Subscriber>, PageError> {
    let claimed = scopes
        .iter()
        .find_map(|&scope| Some((scope, Signer::claimed(scope, token).ok()?)));
    let Some((scope, id)) = claimed else {
        return Ok(None);
    };
    let found = site
        .db
        .read(move |store| store.subscriber_by_id(SubscriberId(id)))
        .await?;
    let signer = &site.desk().signer;
    Ok(found.filter(|found| signer.verify_in(scope, token, found.generation).is_ok()))
}
