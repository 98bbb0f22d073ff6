//! Places of an interest in an issue, and all ways to set its weight.

use crate::operation::cli::Place;
use crate::ranking::profiles::{World, interest, topic};
use crate::web::robots::{FORM, House};
use crate::web::signup::form;
use axum::http::StatusCode;
use paperboy::clock::Clock as _;
use paperboy::profile::Profile;
use paperboy::ranking::{Picks, Quota};
use paperboy::subscriber::{Interest, InterestWeight};
use serde_json::json;

/// An interest in everything on a topic, which has plenty of papers.
fn wants(world: &World, topic: usize, weight: f64) -> Profile {
    let words = [
        "protein OR ligand OR enzyme OR residue",
        "quasar OR galaxy OR redshift OR halo",
        "token OR corpus OR prompt",
    ];
    let interest = Interest {
        weight: InterestWeight::new(weight).unwrap(),
        ..interest(&topic.to_string(), &[words[topic]], &[])
    };
    world.wants(&interest)
}

/// Number of picks on each topic.
fn counts(picks: &Picks) -> [usize; 3] {
    [0, 1, 2].map(|wanted| {
        picks
            .picks
            .iter()
            .filter(|pick| topic(&pick.paper) == wanted)
            .count()
    })
}

#[test]
fn places_go_by_weight_where_there_is_plenty() {
    let world = World::usual();
    let picked = |weights: [f64; 2], room: usize| {
        let profiles = [wants(&world, 0, weights[0]), wants(&world, 1, weights[1])];
        counts(&world.pick(&profiles, room, 0.2))
    };
    assert_eq!(picked([1.0, 1.0], 12), [6, 6, 0]);
    assert_eq!(picked([2.0, 1.0], 12), [8, 4, 0]);
    assert_eq!(picked([1.0, 2.0], 12), [4, 8, 0]);
    assert_eq!(picked([0.5, 1.0], 12), [4, 8, 0]);
    assert_eq!(
        picked([3.0, 3.0], 12),
        [6, 6, 0],
        "only what differs counts"
    );
    assert_eq!(picked([2.0, 1.0], 9), [6, 3, 0]);
}

#[test]
fn a_weight_changes_no_score_and_the_default_changes_nothing() {
    let world = World::usual();
    let scores = |weight: f64| -> Vec<f32> {
        let picks = world.pick(&[wants(&world, 0, weight)], 10, 0.2);
        picks.picks.iter().map(|pick| pick.score).collect()
    };
    assert_eq!(scores(1.0), scores(10.0));
    assert_eq!(scores(1.0), scores(0.1));
    assert_eq!(
        scores(1.0).len(),
        10,
        "one interest has it all, whatever it weighs"
    );
}

#[test]
fn every_interest_has_a_place_while_there_are_enough() {
    let world = World::usual();
    let picked = |weights: [f64; 3], room: usize| {
        let profiles: Vec<Profile> = (0..3)
            .map(|topic| wants(&world, topic, weights[topic]))
            .collect();
        world.pick(&profiles, room, 0.2)
    };
    for room in [3, 4, 5, 10] {
        let found = counts(&picked([10.0, 0.1, 0.1], room));
        assert!(found.iter().all(|count| *count >= 1), "{room}: {found:?}");
        assert_eq!(found.iter().sum::<usize>(), room);
    }
    assert_eq!(counts(&picked([10.0, 0.1, 0.1], 10))[0], 8);
    let share = |at: usize, weight: f64, places: usize| Quota {
        interest: at.to_string(),
        weight: InterestWeight::new(weight).unwrap(),
        places,
    };
    assert_eq!(
        picked([2.0, 1.0, 1.0], 8).shares,
        [share(0, 2.0, 4), share(1, 1.0, 2), share(2, 1.0, 2)]
    );
}

#[test]
fn with_less_room_than_interests_they_take_turns() {
    let world = World::usual();
    let profiles: Vec<Profile> = [2.0, 1.0, 1.0]
        .iter()
        .enumerate()
        .map(|(at, w)| wants(&world, at, *w))
        .collect();
    let picks = world.pick(&profiles, 2, 0.2);
    assert_eq!(picks.picks.len(), 2);
    assert_eq!(
        counts(&picks).iter().filter(|count| **count == 1).count(),
        2,
        "{:?}",
        counts(&picks)
    );
}

#[test]
fn an_interest_with_little_leaves_its_places_to_the_others() {
    let world = World::usual();
    let little = Interest {
        weight: InterestWeight::new(10.0).unwrap(),
        ..interest("little", &["author:Max Other3"], &[])
    };
    let profiles = [world.wants(&little), wants(&world, 1, 1.0)];
    let picks = world.pick(&profiles, 10, 0.2);
    assert_eq!(picks.picks.len(), 10);
    assert!(counts(&picks)[1] >= 5, "{:?}", counts(&picks));
}

