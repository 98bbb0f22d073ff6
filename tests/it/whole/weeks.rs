//! Weeks are lived through: everybody gets what they are due, at their hour, once.

use crate::harness::town::Town;
use chrono_tz::Tz;

/// Everything is above the line of its reader.
const LEARNING: &str = r#""min_score": 0, "max_papers": 50"#;

fn wishes(zone: &str, hour: &str, more: &str) -> String {
    format!(r#"{{"timezone": "{zone}", "send_at": "{hour}", {LEARNING}{more}}}"#)
}

#[tokio::test]
async fn the_week_in_which_berlin_changes_its_clocks() {
    let mut town = Town::new("2026-03-25T12:00").await;
    town.subscribes("ada", &wishes("Europe/Berlin", "07:00", ""));
    // In the hour that is left out on the 29th; she wants to be told when there is nothing.
    town.subscribes(
        "nora",
        &wishes("Europe/Berlin", "02:30", r#", "when_empty": "note""#),
    );
    town.subscribes(
        "kenji",
        &wishes("Asia/Tokyo", "07:00", r#", "days": ["mon", "wed", "fri"]"#),
    );
    town.subscribes(
        "wanda",
        &wishes(
            "Europe/Berlin",
            "18:00",
            r#", "frequency": "weekly", "weekday": "mon""#,
        ),
    );
    for day in ["26", "27", "28", "29", "30", "31"] {
        town.passes_to(&format!("2026-03-{day}T00:15")).await;
        let date = format!("2026-03-{day}");
        match day {
            // A Friday without an announcement, and the weekend.
            "27" => town.is_quiet(&date, "cs.LG"),
            "28" | "29" => {}
            _ => town.announces(&date, "cs.LG"),
        }
    }
    town.passes_to("2026-04-01T00:00").await;

    let ada = [
        "2026-03-26 at 2026-03-26T06:00",
        "2026-03-30 at 2026-03-30T05:00",
        "2026-03-31 at 2026-03-31T05:00",
    ];
    assert_eq!(town.mail_to("ada"), ada);
    let nora = [
        "2026-03-26 at 2026-03-26T01:30",
        "2026-03-27 at 2026-03-27T01:30",
        "2026-03-28 at 2026-03-28T01:30",
        "2026-03-29 at 2026-03-29T01:00",
        "2026-03-30 at 2026-03-30T00:30",
        "2026-03-31 at 2026-03-31T00:30",
    ];
    assert_eq!(town.mail_to("nora"), nora);
    // 07:00 in Tokyo is 22:00 UTC of the evening before. Monday's issue would hold
    // nothing that Friday's did not; Wednesday's has Monday and Tuesday.
    assert_eq!(
        town.mail_to("kenji"),
        [
            "2026-03-27 at 2026-03-26T22:00",
            "2026-04-01 at 2026-03-31T22:00"
        ]
    );
    // She gets what came since she joined, on Monday the 30th.
    assert_eq!(town.mail_to("wanda"), ["2026-03-30 at 2026-03-30T16:00"]);
    assert_eq!(
        (
            town.papers_sent_to("ada"),
            town.papers_sent_to("nora"),
            town.papers_sent_to("kenji")
        ),
        (9, 9, 9)
    );
}

#[tokio::test]
async fn the_days_on_which_santiago_changes_its_clocks() {
    let mut town = Town::new("2026-04-03T12:00").await;
    let note = r#", "when_empty": "note""#;
    // 23:30 comes twice on 4 April, and midnight of the 5th an hour later than it might.
    town.subscribes("gabriela", &wishes("America/Santiago", "23:30", note));
    town.subscribes("pablo", &wishes("America/Santiago", "00:00", note));
    town.passes_to("2026-04-07T00:00").await;
    let gabriela = [
        "2026-04-03 at 2026-04-04T02:30",
        "2026-04-04 at 2026-04-05T02:30",
        "2026-04-05 at 2026-04-06T03:30",
    ];
    assert_eq!(town.mail_to("gabriela"), gabriela);
    let pablo = [
        "2026-04-04 at 2026-04-04T03:00",
        "2026-04-05 at 2026-04-05T04:00",
        "2026-04-06 at 2026-04-06T04:00",
    ];
    assert_eq!(town.mail_to("pablo"), pablo);

    // Midnight itself is left out on 6 September.
    let mut town = Town::new("2026-09-04T12:00").await;
    town.subscribes("pablo", &wishes("America/Santiago", "00:00", note));
    town.passes_to("2026-09-08T00:00").await;
    let pablo = [
        "2026-09-05 at 2026-09-05T04:00",
        "2026-09-06 at 2026-09-06T04:00",
        "2026-09-07 at 2026-09-07T03:00",
    ];
    assert_eq!(town.mail_to("pablo"), pablo);
}

#[tokio::test]
async fn a_reader_who_pauses_gets_nothing_meanwhile_and_nothing_twice() {
    let mut town = Town::new("2026-08-02T12:00").await;
    for name in ["ada", "until"] {
        town.subscribes(name, &wishes("UTC", "07:00", ""));
    }
    for day in 3..=7 {
        town.passes_to(&format!("2026-08-0{day}T00:15")).await;
        town.announces(&format!("2026-08-0{day}"), "cs.LG");
        town.passes_to(&format!("2026-08-0{day}T12:00")).await;
        match day {
            3 => {
                town.pauses("ada");
                let date = "2026-08-06".parse().unwrap();
                town.changes("until", |until| {
                    until.details.preferences.pause_until = Some(date);
                });
            }
            // At noon: today's hour has passed, and the next issue comes tomorrow.
            5 => town.resumes("ada"),
            _ => {}
        }
    }
    let expected = [
        "2026-08-03 at 2026-08-03T07:00",
        "2026-08-06 at 2026-08-06T07:00",
        "2026-08-07 at 2026-08-07T07:00",
    ];
    assert_eq!(town.mail_to("ada"), expected);
    assert_eq!(town.mail_to("until"), expected);
    assert_eq!(
        (town.papers_sent_to("ada"), town.papers_sent_to("until")),
        (15, 15)
    );
}

#[tokio::test]
async fn a_reader_who_changes_zone_at_noon_gets_one_issue_for_each_date() {
    let mut town = Town::new("2026-08-02T12:00").await;
    town.subscribes("west", &wishes("Europe/Berlin", "07:00", ""));
    town.subscribes("east", &wishes("America/Los_Angeles", "07:00", ""));
    town.subscribes("late", &wishes("Europe/Berlin", "18:00", ""));
    for day in 3..=6 {
        town.passes_to(&format!("2026-08-0{day}T00:15")).await;
        town.announces(&format!("2026-08-0{day}"), "cs.LG");
        if day == 4 {
            let moves = |zone: Tz| {
                move |reader: &mut paperboy::subscriber::Subscriber| {
                    reader.details.preferences.timezone = zone;
                }
            };
            town.passes_to("2026-08-04T10:00").await;
            town.changes("west", moves(Tz::America__Los_Angeles));
            // It is 19:00 there: his hour has come.
            town.changes("late", moves(Tz::Asia__Tokyo));
            town.passes_to("2026-08-04T19:00").await;
            // Noon in Los Angeles is 07:00 of the next day in Auckland.
            town.changes("east", moves(Tz::Pacific__Auckland));
        }
    }
    town.passes_to("2026-08-07T00:00").await;
    assert_eq!(
        town.mail_to("west"),
        [
            "2026-08-03 at 2026-08-03T05:00",
            "2026-08-04 at 2026-08-04T05:00",
            "2026-08-05 at 2026-08-05T14:00",
            "2026-08-06 at 2026-08-06T14:00",
        ]
    );
    assert_eq!(
        town.mail_to("late"),
        [
            "2026-08-03 at 2026-08-03T16:00",
            "2026-08-04 at 2026-08-04T10:00",
            "2026-08-05 at 2026-08-05T09:00",
            "2026-08-06 at 2026-08-06T09:00",
        ]
    );
    // On the 4th all announced papers had been sent in the morning; the 5th's come at 00:15 UTC of
    // the 5th.
    assert_eq!(
        town.mail_to("east"),
        [
            "2026-08-03 at 2026-08-03T14:00",
            "2026-08-04 at 2026-08-04T14:00",
            "2026-08-06 at 2026-08-05T19:00",
            "2026-08-07 at 2026-08-06T19:00",
        ]
    );
    for name in ["west", "east", "late"] {
        assert_eq!(town.papers_sent_to(name), 12, "{name}");
    }
}

#[tokio::test]
async fn after_26_hours_down_everybody_gets_the_newest_issue_and_no_more() {
    let mut town = Town::new("2026-08-02T12:00").await;
    town.subscribes("morning", &wishes("UTC", "07:00", ""));
    town.subscribes("evening", &wishes("UTC", "18:00", ""));
    town.passes_to("2026-08-03T00:15").await;
    town.announces("2026-08-03", "cs.LG");
    town.passes_to("2026-08-04T06:00").await;
    town.is_down_until("2026-08-05T08:00");
    town.announces("2026-08-04", "cs.LG");
    town.announces("2026-08-05", "cs.LG");
    town.passes_to("2026-08-06T00:00").await;
    assert_eq!(
        town.mail_to("morning"),
        [
            "2026-08-03 at 2026-08-03T07:00",
            "2026-08-05 at 2026-08-05T08:00"
        ]
    );
    // That of the 4th was 14 hours late: the papers will come with the next one.
    assert_eq!(
        town.mail_to("evening"),
        [
            "2026-08-03 at 2026-08-03T18:00",
            "2026-08-05 at 2026-08-05T18:00"
        ]
    );
    assert_eq!(
        (
            town.papers_sent_to("morning"),
            town.papers_sent_to("evening")
        ),
        (9, 9)
    );
    assert_eq!(town.published.late, 1, "said once");
}

#[tokio::test]
async fn a_relay_that_is_down_for_an_hour_delays_the_mail_and_loses_none() {
    let mut town = Town::new("2026-08-02T12:00").await;
    let names: Vec<String> = (0..30).map(|at| format!("reader{at:02}")).collect();
    for name in &names {
        town.subscribes(name, &wishes("UTC", "07:00", ""));
    }
    town.passes_to("2026-08-03T00:15").await;
    town.announces("2026-08-03", "cs.LG");
    town.passes_to("2026-08-03T06:30").await;
    town.relay.goes_down().await;
    town.passes_to("2026-08-03T07:30").await;
    town.relay.comes_up().await;
    town.passes_to("2026-08-03T09:00").await;
    for name in &names {
        let mail = town.mail_to(name);
        assert_eq!(mail.len(), 1, "{name}: {mail:?}");
        assert!(
            mail[0].as_str() < "2026-08-03 at 2026-08-03T08:30",
            "{mail:?}"
        );
    }
}

#[tokio::test]
async fn an_issue_waits_for_what_its_reader_follows_and_then_goes_out_in_part() {
    let mut town = Town::new("2026-08-02T12:00").await;
    let follows = |category: &str| {
        let interest = format!(
            r#", "interests": [{{"name": "Counting", "keywords": ["learning"], "categories": ["{category}"]}}]"#
        );
        wishes("UTC", "07:00", &interest)
    };
    town.subscribes("learner", &follows("cs.LG"));
    town.subscribes("linguist", &follows("cs.CL"));
    town.subscribes("both", &follows("cs.*"));
    town.passes_to("2026-08-03T00:15").await;
    town.announces("2026-08-03", "cs.LG");
    town.awaits("2026-08-03", "cs.CL");
    town.passes_to("2026-08-03T08:40").await;
    assert_eq!(
        town.mail_to("learner"),
        ["2026-08-03 at 2026-08-03T07:00"],
        "need not wait for others"
    );
    assert_eq!(
        (town.mail_to("linguist").len(), town.mail_to("both").len()),
        (0, 0)
    );
    town.announces("2026-08-03", "cs.CL");
    town.passes_to("2026-08-04T00:15").await;
    assert_eq!(town.mail_to("linguist"), ["2026-08-03 at 2026-08-03T08:40"]);
    assert_eq!(town.mail_to("both"), ["2026-08-03 at 2026-08-03T08:40"]);

    // The next day the other half does not come at all, and then too late.
    town.announces("2026-08-04", "cs.LG");
    town.awaits("2026-08-04", "cs.CL");
    town.passes_to("2026-08-04T12:00").await;
    assert_eq!(
        town.mail_to("learner").last().unwrap(),
        "2026-08-04 at 2026-08-04T07:00"
    );
    assert_eq!(
        town.mail_to("both").last().unwrap(),
        "2026-08-04 at 2026-08-04T10:00",
        "the deadline"
    );
    let said = "cs.CL of Tue 4 Aug had not arrived when this issue was made; the papers will come with the next one.";
    assert!(
        town.last_mail_to("both").contains(said),
        "{}",
        town.last_mail_to("both")
    );
    assert_eq!(town.mail_to("linguist").len(), 1, "nothing to send");
    town.announces("2026-08-04", "cs.CL");
    town.passes_to("2026-08-05T00:15").await;
    town.announces("2026-08-05", "cs.LG");
    town.announces("2026-08-05", "cs.CL");
    town.passes_to("2026-08-06T00:00").await;
    for (name, papers) in [("learner", 9), ("linguist", 9), ("both", 18)] {
        assert_eq!(
            town.mail_to(name).last().unwrap(),
            "2026-08-05 at 2026-08-05T07:00",
            "{name}"
        );
        assert_eq!(town.papers_sent_to(name), papers, "{name}");
    }
}

#[tokio::test]
async fn a_step_looks_at_nobody_while_nobody_is_due() {
    let mut town = Town::new("2026-08-02T12:00").await;
    for at in 0..20 {
        town.subscribes(&format!("reader{at:02}"), &wishes("UTC", "07:00", ""));
    }
    town.passes_to("2026-08-02T12:05").await;
    let now = "2026-08-03T06:59:59Z".parse().unwrap();
    assert_eq!(
        town.db
            .run_here(|store| store.due_subscribers(now, 100))
            .unwrap()
            .len(),
        0
    );
    let next = town.db.run_here(|store| store.next_look()).unwrap();
    assert_eq!(next, Some("2026-08-03T07:00:00Z".parse().unwrap()));
    // A change of hour is worked out anew at the next step.
    let six = "06:00:00".parse().unwrap();
    town.changes("reader07", |reader| {
        reader.details.preferences.send_at = six;
    });
    town.passes_to("2026-08-02T12:10").await;
    let next = town.db.run_here(|store| store.next_look()).unwrap();
    assert_eq!(next, Some("2026-08-03T06:00:00Z".parse().unwrap()));
    assert_eq!(
        town.db
            .run_here(|store| store.due_subscribers(now, 100))
            .unwrap()
            .len(),
        1
    );
    town.pauses("reader07");
    assert_eq!(
        town.db
            .run_here(|store| store.due_subscribers(now, 100))
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn stragglers_and_late_categories_follow_in_the_next_issue() {
    let mut town = Town::new("2026-08-03T00:00").await;
    town.subscribes(
        "ada",
        &wishes(
            "UTC",
            "07:00",
            r#", "interests": [{"name": "x", "description": "to count", "categories": ["cs.LG", "cs.CL"]}]"#,
        ),
    );
    town.announces("2026-08-03", "cs.LG");
    town.is_quiet("2026-08-03", "cs.CL");
    town.passes_to("2026-08-03T12:00").await;
    assert_eq!(town.papers_sent_to("ada"), 3);
    // Three of Monday's that the feed lacked; a whole category that had stood empty.
    town.announces("2026-08-03", "cs.LG");
    town.announces("2026-08-03", "cs.CL");
    town.passes_to("2026-08-04T00:00").await;
    assert_eq!(town.papers_sent_to("ada"), 3, "not in a mail of their own");
    town.announces("2026-08-04", "cs.LG");
    town.is_quiet("2026-08-04", "cs.CL");
    town.passes_to("2026-08-04T12:00").await;
    assert_eq!(town.papers_sent_to("ada"), 3 + 3 + 6);
    let text = town.last_mail_to("ada");
    assert!(text.contains("3 Aug") && text.contains("4 Aug"), "{text}");
    // And then never again.
    town.announces("2026-08-05", "cs.LG");
    town.is_quiet("2026-08-05", "cs.CL");
    town.passes_to("2026-08-05T12:00").await;
    assert_eq!(town.papers_sent_to("ada"), 15);
}
