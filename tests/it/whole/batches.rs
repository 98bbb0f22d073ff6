//! Publishing in batches: a batch is stored while the next one is composed.

use crate::web::robots::House;
use paperboy::clock::Clock as _;
use paperboy::edition::{AsOf, Publisher};
use paperboy::store::OutboxFilter;
use paperboy::subscriber::{MailFormat, NewSubscriber, Preferences, Status};
use std::collections::HashSet;

/// More than one batch of 256.
const READERS: usize = 300;

#[test]
fn every_subscriber_gets_one_issue_whatever_their_batch() {
    let house = House::new();
    house.announces(&["Lamps and their light", "Boats at night"]);
    let now = house.clock.now();
    let readers: Vec<NewSubscriber> = (0..READERS)
        .map(|at| NewSubscriber {
            address: format!("reader{at}@example.org").parse().unwrap(),
            name: String::new(),
            status: Status::Active,
            preferences: Preferences {
                format: MailFormat::Text,
                ..Preferences::default()
            },
            interests: Vec::new(),
        })
        .collect();
    house
        .db
        .run_here(|store| store.enter_subscribers(&readers, now))
        .unwrap();

    let composer = (house.site.composer)();
    let as_of = AsOf::Instant("2026-08-04T23:00:00Z".parse().unwrap());
    let publish = || {
        let mut publisher = Publisher::new(&house.db, &composer, as_of, now, false).unwrap();
        while publisher.publish_batch().unwrap() {}
        publisher.published()
    };
    let published = publish();
    assert_eq!(
        (published.due, published.queued, published.empty),
        (300, 300, 0)
    );
    let rows = house
        .db
        .run_here(|store| store.deliveries(&OutboxFilter::default()))
        .unwrap();
    let addresses: HashSet<&str> = rows.iter().map(|row| row.address.as_str()).collect();
    assert_eq!((rows.len(), addresses.len()), (READERS, READERS));
    assert_eq!(publish().queued, 0, "an issue is made once");
}
