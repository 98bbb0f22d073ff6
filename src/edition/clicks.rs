//! Telling clicks of people from those of mail scanners. Pure.
//!
//! Mail gateways follow the links of a mail before its reader sees it, most of them
//! under the name of a common browser. Their haste gives them away: they come as the
//! mail is taken, and follow many of its links at once.

use crate::store::{Agent, StoredClick};
use crate::subscriber::SubscriberId;
use chrono::TimeDelta;
// An address only; nothing here uses the network.
use core::net::IpAddr;
use std::collections::HashSet;

/// Clicks sooner than this after the server took the mail are a scanner's.
const AFTER_DELIVERY: TimeDelta = TimeDelta::seconds(20);

/// This many links of one reader's mails within [`BURST`] are a scanner's.
const BURST_LINKS: usize = 3;
const BURST: TimeDelta = TimeDelta::seconds(2);

/// Words in the names of programs and not of browsers.
const PROGRAMS: [&str; 26] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "python",
    "curl",
    "wget",
    "java/",
    "go-http",
    "okhttp",
    "httpclient",
    "libwww",
    "headless",
    "phantom",
    "monitor",
    "check",
    "fetch",
    "proxy",
    "barracuda",
    "mimecast",
    "proofpoint",
    "safelinks",
    "ironport",
    "trendmicro",
    "slack",
];

/// The kind of client that a `User-Agent` header names.
pub fn agent(user_agent: &str) -> Agent {
    let folded = user_agent.to_lowercase();
    if PROGRAMS.iter().any(|word| folded.contains(word)) {
        Agent::Program
    } else if folded.starts_with("mozilla/") || folded.starts_with("opera/") {
        Agent::Browser
    } else {
        Agent::Unknown
    }
}

/// The network of an address: the first 24 bits of IPv4, the first 48 of IPv6, which
/// tell sites apart.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// Whether a person made each of `clicks`, which are sorted by time.
///
/// After one burst, a network's clicks for that reader no longer count.
pub fn are_peoples(clicks: &[StoredClick]) -> Vec<bool> {
    let mut peoples: Vec<bool> = clicks.iter().map(is_unhurried).collect();
    for (at, stored) in clicks.iter().enumerate() {
        let of_same = |other: &&StoredClick| other.click.subscriber == stored.click.subscriber;
        let within = clicks[at..]
            .iter()
            .take_while(|other| other.click.at - stored.click.at <= BURST);
        let links: HashSet<_> = within
            .clone()
            .filter(of_same)
            .map(|other| other.click.paper)
            .collect();
        if links.len() >= BURST_LINKS {
            let count = within.count();
            for (other, peoples) in clicks[at..at + count]
                .iter()
                .zip(&mut peoples[at..at + count])
            {
                *peoples &= other.click.subscriber != stored.click.subscriber;
            }
        }
    }
    let caught: HashSet<(SubscriberId, &str)> = clicks
        .iter()
        .zip(&peoples)
        .filter(|(stored, is_persons)| !**is_persons && !stored.click.network.is_empty())
        .map(|(stored, _)| (stored.click.subscriber, stored.click.network.as_str()))
        .collect();
    for (stored, peoples) in clicks.iter().zip(&mut peoples) {
        *peoples &= !caught.contains(&(stored.click.subscriber, stored.click.network.as_str()));
    }
    peoples
}

fn is_unhurried(stored: &StoredClick) -> bool {
    let click = &stored.click;
    let is_late_enough = match (stored.issue, stored.delivered_at) {
        // A link can be followed before a server took its mail only by a scanner on the way.
        (Some(_), None) => false,
        (_, Some(delivered)) => click.at >= delivered + AFTER_DELIVERY,
        (None, None) => true,
    };
    !click.is_head && click.agent == Agent::Browser && is_late_enough
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Click, PaperRow};
    use chrono::{DateTime, Utc};

    fn delivered() -> DateTime<Utc> {
        "2026-08-04T07:00:00Z".parse().unwrap()
    }

    fn click(reader: i64, paper: i64, after_ms: i64, network: &str) -> StoredClick {
        StoredClick {
            click: Click {
                subscriber: SubscriberId(reader),
                paper: PaperRow(paper),
                at: delivered() + TimeDelta::milliseconds(after_ms),
                is_head: false,
                agent: Agent::Browser,
                network: network.to_owned(),
            },
            issue: Some(1),
            delivered_at: Some(delivered()),
        }
    }

    const MINUTE: i64 = 60_000;

    #[test]
    fn two_clicks_in_a_reasonable_time_are_a_persons() {
        let clicks = [
            click(1, 1, 5 * MINUTE, "a"),
            click(1, 2, 5 * MINUTE + 900, "a"),
            click(1, 3, 9 * MINUTE, "a"),
        ];
        assert_eq!(are_peoples(&clicks), [true, true, true]);
    }

    #[test]
    fn many_links_at_once_are_a_scanners_and_its_network_is_not_believed_again() {
        let mut clicks: Vec<_> = (1..=4)
            .map(|paper| click(1, paper, 10 * MINUTE + paper * 300, "a"))
            .collect();
        clicks.push(click(2, 1, 10 * MINUTE + 1300, "a"));
        clicks.push(click(1, 5, 60 * MINUTE, "a"));
        clicks.push(click(1, 5, 61 * MINUTE, "b"));
        assert_eq!(
            are_peoples(&clicks),
            [false, false, false, false, true, false, true]
        );
    }

    #[test]
    fn early_clicks_head_requests_and_programs_do_not_count() {
        let early = click(1, 1, 500, "a");
        let on_the_way = StoredClick {
            delivered_at: None,
            ..click(2, 1, MINUTE, "a")
        };
        let mut head = click(3, 1, MINUTE, "a");
        head.click.is_head = true;
        let mut program = click(4, 1, MINUTE, "a");
        program.click.agent = agent("python-requests/2.31");
        let from_the_archive = StoredClick {
            issue: None,
            delivered_at: None,
            ..click(5, 1, MINUTE, "a")
        };
        assert_eq!(are_peoples(&[early]), [false]);
        assert_eq!(are_peoples(&[on_the_way]), [false]);
        assert_eq!(are_peoples(&[head]), [false]);
        assert_eq!(are_peoples(&[program]), [false]);
        assert_eq!(are_peoples(&[from_the_archive]), [true]);
    }

    #[test]
    fn agents_are_recognised_by_their_words_and_networks_by_their_prefix() {
        assert_eq!(
            agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            Agent::Browser
        );
        assert_eq!(
            agent("Mozilla/5.0 (compatible; Googlebot/2.1)"),
            Agent::Program
        );
        assert_eq!(agent(""), Agent::Unknown);
        assert_eq!(network("192.0.2.77".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(
            network("::ffff:192.0.2.77".parse().unwrap()),
            "192.0.2.0/24"
        );
        assert_eq!(
            network("2001:db8:1:2::3".parse().unwrap()),
            "2001:db8:1::/48"
        );
    }
}
