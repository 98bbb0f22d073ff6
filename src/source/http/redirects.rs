//! Following redirects by hand: where they may lead, and what may go along.

use super::kept::State;
use super::{Http, HttpError, Question, text_of};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{RequestBuilder, Response, Url, header};
use secrecy::ExposeSecret;
use std::net::{IpAddr, SocketAddr};

/// Redirects of one request.
const REDIRECTS_MAX: usize = 3;

const ACCEPT_FEEDS: &str = "application/atom+xml, application/rss+xml, application/xml, */*;q=0.1";

impl Http {
    /// The response to `question`, or that of where it leads.
    pub(super) async fn follow(
        &self,
        question: &Question,
    ) -> Result<Result<Response, reqwest::Error>, HttpError> {
        let url = question.url.as_str();
        let misled = |to: &str, why: &str| HttpError::Misled {
            url: url.to_owned(),
            to: to.to_owned(),
            why: why.to_owned(),
        };
        let state = self.kept().state(url).unwrap_or_default();
        let mut next = Url::parse(url).map_err(|_| misled(url, "this is no address"))?;
        let (mut client, mut is_with_secrets) = (&self.0.client, true);
        for _ in 0..=REDIRECTS_MAX {
            let mut asked = next.clone();
            if is_with_secrets && let Some((name, secret)) = &question.secret_query {
                asked
                    .query_pairs_mut()
                    .append_pair(name, secret.expose_secret());
            }
            let response = match prepared(client.get(asked), question, is_with_secrets, &state)
                .send()
                .await
            {
                Ok(response) => response,
                Err(error) => {
                    return match led_astray(&error) {
                        Some(led) => Err(misled(next.as_str(), &led)),
                        None => Ok(Err(error)),
                    };
                }
            };
            let location = text_of(&response, header::LOCATION);
            let (true, Some(location)) = (
                matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308),
                location,
            ) else {
                return Ok(Ok(response));
            };
            // Many send back the whole query, and the key in it.
            let to = next.join(&location).map(|to| without_secret(to, question));
            let to = to.map_err(|_| misled(&location, "this is no address"))?;
            match (next.scheme(), to.scheme()) {
                (_, "https") | ("http", "http") => {}
                _ => return Err(misled(to.as_str(), "it is not encrypted")),
            }
            let address = literal(&to);
            if response
                .remote_addr()
                .is_none_or(|from| (self.0.settings.is_public)(from.ip()))
            {
                client = &self.0.public;
                // An address that is written out is not looked up.
                if address.is_some_and(|address| !(self.0.settings.is_public)(address)) {
                    return Err(misled(to.as_str(), "it is a private address"));
                }
            } else {
                client = &self.0.beyond_the_link;
                if address.is_some_and(is_link_local) {
                    return Err(misled(
                        to.as_str(),
                        "it is an address of this machine's own link",
                    ));
                }
            }
            is_with_secrets &= is_same_host(&next, &to);
            next = to;
        }
        Err(misled(next.as_str(), "there are too many redirects"))
    }
}

/// A request with all that goes along.
fn prepared(
    asked: RequestBuilder,
    question: &Question,
    is_with_secrets: bool,
    state: &State,
) -> RequestBuilder {
    let accept = if question.accept.is_empty() {
        ACCEPT_FEEDS
    } else {
        question.accept
    };
    let mut sent = asked.header(header::ACCEPT, accept);
    for (name, value) in [
        (header::IF_NONE_MATCH, &state.tag),
        (header::IF_MODIFIED_SINCE, &state.modified),
    ] {
        if let Some(value) = value {
            sent = sent.header(name, value);
        }
    }
    match &question.secret_header {
        Some((name, secret)) if is_with_secrets => sent.header(*name, secret.expose_secret()),
        _ => sent,
    }
}

/// Whether what one may see the other may: the same name and door, or its encrypted one.
fn is_same_host(one: &Url, other: &Url) -> bool {
    let doors = (one.port_or_known_default(), other.port_or_known_default());
    let is_same_door = doors.0 == doors.1 && one.scheme() == other.scheme();
    let is_upgrade = doors == (Some(80), Some(443)) && other.scheme() == "https";
    one.host() == other.host() && (is_same_door || is_upgrade)
}

/// The address without the part of the query that is secret.
fn without_secret(mut to: Url, question: &Question) -> Url {
    let Some((name, secret)) = &question.secret_query else {
        return to;
    };
    let is_secret = |key: &str, value: &str| key == *name || value == secret.expose_secret();
    if to.query_pairs().any(|(key, value)| is_secret(&key, &value)) {
        let rest: Vec<(String, String)> = to.query_pairs().into_owned().collect();
        let rest = rest.iter().filter(|(key, value)| !is_secret(key, value));
        to.query_pairs_mut().clear().extend_pairs(rest);
    }
    to
}

/// Whether an address is one of the link only, where the machines of cloud providers
/// ask for their own keys (RFC 3927, RFC 4291 section 2.5.6). Nobody serves papers there.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
    }
}

/// The address that stands in place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Finds fit addresses only. What it finds is what is connected to, so that a
/// name cannot lead elsewhere in between.
pub(super) struct Among(pub(super) fn(IpAddr) -> bool);

/// A name that leads to addresses only that are not fit.
#[derive(Debug, thiserror::Error)]
#[error("it leads to a private address")]
struct Private;

impl Resolve for Among {
    fn resolve(&self, name: Name) -> Resolving {
        let is_fit = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let fit: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| is_fit(address.ip()))
                .collect();
            if fit.is_empty() && !found.is_empty() {
                return Err(Box::new(Private).into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}

/// Whether a connection was refused because of where it leads.
fn led_astray(error: &reqwest::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // What a resolver says comes in a box of its own.
        if error.is::<Private>() || error.to_string() == Private.to_string() {
            return Some(Private.to_string());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_with_its_host() {
        for (one, other, expected) in [
            ("https://a.org/x", "https://a.org/y?z", true),
            ("http://a.org/x", "https://a.org/x", true),
            ("https://a.org/x", "https://a.org:8443/x", false),
            ("https://a.org/x", "https://b.a.org/x", false),
            ("https://a.org/x", "https://a.org.b.com/x", false),
            ("https://a.org/x", "https://a.org@b.com/x", false),
        ] {
            let url = |text: &str| Url::parse(text).unwrap();
            assert_eq!(
                is_same_host(&url(one), &url(other)),
                expected,
                "{one} -> {other}"
            );
        }
    }

    #[test]
    fn what_an_address_repeats_of_the_key_is_taken_out() {
        let question = Question {
            secret_query: Some(("api_key", "s3cret".into())),
            ..Question::default()
        };
        for (to, expected) in [
            ("https://b.org/x?api_key=s3cret&q=1", "https://b.org/x?q=1"),
            ("https://b.org/x?key=s3cret", "https://b.org/x?"),
            ("https://b.org/x?q=a%2Bb", "https://b.org/x?q=a%2Bb"),
        ] {
            assert_eq!(
                without_secret(Url::parse(to).unwrap(), &question).as_str(),
                expected
            );
        }
    }
}
