//! The program from the command line: its help, a whole setup, and nonsense.

use crate::harness::fake_http::{FakeHttp, Reply};
use paperboy::clock::{Clock, SystemClock};
use paperboy::source::arxiv::eastern_date;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a fresh installation.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        assert!(place.run(&["init", "."]).status.success());
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
        command
            .args(words)
            .current_dir(self.path())
            .stdin(Stdio::null());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PAPERBOY_"))
        {
            command.env_remove(name);
        }
        command.output().unwrap()
    }

    /// Standard output of a command that succeeds.
    pub(crate) fn said(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[words, &["--json"]].concat())).unwrap()
    }

    /// Exit code and standard error of a command that fails.
    pub(crate) fn refused(&self, words: &[&str]) -> (i32, String) {
        let output = self.run(words);
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }
}

#[test]
fn every_command_has_its_help() {
    let place = Place(tempfile::tempdir().unwrap());
    let mut all = String::new();
    for words in [
        &["--help"][..],
        &["try", "--help"],
        &["init", "--help"],
        &["admin", "--help"],
        &["admin", "password", "--help"],
        &["check", "--help"],
        &["fetch", "--help"],
        &["run", "--help"],
        &["papers", "--help"],
        &["papers", "import", "--help"],
        &["papers", "search", "--help"],
        &["papers", "similar", "--help"],
        &["subscribers", "--help"],
        &["subscribers", "add", "--help"],
        &["subscribers", "pause", "--help"],
        &["interests", "--help"],
        &["interests", "add", "--help"],
        &["model", "--help"],
        &["model", "install", "--help"],
        &["model", "distill", "--help"],
        &["interests", "import", "--help"],
        &["feedback", "--help"],
        &["suppressions", "--help"],
        &["inbound", "--help"],
        &["preview", "--help"],
        &["publish", "--help"],
        &["deliver", "--help"],
        &["outbox", "--help"],
        &["outbox", "list", "--help"],
        &["evaluate", "--help"],
        &["outbox", "retry", "--help"],
        &["admin", "keys", "--help"],
        &["admin", "keys", "make", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
        &["completions", "--help"],
        &["migrate", "--help"],
    ] {
        let _ = write!(
            all,
            "$ paperboy {}\n{}\n",
            words.join(" "),
            place.said(words)
        );
    }
    insta::assert_snapshot!(all);
}

const PAPERS: &str = concat!(
    r#"{"id":"2608.00001","title":"Rings of integers","abstract":"We study rings. They are noetherian.","authors":["Emmy Noether"],"categories":["math.NT"],"announced":"2026-08-04","upvotes":3}"#,
    "\n",
    r#"{"id":"2608.00002v2","title":"Sorting in linear time","abstract":"We sort. It is fast.","authors":["Ada Lovelace"],"categories":["cs.DS"],"announced":"2026-08-04"}"#,
    "\n",
);

#[test]
fn a_day_goes_from_a_file_to_a_maildir() {
    let place = Place::new();
    place.write("papers.jsonl", PAPERS);
    assert_eq!(place.json(&["papers", "import", "papers.jsonl"])["new"], 2);
    assert_eq!(place.json(&["papers", "import", "papers.jsonl"])["new"], 0);
    place.said(&[
        "subscribers",
        "add",
        "rings@example.org",
        "--timezone",
        "Europe/Berlin",
        "--send-at",
        "06:30",
    ]);
    place.said(&[
        "interests",
        "add",
        "rings@example.org",
        "--name",
        "Rings",
        "--keyword",
        "rings of integers",
    ]);
    place.said(&["subscribers", "add", "all@example.org"]);

    let preview = place.json(&["preview", "rings@example.org", "--date", "2026-08-04"]);
    assert_eq!(preview["picks"][0]["id"], "2608.00001");
    assert_eq!(preview["picks"].as_array().unwrap().len(), 1);
    assert!(
        place
            .said(&["preview", "rings@example.org", "--date", "2026-08-04"])
            .contains("Rings of integers")
    );
    assert_eq!(
        place.json(&["outbox", "list"]).as_array().unwrap().len(),
        0,
        "a preview changes nothing"
    );

    let now = ["publish", "--now", "2026-08-04T12:00:00Z"];
    assert_eq!(place.json(&now)["queued"], 2);
    assert_eq!(place.json(&now)["queued"], 0, "the same day again");
    assert_eq!(place.json(&["deliver", "--until-empty"])["accepted"], 2);
    assert_eq!(place.json(&["deliver", "--until-empty"])["accepted"], 0);
    let sent = place.json(&["outbox", "list"]);
    let states: Vec<&str> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["accepted", "accepted"]);
    assert_eq!(place.json(&["outbox", "stats"])["accepted"], 2);
    assert_eq!(
        std::fs::read_dir(place.path().join("mail/new"))
            .unwrap()
            .count(),
        2
    );

    // What was sent once does not come again, whatever the date.
    let next = place.json(&["publish", "--now", "2026-08-05T12:00:00Z"]);
    assert_eq!(next["queued"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetched_batch_is_covered_and_published() {
    let arxiv = FakeHttp::start().await;
    let today = eastern_date(SystemClock.now());
    let feed = format!(
        "<rss><channel><title>cs.LG updates on arXiv.org</title><pubDate>{today}</pubDate>\
         <item><title>Fetched</title><guid>oai:arXiv.org:2608.00001v1</guid><category>cs.LG</category>\
         <announce_type>new</announce_type><creator>Ada Lovelace</creator></item>\
         <item><title>broken</item></channel></rss>"
    );
    arxiv.on("/rss/cs.LG").says(Reply::ok(feed));
    arxiv.on("/oai").says(Reply::ok(
        "<OAI-PMH><error code='noRecordsMatch'/></OAI-PMH>",
    ));
    arxiv.on("/api/query").says(Reply::ok(
        "<feed><totalResults>1</totalResults><entry><id>http://arxiv.org/abs/2106.09685v2</id><title>Named</title></entry></feed>",
    ));
    let place = Place::new();
    let settings = std::fs::read_to_string(place.path().join("paperboy.toml")).unwrap();
    let (before, after) = settings.split_once("[[source]]").unwrap();
    let (_, after) = after.split_once("\n[").unwrap();
    let source = format!(
        "[[source]]\nkind = \"arxiv\"\ncategories = [\"cs.LG\"]\nendpoint = \"{}\"\n",
        arxiv.url()
    );
    place.write("paperboy.toml", &format!("{before}{source}\n[{after}"));

    tokio::task::block_in_place(|| {
        let fetched = place.json(&["fetch"]);
        assert_eq!(
            (
                &fetched["sources"][0]["new"],
                &fetched["sources"][0]["rejected"]
            ),
            (&1.into(), &1.into())
        );
        let coverage = place.json(&["papers", "coverage"]);
        let row = &coverage[0];
        assert_eq!(
            (row["state"].as_str(), row["category"].as_str()),
            (Some("complete"), Some("cs.LG"))
        );
        assert_eq!(row["note"], "1 entry could not be read");
        place.said(&["subscribers", "add", "a@example.org"]);
        let said = place.said(&["publish", "--now", &format!("{today}T23:00:00Z")]);
        assert!(said.starts_with("1 issues queued"), "{said}");
        let since = (today - chrono::Days::new(7)).to_string();
        let again = place.json(&["fetch", "--source", "ARXIV", "--since", &since]);
        assert_eq!(again["sources"][0]["new"], 0);
        assert!(
            !again["out_of_reach"].as_array().unwrap().is_empty(),
            "feeds hold one day"
        );
        assert!(
            place
                .said(&["papers", "show", "2106.09685"])
                .starts_with("Named\n"),
            "asked for by name"
        );
        let aside = place.json(&["papers", "coverage", "--set-aside"]);
        assert_eq!(
            (
                &aside["counts"][0]["source"],
                &aside["counts"][0]["records"]
            ),
            (&"arxiv".into(), &1.into())
        );
        assert!(
            aside["records"][0]["reason"]
                .as_str()
                .unwrap()
                .contains("well-formed"),
            "{aside}"
        );
        assert!(
            place
                .said(&["papers", "coverage", "--set-aside"])
                .contains("/rss/cs.LG entry 2")
        );
    });
}

#[test]
fn nobody_gets_the_same_issue_as_somebody_with_other_interests() {
    let place = Place::new();
    place.write("papers.jsonl", PAPERS);
    place.said(&["papers", "import", "papers.jsonl"]);
    place.write(
        "people.jsonl",
        concat!(
            r#"{"email":"a@example.org","interests":[{"keywords":["rings"]}]}"#,
            "\n",
            r#"{"email":"b@example.org","interests":[{"authors":["A. Lovelace"]}]}"#,
            "\n",
        ),
    );
    assert_eq!(
        place.json(&["subscribers", "import", "people.jsonl"])["new"],
        2
    );
    let pick =
        |who: &str| place.json(&["preview", who, "--date", "2026-08-04"])["picks"][0].clone();
    let (a, b) = (pick("a@example.org"), pick("b@example.org"));
    assert_eq!(
        (a["id"].as_str(), b["id"].as_str()),
        (Some("2608.00001"), Some("2608.00002"))
    );
    assert!(
        a["reason"].as_str().unwrap().contains("matches “rings”"),
        "{a}"
    );
    assert!(
        b["reason"]
            .as_str()
            .unwrap()
            .contains("by Ada Lovelace, whom you follow"),
        "{b}"
    );
    assert_eq!(b["section"], "Authors you follow");
}

#[test]
fn subscribers_go_out_as_they_came_in() {
    let place = Place::new();
    place.said(&[
        "subscribers",
        "add",
        "ada@example.org",
        "--days",
        "mon,fri",
        "--max-papers",
        "7",
        "--format",
        "text",
    ]);
    place.said(&[
        "interests",
        "add",
        "ada@example.org",
        "--description",
        "Engines that compute",
        "--like",
        "2608.00001v3",
    ]);
    let exported = place.said(&["subscribers", "export"]);
    let other = Place::new();
    other.write("all.jsonl", &exported);
    other.said(&["subscribers", "import", "all.jsonl"]);
    assert_eq!(other.said(&["subscribers", "export"]), exported);
    assert_eq!(
        other.json(&["subscribers", "show", "ada@example.org"])["interests"][0]["liked"][0],
        "2608.00001"
    );
    other.said(&[
        "subscribers",
        "set",
        "ada@example.org",
        "--pause-until",
        "2027-01-01",
    ]);
    other.said(&[
        "subscribers",
        "set",
        "ada@example.org",
        "--pause-until",
        "none",
    ]);
    assert_eq!(other.said(&["subscribers", "export"]), exported);
}

#[test]
fn a_weekly_reader_misses_no_day_of_the_week_although_the_first_was_empty() {
    let place = Place::new();
    place.write(
        "papers.jsonl",
        concat!(
            r#"{"id":"2608.1","title":"On sorting","authors":["Ada Lovelace"],"announced":"2026-08-03"}"#,
            "\n",
            r#"{"id":"2608.2","title":"On rings","authors":["Emmy Noether"],"announced":"2026-08-04"}"#,
            "\n",
            r#"{"id":"2608.3","title":"On fields","authors":["Evariste Galois"],"announced":"2026-08-10"}"#,
            "\n",
        ),
    );
    place.said(&["papers", "import", "papers.jsonl"]);
    place.said(&[
        "subscribers",
        "add",
        "a@example.org",
        "--frequency",
        "weekly",
        "--weekday",
        "mon",
    ]);
    place.said(&[
        "interests",
        "add",
        "a@example.org",
        "--author",
        "Emmy Noether",
    ]);
    assert_eq!(
        place.json(&["publish", "--now", "2026-08-03T09:00:00Z"])["queued"],
        0
    );
    assert_eq!(
        place.json(&["publish", "--now", "2026-08-10T09:00:00Z"])["queued"],
        1
    );
}

#[test]
fn csv_is_read_by_its_headings() {
    let place = Place::new();
    place.write(
        "people.csv",
        "Name,Email,Timezone\nAda,ada@example.org,Europe/London\nNobody,,\nBad,bad,UTC\n",
    );
    let output = place.run(&["subscribers", "import", "people.csv", "--json"]);
    assert_eq!(output.status.code(), Some(1), "rows were rejected");
    let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (
            &imported["new"],
            imported["rejected"].as_array().unwrap().len()
        ),
        (&Value::from(1), 2)
    );
    assert_eq!(imported["rejected"][1]["line"], 4);
    assert_eq!(
        place.json(&["subscribers", "show", "ada@example.org"])["timezone"],
        "Europe/London"
    );
    // What a later file does not mention stays.
    place.write(
        "names.csv",
        "email,name,timezone\nADA@example.org,Ada L.,\n",
    );
    assert_eq!(
        place.json(&["subscribers", "import", "names.csv"])["changed"],
        1
    );
    let ada = place.json(&["subscribers", "show", "ada@example.org"]);
    assert_eq!(
        (ada["name"].as_str(), ada["timezone"].as_str()),
        (Some("Ada L."), Some("Europe/London"))
    );
}

#[test]
fn csv_is_read_as_spreadsheets_write_it() {
    let table = "email;name;timezone\nj@example.org;\"Müller, Jörg\";Europe/Berlin\n";
    let comma = "email,name,timezone\nj@example.org,\"Müller, Jörg\",Europe/Berlin\n";
    let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    };
    let latin = |text: &str| -> Vec<u8> { text.chars().map(|c| c as u8).collect() };
    let marked = |mark: &[u8], bytes: Vec<u8>| [mark, &bytes].concat();
    for (name, bytes) in [
        ("semicolons", table.as_bytes().to_vec()),
        ("tabs", table.replace(';', "\t").into_bytes()),
        ("sep", format!("sep=;\r\n{table}").into_bytes()),
        ("mark", marked(b"\xEF\xBB\xBF", comma.as_bytes().to_vec())),
        ("windows-1252", latin(table)),
        (
            "little endian",
            marked(
                b"\xFF\xFE",
                wide(&table.replace(';', "\t"), u16::to_le_bytes),
            ),
        ),
        (
            "big endian",
            marked(b"\xFE\xFF", wide(comma, u16::to_be_bytes)),
        ),
        ("carriage returns", comma.replace('\n', "\r\n").into_bytes()),
    ] {
        let place = Place::new();
        fs::write(place.path().join("people.csv"), bytes).unwrap();
        let imported = place.json(&["subscribers", "import", "people.csv"]);
        assert_eq!(imported["new"], 1, "{name}");
        let reader = place.json(&["subscribers", "show", "j@example.org"]);
        assert_eq!(reader["name"], "Müller, Jörg", "{name}");
        assert_eq!(reader["timezone"], "Europe/Berlin", "{name}");
    }
}

#[test]
fn an_unclosed_quotation_mark_in_csv_costs_its_rows_and_names_its_line() {
    let place = Place::new();
    place.write(
        "people.csv",
        "email,name,phone\na@example.org,Ada,1\nb@example.org,\"Bob,2\nc@example.org,Carol,3\n",
    );
    let output = place.run(&["subscribers", "import", "people.csv", "--json"]);
    let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &imported["new"]),
        (Some(1), &Value::from(1))
    );
    assert_eq!(imported["rejected"][0]["line"], 3);
    assert!(
        imported["rejected"][0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("line 3")),
        "{imported}"
    );
    assert_eq!(
        imported["columns"][0]["unknown"],
        serde_json::json!(["phone"])
    );
    assert_eq!(
        imported["columns"][0]["known"],
        serde_json::json!(["email", "name"])
    );
    for address in ["b@example.org", "c@example.org"] {
        place.refused(&["subscribers", "show", address]);
    }
}

