//! Promises to packages and operators: manual pages, settings apart from data, and a remedy in
//! every error message.

use crate::operation::cli::Place;
use std::net::TcpListener;

const SETTINGS: &str = r#"
[site]
base_url = "https://digest.example.org"
from = "Digest <digest@example.org>"
contact = "operator@example.org"
secret_file = "secret"
"#;

const PAPER: &str = r#"{"id":"2608.00001","title":"Rings","abstract":"We study rings.","authors":["A B"],"announced":"2026-08-04"}"#;

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    place.said(&["man", "pages"]);
    for name in [
        "paperboy",
        "paperboy-run",
        "paperboy-subscribers-add",
        "paperboy-outbox-list",
    ] {
        let page = std::fs::read_to_string(place.path().join(format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    // Hidden commands are for packages, not for people.
    assert!(!place.path().join("pages/paperboy-man.1").exists());
}

#[test]
fn settings_and_data_can_live_apart() {
    let place = Place::new();
    let data = place.path().join("var");
    let data = data.to_str().unwrap();
    place.said(&["init", "etc", "--data", data]);
    assert!(place.path().join("var/paperboy.db").exists());
    assert!(place.path().join("etc/secret").exists());
    place.said(&[
        "-c",
        "etc/paperboy.toml",
        "subscribers",
        "add",
        "ada@example.org",
    ]);
    let (code, said) = place.refused(&["init", "other", "--data", "relative"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("must be an absolute path, like /var/lib/paperboy"),
        "{said}"
    );
}

#[test]
fn a_service_that_does_not_answer_is_not_alive() {
    let place = Place::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    place.write(
        "paperboy.toml",
        &format!("{SETTINGS}[web]\nlisten = \"0.0.0.0:{port}\"\n"),
    );
    let (code, said) = place.refused(&["alive"]);
    assert_eq!(code, 1);
    assert!(
        said.starts_with(&format!(
            "error: the service does not answer at 127.0.0.1:{port}"
        )),
        "{said}"
    );
}

#[test]
fn the_service_does_not_start_with_a_template_that_cannot_be_filled() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("own")).unwrap();
    place.write("own/digest.txt", "Hello {{ nme }}");
    place.write(
        "paperboy.toml",
        &format!("{SETTINGS}[digest]\ntemplates = \"own\"\n"),
    );
    let (code, said) = place.refused(&["run"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("own/digest.txt:1: Variable `nme` is not defined"),
        "{said}"
    );
}

#[test]
fn a_lost_secret_is_put_back_or_made_anew() {
    let place = Place::new();
    std::fs::remove_file(place.path().join("secret")).unwrap();
    let (code, said) = place.refused(&["run"]);
    assert_eq!(code, 2);
    assert!(
        said.contains("put it back from a backup; with a new one (`openssl rand -hex 64 >secret`)"),
        "{said}"
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_to_who_took_it() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    place.write(
        "paperboy.toml",
        &format!("{SETTINGS}[web]\nlisten = \"{address}\"\n"),
    );
    let (code, said) = place.refused(&["run"]);
    assert_eq!(code, 1);
    let remedy = format!(
        "web.listen: cannot listen on {address} (`ss -ltnp 'sport = :{}'` shows who does)",
        address.port()
    );
    assert!(said.contains(&remedy), "{said}");
}

#[test]
fn check_says_that_mail_waits_and_why() {
    let place = Place::new();
    place.write("papers.jsonl", PAPER);
    place.said(&["papers", "import", "papers.jsonl"]);
    place.said(&["subscribers", "add", "ada@example.org"]);
    let nothing = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let smtp = format!(
        "{SETTINGS}[smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nexpire_hours = 500\n",
        nothing.port()
    );
    place.write("paperboy.toml", &smtp);
    place.said(&["publish", "--now", "2026-08-05T12:00:00Z"]);
    let age = rusqlite::Connection::open(place.path().join("paperboy.db")).unwrap();
    let old = age
        .execute("UPDATE deliveries SET next_at = next_at - 7200", [])
        .unwrap();
    assert_eq!(old, 1);
    drop(age);

    let output = place.run(&["check", "--dns", "127.0.0.1:1"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("1 mail due for up to 2 hours"), "{said}");
    assert!(
        said.contains("no process delivers: start the service (`paperboy run`"),
        "{said}"
    );
    assert!(
        said.contains("is it up, are [smtp] host and port right"),
        "{said}"
    );
    assert_eq!(said.matches("no name server answers").count(), 1, "{said}");
}
