//! The account: moving to another address, leaving, returning, export and erasure.

use super::{Bearer, bearer, page, posted};
use crate::digest::notices::Notice;
use crate::edition::Addressee;
use crate::language::Text;
use crate::store::{AGREES_TO, ConsentContext, NewRequest, RequestKind, Store};
use crate::subscriber::{Address, Status, Subscriber};
use crate::token::Scope;
use crate::web::error_page::ErrorPage;
use crate::web::forms::field_errors;
use crate::web::forms::mail_form::LINK_HOURS;
use crate::web::forms::mail_form::RefusedAddress;
use crate::web::pages::Page;
use crate::web::reader::owner::OWNER_HOURS;
use crate::web::reader::unsubscribe;
use crate::web::serving::rate_limits::LimitedAction;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::TimeDelta;

/// Moves per day that the old address is asked about: the first new address may have been
/// mistyped.
const MOVES_PER_DAY: u32 = 3;

/// `GET /preferences/account?t=TOKEN`
pub(super) async fn form(State(state): State<WebState>, uri: Uri) -> Result<Response, PageError> {
    let bearer = bearer(&state, &uri).await?;
    show(&state, &bearer, None)
}

/// `POST /preferences/account?t=TOKEN` with `act`.
pub(super) async fn act(
    State(state): State<WebState>,
    visitor: Visitor,
    uri: Uri,
    request: Request<Body>,
) -> Result<Response, PageError> {
    let (mut bearer, form) = posted(&state, visitor, &uri, request).await?;
    let asking = state.asking(visitor, uri.path());
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().account;
    match form.text("act") {
        "move" => {
            move_to(
                &state,
                visitor,
                &bearer,
                form.text("email"),
                form.has("sure"),
                asking,
            )
            .await
        }
        kind @ ("export" | "erase" | "return") => {
            state.limit(LimitedAction::Mail, visitor)?;
            let kind = match kind {
                "export" => RequestKind::Export,
                "erase" => RequestKind::Erase,
                _ => RequestKind::Subscribe,
            };
            ask_by_mail(&state, &bearer, kind, asking).await?;
            show(&state, &bearer, Some(words.mailed.as_str()))
        }
        "leave" => {
            let (id, now) = (bearer.subscriber.id, state.clock.now());
            if state
                .db
                .run(move |store| store.unsubscribe(id, "preferences", now))
                .await?
            {
                tracing::info!(subscriber.id = id.0, "unsubscribed by the preferences page");
                unsubscribe::goodbye(&state, id).await;
            }
            bearer.subscriber.details.status = Status::Unsubscribed;
            show(&state, &bearer, Some(words.gone.as_str()))
        }
        "retire" => {
            let (id, now) = (bearer.subscriber.id, state.clock.now());
            state
                .db
                .run(move |store| store.retire_links(id, now))
                .await?;
            let subscriber = state
                .db
                .run(move |store| store.subscriber_by_id(id))
                .await?
                .ok_or(ErrorPage::BadPreferencesLink)?;
            tracing::info!(subscriber.id = id.0, "older links retired");
            let bearer = Bearer::new(&state, subscriber);
            show(&state, &bearer, Some(words.retired.as_str()))
        }
        "resume" if matches!(bearer.subscriber.status, Status::Active | Status::Paused) => {
            bearer.subscriber.details.status = Status::Active;
            bearer.subscriber.details.preferences.pause_until = None;
            bearer.save(&state).await?;
            show(&state, &bearer, Some(words.resumed.as_str()))
        }
        _ => Err(ErrorPage::BadForm.into()),
    }
}

/// Checks a new address, and asks it and the old one to confirm the move.
async fn move_to(
    state: &WebState,
    visitor: Visitor,
    bearer: &Bearer,
    typed: &str,
    is_sure: bool,
    asking: ConsentContext,
) -> Result<Response, PageError> {
    let locale = state.locale_of(&bearer.subscriber);
    let words = &locale.pages().wrong;
    let refuse = |why: &Text| refuse(state, bearer, typed, why.as_str(), false);
    let Ok(address) = typed.parse::<Address>() else {
        return refuse(field_errors::of_address(typed, words).unwrap_or(&words.address));
    };
    if address
        .as_str()
        .eq_ignore_ascii_case(bearer.subscriber.address.as_str())
    {
        return refuse(&words.address_yours);
    }
    match state.check_address(&address, is_sure) {
        Ok(()) => {}
        Err(RefusedAddress::UnwantedKind(kind)) => {
            return refuse(field_errors::of_mailbox_kind(kind, words));
        }
        Err(RefusedAddress::Mistyped(meant)) => {
            let said = words.address_meant.with(&[("address", meant.as_str())]);
            return self::refuse(state, bearer, typed, &said, true);
        }
    }
    state.limit(LimitedAction::Mail, visitor)?;
    ask_both(state, &bearer.subscriber, &address, asking).await?;
    let said = locale
        .pages()
        .account
        .moving
        .with(&[("address", address.as_str())]);
    show(state, bearer, Some(&said))
}