#[test]
fn a_dry_run_of_an_import_says_everything_and_stores_nothing() {
    let place = Place::new();
    place.said(&["subscribers", "add", "a@example.org"]);
    place.write(
        "people.csv",
        "email,name\na@example.org,Ada\nb@example.org,Bob\n",
    );
    let imported = place.json(&["subscribers", "import", "--dry-run", "people.csv"]);
    assert_eq!(
        (&imported["new"], &imported["changed"], &imported["dry_run"]),
        (&Value::from(1), &Value::from(1), &Value::from(true))
    );
    place.refused(&["subscribers", "show", "b@example.org"]);
}

#[test]
fn suppressions_are_lifted_one_by_one_or_many_by_day_and_reason() {
    let place = Place::new();
    for (address, reason) in [
        ("ada@example.org", "550 Connection frequency limited"),
        ("bob@example.org", "550 connection frequency limited"),
        ("cyd@example.org", "550 5.1.1 no such user"),
        ("dan@example.org", "asked to"),
    ] {
        place.said(&["subscribers", "add", address]);
        place.said(&["suppressions", "add", address, "--reason", reason]);
    }
    let status = |address: &str| place.json(&["subscribers", "show", address])["status"].clone();
    let said = place.said(&["suppressions", "remove", "--since", "2999-01-01"]);
    assert_eq!(said.trim(), "0 addresses may be written to again");
    let said = place.said(&["suppressions", "remove", "--reason", "Frequency limited"]);
    assert_eq!(said.trim(), "2 addresses may be written to again");
    assert_eq!(
        (status("ada@example.org"), status("cyd@example.org")),
        ("active".into(), "suppressed".into())
    );
    place.said(&["suppressions", "remove", "cyd@example.org"]);
    let since = ["suppressions", "remove", "--since", "2020-01-01"];
    assert_eq!(
        place.said(&since).trim(),
        "1 address may be written to again"
    );
    assert_eq!(place.json(&["suppressions", "list"]), serde_json::json!([]));
}