#[test]
fn a_weight_goes_round_through_files_and_commands() {
    let place = Place::new();
    place.write(
        "readers.jsonl",
        "{\"email\":\"ada@example.org\",\"interests\":[{\"name\":\"A\",\"weight\":2.5},{\"name\":\"B\"}]}\n",
    );
    place.said(&["subscribers", "import", "readers.jsonl"]);
    let weights = || place.json(&["subscribers", "show", "ada@example.org"])["interests"].clone();
    assert_eq!(
        (&weights()[0]["weight"], &weights()[1]["weight"]),
        (&json!(2.5), &json!(1))
    );
    place.said(&[
        "interests",
        "set",
        "ada@example.org",
        "B",
        "--weight",
        "0.5",
    ]);
    place.said(&[
        "interests",
        "add",
        "ada@example.org",
        "--name",
        "C",
        "--weight",
        "10",
        "--keyword",
        "lamps",
    ]);
    assert_eq!(
        (&weights()[1]["weight"], &weights()[2]["weight"]),
        (&json!(0.5), &json!(10))
    );
    let told = place.said(&["interests", "list", "ada@example.org"]);
    assert!(
        told.contains("weight      2.5") && told.contains("weight      0.5"),
        "{told}"
    );

    let exported = place.said(&["subscribers", "export"]);
    let other = Place::new();
    other.write("all.jsonl", &exported);
    other.said(&["subscribers", "import", "all.jsonl"]);
    assert_eq!(other.said(&["subscribers", "export"]), exported);
}

#[test]
fn a_bad_weight_is_named_with_its_line_and_key() {
    let place = Place::new();
    let lines = ["0", "11", "-1", "\"lots\"", "[1]", "0.05"].map(|weight| {
        format!("{{\"email\":\"ada@example.org\",\"interests\":[{{\"name\":\"A\"}},{{\"name\":\"B\",\"weight\":{weight}}}]}}\n")
    });
    for line in lines {
        place.write(
            "readers.jsonl",
            &format!("{{\"email\":\"eve@example.org\"}}\n{line}"),
        );
        let output = place.run(&["subscribers", "import", "readers.jsonl"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("readers.jsonl:2") && said.contains("interests[1].weight"),
            "{line}: {said}"
        );
        assert!(said.contains("must be a number from 0.1 to 10"), "{said}");
    }
    let (code, said) = place.refused(&[
        "interests",
        "add",
        "eve@example.org",
        "--name",
        "X",
        "--weight",
        "99",
    ]);
    assert!(
        code != 0 && said.contains("must be a number from 0.1 to 10"),
        "{said}"
    );
}

#[tokio::test]
async fn a_weight_is_chosen_among_the_preferences_and_seen_in_the_preview_at_once() {
    let house = House::new();
    let titles: Vec<String> = (0..24)
        .map(|at| {
            format!(
                "{} number {at}",
                if at % 2 == 0 { "Towers" } else { "Lamps" }
            )
        })
        .collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    house.announces(&titles);
    let (id, _) = house.subscribes("ada@example.org");
    let mut ada = house.stored(id);
    ada.details.interests = vec![
        interest("T", &["towers"], &[]),
        interest("L", &["lamps"], &[]),
    ];
    ada.details.preferences.max_papers = 9;
    house
        .db
        .run_here(|store| store.save_subscriber(&ada, house.clock.now()))
        .unwrap();
    let path = house.preferences("/preferences", id);
    let typed = |weight: &'static str| {
        let mut fields = vec![("interests", ""), ("then", "preview")];
        fields.extend([
            ("interests[0].was", "T"),
            ("interests[0].keywords", "towers"),
            ("interests[0].weight", weight),
        ]);
        fields.extend([
            ("interests[1].was", "L"),
            ("interests[1].keywords", "lamps"),
        ]);
        form(&fields)
    };
    for (weight, towers) in [("2", 6), ("0.5", 3)] {
        let (status, page) = house.post(&path, FORM, &typed(weight)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            page.matches(">Towers number").count(),
            towers,
            "{weight}: {page}"
        );
        let (_, page) = house.get(&path).await;
        assert!(
            page.contains(&format!("<option value=\"{weight}\" selected>")),
            "{page}"
        );
    }
    // Saving the form without a change keeps the weight of the file.
    ada.details.interests[0].weight = InterestWeight::new(3.5).unwrap();
    house
        .db
        .run_here(|store| store.save_subscriber(&ada, house.clock.now()))
        .unwrap();
    let (_, page) = house.get(&path).await;
    assert!(
        page.contains("<option value=\"3.5\" selected>3.5 times normal</option>"),
        "{page}"
    );
    assert_eq!(
        house.post(&path, FORM, &typed("3.5")).await.0,
        StatusCode::OK
    );
    assert_eq!(
        house.stored(id).interests[0].weight,
        InterestWeight::new(3.5).unwrap()
    );
    let untouched = form(&[
        ("interests", ""),
        ("interests[0].was", "T"),
        ("interests[0].keywords", "towers"),
    ]);
    assert_eq!(house.post(&path, FORM, &untouched).await.0, StatusCode::OK);
    assert_eq!(
        house.stored(id).interests[0].weight,
        InterestWeight::new(3.5).unwrap()
    );
    let (status, page) = house.post(&path, FORM, &typed("NaN")).await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("id=\"i0-weight-wrong\""),
        "{page}"
    );
}
