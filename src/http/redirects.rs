//! Redirects: which are followed, and what is sent along.

use super::cache::Validators;
use super::{Http, HttpError, HttpRequest, header_text};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{RequestBuilder, Response, Url, header};
use secrecy::ExposeSecret;
use std::net::{IpAddr, SocketAddr};

/// Redirects that are followed for one request.
const REDIRECTS_MAX: usize = 3;

const ACCEPT_FEEDS: &str = "application/atom+xml, application/rss+xml, application/xml, */*;q=0.1";

impl Http {
    /// The response to `request`, after redirects.
    pub(super) async fn follow(
        &self,
        request: &HttpRequest,
    ) -> Result<Result<Response, reqwest::Error>, HttpError> {
        let url = request.url.as_str();
        let refused = |to: &str, why: &str| HttpError::RefusedRedirect {
            url: url.to_owned(),
            to: to.to_owned(),
            why: why.to_owned(),
        };
        let validators = self.cache().validators(url).unwrap_or_default();
        let mut next = Url::parse(url).map_err(|_| refused(url, "this is no address"))?;
        let (mut client, mut is_with_secrets) = (&self.0.client, true);
        for _ in 0..=REDIRECTS_MAX {
            let mut asked = next.clone();
            if is_with_secrets && let Some((name, secret)) = &request.secret_query {
                asked
                    .query_pairs_mut()
                    .append_pair(name, secret.expose_secret());
            }
            let response = match prepared(client.get(asked), request, is_with_secrets, &validators)
                .send()
                .await
            {
                Ok(response) => response,
                Err(error) => {
                    return match refused_redirect(&error) {
                        Some(led) => Err(refused(next.as_str(), &led)),
                        None => Ok(Err(error)),
                    };
                }
            };
            let location = header_text(&response, header::LOCATION);
            let (true, Some(location)) = (
                matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308),
                location,
            ) else {
                return Ok(Ok(response));
            };
            // Many servers repeat the whole query in the address, with the key.
            let to = next.join(&location).map(|to| without_secret(to, request));
            let to = to.map_err(|_| refused(&location, "this is no address"))?;
            match (next.scheme(), to.scheme()) {
                (_, "https") | ("http", "http") => {}
                _ => return Err(refused(to.as_str(), "it is not encrypted")),
            }
            let address = literal(&to);
            if response
                .remote_addr()
                .is_none_or(|from| (self.0.settings.is_public)(from.ip()))
            {
                client = &self.0.public;
                // A literal address is not resolved, so it is checked here.
                if address.is_some_and(|address| !(self.0.settings.is_public)(address)) {
                    return Err(refused(to.as_str(), "it is a private address"));
                }
            } else {
                client = &self.0.beyond_the_link;
                if address.is_some_and(is_link_local) {
                    return Err(refused(
                        to.as_str(),
                        "it is an address of this machine's own link",
                    ));
                }
            }
            is_with_secrets &= is_same_host(&next, &to);
            next = to;
        }
        Err(refused(next.as_str(), "there are too many redirects"))
    }
}

/// The request with its headers.
fn prepared(
    asked: RequestBuilder,
    request: &HttpRequest,
    is_with_secrets: bool,
    validators: &Validators,
) -> RequestBuilder {
    let accept = if request.accept.is_empty() {
        ACCEPT_FEEDS
    } else {
        request.accept
    };
    let mut sent = asked.header(header::ACCEPT, accept);
    for (name, value) in [
        (header::IF_NONE_MATCH, &validators.tag),
        (header::IF_MODIFIED_SINCE, &validators.modified),
    ] {
        if let Some(value) = value {
            sent = sent.header(name, value);
        }
    }
    match &request.secret_header {
        Some((name, secret)) if is_with_secrets => sent.header(*name, secret.expose_secret()),
        _ => sent,
    }
}

/// Whether both addresses have the same host and port, or `other` is the HTTPS one of `one`.
fn is_same_host(one: &Url, other: &Url) -> bool {
    let ports = (one.port_or_known_default(), other.port_or_known_default());
    let is_same_port = ports.0 == ports.1 && one.scheme() == other.scheme();
    let is_upgrade = ports == (Some(80), Some(443)) && other.scheme() == "https";
    one.host() == other.host() && (is_same_port || is_upgrade)
}

/// The address without the secret query parameter.
fn without_secret(mut to: Url, request: &HttpRequest) -> Url {
    let Some((name, secret)) = &request.secret_query else {
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

/// Whether an address is link-local (RFC 3927, RFC 4291 section 2.5.6). Machines of cloud
/// providers fetch their keys from such addresses; no source is there.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
    }
}

/// The IP address in place of a host name.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Resolver that returns allowed addresses only. The client connects to what it returns,
/// so that DNS cannot change the address between check and connection.
pub(super) struct FilteredResolver(pub(super) fn(IpAddr) -> bool);

/// A name of which no address is allowed.
#[derive(Debug, thiserror::Error)]
#[error("it leads to a private address")]
struct Private;

impl Resolve for FilteredResolver {
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

/// The reason, if the resolver refused all addresses.
fn refused_redirect(error: &reqwest::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // The error of a resolver arrives in a box.
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
    fn a_key_repeated_in_an_address_is_removed() {
        let request = HttpRequest {
            secret_query: Some(("api_key", "s3cret".into())),
            ..HttpRequest::default()
        };
        for (to, expected) in [
            ("https://b.org/x?api_key=s3cret&q=1", "https://b.org/x?q=1"),
            ("https://b.org/x?key=s3cret", "https://b.org/x?"),
            ("https://b.org/x?q=a%2Bb", "https://b.org/x?q=a%2Bb"),
        ] {
            assert_eq!(
                without_secret(Url::parse(to).unwrap(), &request).as_str(),
                expected
            );
        }
    }
}
