//! Authenticates readers by the token of a link.

use crate::subscriber::{Subscriber, SubscriberId};
use crate::token::{Scope, Signer};
use crate::web::{PageError, WebState};

/// The subscriber of `token`, if it has one of `scopes` and their current generation;
/// `None` also if they are gone.
pub(super) async fn subscriber_by_token(
    state: &WebState,
    scopes: &[Scope],
    token: &str,
) -> Result<Option<Subscriber>, PageError> {
    let claimed = scopes
        .iter()
        .find_map(|&scope| Some((scope, Signer::claimed(scope, token).ok()?)));
    let Some((scope, id)) = claimed else {
        return Ok(None);
    };
    let found = state
        .db
        .read(move |store| store.subscriber_by_id(SubscriberId(id)))
        .await?;
    let signer = &state.composer().signer;
    Ok(found.filter(|found| signer.verify_in(scope, token, found.generation).is_ok()))
}
