//! The visitor's network address, also behind a proxy.

use crate::web::WebState;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The visitor who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct Visitor {
    /// The network address.
    pub(in crate::web) address: IpAddr,
}

impl Visitor {
    /// Determines the visitor, past trusted proxies.
    pub(in crate::web) fn of(parts: &Parts, trusted: &[IpAddr]) -> Self {
        // Tests call the router without a connection.
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let forwarded = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok());
        Visitor {
            address: visitor(peer, forwarded, trusted),
        }
    }

    /// The network that rate limits count: one IPv4 address, or a /64 of IPv6, because one
    /// site has at least that many addresses (RFC 6177 section 2).
    pub(in crate::web) fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

impl FromRequestParts<WebState> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Infallible> {
        Ok(Visitor::of(parts, &state.settings.trusted_proxies))
    }
}

/// The last address of the chain that is not a trusted proxy. Entries before it can be
/// forged.
fn visitor<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[IpAddr],
) -> IpAddr {
    let mut address = peer.to_canonical();
    for hop in forwarded.rev().flat_map(|line| line.rsplit(',')) {
        if !trusted.contains(&address) {
            break;
        }
        let hop = hop.trim();
        let named = hop
            .parse::<IpAddr>()
            .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
        let Ok(named) = named else { break };
        address = named.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, forwarded: &[&str], expected: &str) {
        let trusted = ["127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap()];
        let found = visitor(peer.parse().unwrap(), forwarded.iter().copied(), &trusted);
        assert_eq!(
            found,
            expected.parse::<IpAddr>().unwrap(),
            "{peer} {forwarded:?}"
        );
    }

    #[test]
    fn only_proxies_of_ours_are_believed() {
        check("198.51.100.7", &[], "198.51.100.7");
        check("198.51.100.7", &["203.0.113.9"], "198.51.100.7");
        check("127.0.0.1", &["203.0.113.9"], "203.0.113.9");
        check("::ffff:127.0.0.1", &["203.0.113.9:4711"], "203.0.113.9");
        // Entries before that of the proxy may be forged by the visitor.
        check("127.0.0.1", &["10.0.0.1, 203.0.113.9"], "203.0.113.9");
        check(
            "127.0.0.1",
            &["10.0.0.1", "203.0.113.9, 192.0.2.1"],
            "203.0.113.9",
        );
        check("127.0.0.1", &["nonsense"], "127.0.0.1");
    }

    #[test]
    fn a_network_of_ipv6_is_one_visitor() {
        let network = |text: &str| {
            Visitor {
                address: text.parse().unwrap(),
            }
            .network()
        };
        assert_eq!(
            network("2001:db8:1:2:3::4"),
            network("2001:db8:1:2:ffff::1")
        );
        assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
    }
}