/// Mails links to the new and the current address; both must confirm. Limited per day.
async fn ask_both(
    state: &WebState,
    subscriber: &Subscriber,
    new: &Address,
    asking: ConsentContext,
) -> Result<(), PageError> {
    let _lock = state.lock_mailing().await;
    let now = state.clock.now();
    let (old, since) = (subscriber.address.clone(), now - TimeDelta::days(1));
    let (to_new, to_old) = (new.clone(), old.clone());
    let may_ask = state.db.run(move |store| {
        let asked =
            |store: &mut dyn Store, of: &Address| store.count_mailed(RequestKind::Move, of, since);
        Ok(asked(store, &to_new)? == 0 && asked(store, &to_old)? < MOVES_PER_DAY)
    });
    if !may_ask.await? {
        return Ok(());
    }
    let id = subscriber.id;
    let request = move |address: Address, details: String| NewRequest {
        kind: RequestKind::Move,
        address,
        subscriber: Some(id),
        details,
        asking: asking.clone(),
    };
    let (to_new, to_old) = (new.clone(), old.clone());
    let (from_new, from_old) = state
        .db
        .run(move |store| {
            let first = store.ask(&request(to_new.clone(), to_new.to_string()), None, now)?;
            let second = store.ask(
                &request(to_old, format!("{AGREES_TO}{}", first.0)),
                None,
                now,
            )?;
            Ok((first, second))
        })
        .await?;
    let until = now + TimeDelta::hours(LINK_HOURS);
    let preferences = &subscriber.preferences;
    let to = |address| Addressee {
        subscriber: Some(id),
        address,
        language: &preferences.language,
        zone: preferences.timezone,
    };
    let asks_old = Notice::OldAddress {
        new: new.clone(),
        url: state.confirm_url(from_old),
        until,
    };
    let asks_new = Notice::NewAddress {
        old: old.clone(),
        url: state.confirm_url(from_new),
        until,
    };
    state.send(&asks_new, to(new), Some(from_new)).await?;
    state.send(&asks_old, to(&old), Some(from_old)).await
}

/// Mails a fresh link to the subscriber's own address, one of each kind a day. Mails from
/// the public form do not count: somebody who subscribed today and left by mistake can
/// return today.
async fn ask_by_mail(
    state: &WebState,
    bearer: &Bearer,
    kind: RequestKind,
    asking: ConsentContext,
) -> Result<(), PageError> {
    let (subscriber, now) = (&bearer.subscriber, state.clock.now());
    let _lock = state.lock_mailing().await;
    let (page, to, since) = (
        asking.page.clone(),
        subscriber.address.clone(),
        now - TimeDelta::days(1),
    );
    if state
        .db
        .run(move |store| store.count_mailed_from(&page, kind, &to, since))
        .await?
        > 0
    {
        return Ok(());
    }
    // Returning restores the former choices.
    let details = if kind == RequestKind::Subscribe {
        subscriber.to_record().to_string()
    } else {
        String::new()
    };
    let request = NewRequest {
        kind,
        address: subscriber.address.clone(),
        subscriber: Some(subscriber.id),
        details,
        asking,
    };
    let id = state
        .db
        .run(move |store| store.ask(&request, None, now))
        .await?;
    let owner_url = || state.signed_url("/owner", Scope::Owner, id);
    let notice = match kind {
        RequestKind::Export => Notice::Export {
            url: owner_url(),
            until: now + TimeDelta::hours(OWNER_HOURS),
        },
        RequestKind::Erase => Notice::Erase {
            url: owner_url(),
            until: now + TimeDelta::hours(OWNER_HOURS),
        },
        _ => Notice::Confirm {
            url: state.confirm_url(id),
            until: now + TimeDelta::hours(LINK_HOURS),
        },
    };
    state.send(&notice, subscriber.into(), Some(id)).await
}

fn show(state: &WebState, bearer: &Bearer, said: Option<&str>) -> Result<Response, PageError> {
    let page = filled(state, bearer).with("said", &said);
    state
        .pages
        .respond(StatusCode::OK, "preferences.account.html", &page)
}

/// The page with the error of the `typed` address. With `asks_again`, it offers to use the
/// address nevertheless.
fn refuse(
    state: &WebState,
    bearer: &Bearer,
    typed: &str,
    why: &str,
    asks_again: bool,
) -> Result<Response, PageError> {
    let page = filled(state, bearer)
        .with("email", &typed)
        .with("problem", &why)
        .with("asks_again", &asks_again);
    state.pages.respond(
        StatusCode::UNPROCESSABLE_ENTITY,
        "preferences.account.html",
        &page,
    )
}

fn filled(state: &WebState, bearer: &Bearer) -> Page {
    page(state, bearer, "/preferences/account")
        .with("own", &state.locale_of(&bearer.subscriber).pages().account)
        .with("email", &"")
        .with("problem", &None::<&str>)
        .with("asks_again", &false)
        .with(
            "has_left",
            &(bearer.subscriber.status == Status::Unsubscribed),
        )
}
