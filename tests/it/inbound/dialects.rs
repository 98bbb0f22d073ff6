//! Mails in many manners, written by hand: each is what it says it is.

use paperboy::inbound::report::{ReportKind, read};
use paperboy::inbound::verdict::verdicts;

const MAILS: &str = include_str!("dialects.txt");

#[test]
fn reports_answers_and_letters_in_many_manners_are_told_apart() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for one in MAILS.split("\n==== ").skip(1) {
        let (head, mail) = one.split_once('\n').unwrap();
        let [_, class, status, recipient] = head.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{head}")
        };
        let report = read(mail.as_bytes());
        let found = &verdicts(&report)[0];
        let code = found.status.map(|status| status.to_string());
        let is_right = found.class.word() == class
            && (status == "-" || code.as_deref() == Some(status))
            && (recipient == "-" || found.recipient.as_deref() == Some(recipient));
        count += 1;
        if !is_right {
            let kind = if matches!(report.kind, ReportKind::Delivery(_)) {
                "delivery"
            } else {
                "other"
            };
            wrong.push(format!("{head}: {kind}, {found:?}"));
        }
    }
    assert!(count >= 40, "{count}");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