#[test]
fn nonsense_is_refused_with_what_where_and_what_to_do() {
    let place = Place::new();
    place.write(
        "nonsense.jsonl",
        "nonsense\n{\"email\":\"a@example.org\",\"send_at\":\"25:00\",\"max_papers\":0}\n{}\n",
    );
    let mut said = String::new();
    for words in [
        &["subscribers", "add", "no address"][..],
        &[
            "subscribers",
            "add",
            "a@example.org",
            "--timezone",
            "Berlin",
            "--send-at",
            "dawn",
        ],
        &["subscribers", "show", "nobody@example.org"],
        &["subscribers", "import", "nonsense.jsonl"],
        &["subscribers", "import", "not-there.jsonl"],
        &["subscribers", "set", "nobody@example.org"],
        &["papers", "import", "nonsense.jsonl"],
        &["papers", "import", "not-there.jsonl.gz"],
        &["papers", "show", "nothing.9999"],
        &["fetch", "--source", "nowhere"],
        &["preview", "nobody@example.org"],
        &["outbox", "show", "nobody@example.org"],
        &["publish", "--now", "noon"],
        &["-c", "elsewhere.toml", "check"],
    ] {
        let (code, error) = place.refused(words);
        let _ = write!(
            said,
            "$ paperboy {}\nexit {code}\n{error}\n",
            words.join(" ")
        );
    }
    assert_eq!(
        place
            .json(&["subscribers", "list"])
            .as_array()
            .unwrap()
            .len(),
        0,
        "nothing half-imported"
    );
    insta::assert_snapshot!(said);
}

#[test]
fn wrong_settings_are_all_reported_and_stop_every_command() {
    let place = Place::new();
    let path = place.path().join("paperboy.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    let wrong = settings
        .replace("base_url =", "bas_url =")
        .replace("contact = ", "contact = \"nobody\" #");
    std::fs::write(&path, wrong + "\n[smtp]\nport = 0\nsecurity = \"ssl\"\n").unwrap();
    let (code, error) = place.refused(&["publish"]);
    assert_eq!(code, 2);
    for expected in [
        "site.base_url",
        "site.contact",
        "smtp.port = 0",
        "smtp.security = \"ssl\"",
        "did you mean `base_url`",
    ] {
        assert!(error.contains(expected), "{expected} is not in\n{error}");
    }
}

#[test]
fn a_missing_database_is_not_made_by_accident() {
    let place = Place::new();
    std::fs::remove_file(place.path().join("paperboy.db")).unwrap();
    let (code, error) = place.refused(&["papers", "trending"]);
    assert!(code == 1 && error.contains("paperboy migrate"), "{error}");
    assert!(!place.path().join("paperboy.db").exists());
    assert!(place.said(&["migrate"]).contains("created"));
    let path = place.path().join("paperboy.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    let settings = settings.replace(
        "kind = \"arxiv\"",
        "kind = \"arxiv\"\nendpoint = \"http://127.0.0.1:1\"",
    );
    std::fs::write(&path, settings).unwrap();
    let said = place.said(&["check"]);
    assert!(
        said.contains("warn  source     arxiv: no answer from http://127.0.0.1:1/rss/"),
        "{said}"
    );
}

#[test]
fn a_key_is_made_shown_once_and_revoked() {
    let place = Place::new();
    let made = place.json(&[
        "admin",
        "keys",
        "make",
        "ci",
        "--scope",
        "read",
        "--scope",
        "papers:write",
    ]);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("pb_") && key.len() == 43, "{made}");
    assert_eq!(made["scopes"], serde_json::json!(["read", "papers:write"]));
    let (code, error) = place.refused(&["admin", "keys", "make", "ci"]);
    assert!(code == 1 && error.contains("already"), "{error}");
    let listed = place.said(&["admin", "keys", "list", "--json"]);
    assert!(
        listed.contains("\"ci\"") && !listed.contains(&key[3..]),
        "{listed}"
    );
    let (code, error) = place.refused(&["admin", "keys", "make", "x", "--scope", "all"]);
    assert!(
        code == 2 && error.contains("must be one of read, subscribers:write"),
        "{error}"
    );
    let (code, error) = place.refused(&["admin", "keys", "make", "ada@example.org"]);
    assert!(code == 2 && error.contains("leave out the @"), "{error}");
    let (code, error) = place.refused(&["admin", "keys", "make", "x", "--expires", "2020-01-01"]);
    assert!(code == 2 && error.contains("lie ahead"), "{error}");
    assert!(
        place
            .said(&["admin", "keys", "revoke", "ci"])
            .contains("revoked")
    );
    assert!(
        place
            .said(&["admin", "keys", "list"])
            .contains("revoked 20")
    );
    let (code, error) = place.refused(&["admin", "keys", "revoke", "ci"]);
    assert!(code == 1 && error.contains("no key called"), "{error}");
    assert!(
        place
            .said(&["admin", "keys", "make", "ci"])
            .starts_with("pb_"),
        "the name is free again"
    );
}
