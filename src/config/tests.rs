//! Promises about the settings.

use super::*;
use crate::findings::{Finding, FindingKind, Severity};
use crate::inbound::ImapSecurity;
use crate::outbox::{Security, SmtpSettings};
use crate::store::DatabaseUrl;
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// The required settings.
const LEAST: &str = r#"
[site]
base_url = "https://papers.uni.test/digest/"
from = "Papers <papers@uni.test>"
contact = "ada@uni.test"
"#;

/// A folder with a secret and a settings file.
struct Place(TempDir);

impl Place {
    fn with(settings: &str) -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("secret", "s".repeat(32));
        place.write("paperboy.toml", settings);
        place
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, env: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        let env = env
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Config::load(&self.path("paperboy.toml"), env)
    }

    /// The problems, with the folder's random name replaced.
    #[track_caller]
    fn complaint(&self, env: &[(&str, &str)]) -> String {
        self.load(env)
            .unwrap_err()
            .to_string()
            .replace(&self.0.path().display().to_string(), "DIR")
    }
}

#[track_caller]
fn check(settings: &str, env: &[(&str, &str)]) -> Config {
    Place::with(&format!("{LEAST}{settings}"))
        .load(env)
        .unwrap()
}

#[track_caller]
fn check_refused(settings: &str, env: &[(&str, &str)], expected: &[&str]) {
    let complaint = Place::with(&format!("{LEAST}{settings}")).complaint(env);
    let lines: Vec<&str> = complaint.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines, expected, "{settings}");
}

fn smtp(config: &Config) -> &SmtpSettings {
    match &config.transport {
        Transport::Smtp(smtp) => smtp,
        Transport::Maildir(path) => panic!("mail goes to {}", path.display()),
    }
}

#[test]
fn little_needs_to_be_said_and_nothing_leaves_the_machine() {
    let place = Place::with(LEAST);
    let config = place.load(&[]).unwrap();
    assert_eq!(config.site.base_url, "https://papers.uni.test/digest");
    assert_eq!(config.site.name, "Paper digest");
    assert_eq!(
        config.site.secret.expose_secret(),
        "s".repeat(32).as_bytes()
    );
    assert!(
        matches!(&config.database.url, DatabaseUrl::Sqlite(path) if *path == place.path("paperboy.db"))
    );
    assert!(matches!(&config.transport, Transport::Maildir(path) if *path == place.path("mail")));
    assert_eq!(config.schedule, ScheduleSettings::default());
    assert_eq!(config.web, WebSettings::default());
    assert!(config.sources.is_empty() && config.dkim.is_none());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let place = Place::with(
        r#"
[site]
name = "two\nlines"
base_url = "digest.example.org"
from = "Paper digest"
secret_file = "short"
colour = "red"

[database]
url = "mysql://me:hunter2@localhost"

[smpt]
host = "relay.example.org"

[smtp]
host = "relay.example.org:25"
port = 70000
security = "ssl"
username = "digest"
password_file = "nowhere"
connections = 0
retry_minutes = [5, -1]
expire_hours = 0
per_second = -1
on_uncertain = "resent"
hello = "me"

[schedule]
poll = "*/20 * * *"
upkeep = "30 25 * * *"

[[source]]
kind = "arxive"

[[source]]
kind = "arxiv"
categories = ["cs.LG", "machine learning"]
url = "https://example.org"

[[source]]
kind = "feed"
name = "ArXiv"

[[source]]
name = "ArXiv"
kind = "jsonl"
path = "papers.jsonl"
endpoint = "localhost"

[web]
listen = "8080"
trusted_proxies = ["127.0.0.1", "proxy"]
tls_cert_file = "cert.pem"
signup = "everybody"

[inbound]
bounce_address = "bounces"

[digest]
templates = "nowhere"

[dkim]
domain = "example"
"#,
    );
    place.write("short", "only this");
    insta::assert_snapshot!(place.complaint(&[
        ("PAPERBOY_SMTP__BREAKER_SECONDS", "soon"),
        ("PAPERBOY_WEB__PORT", "80")
    ]));
}

#[test]
fn every_setting_of_the_template_is_known_and_stands_at_its_default() {
    let place = Place::with(template());
    let written = place.load(&[]).unwrap();
    let uncommented: Vec<&str> = template()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect();
    place.write("paperboy.toml", uncommented.join("\n"));
    place.write("dkim.pem", "key");
    place.write("imap-password", "geheim");
    let mut whole = place.load(&[]).unwrap();
    // Two optional sections; their optional keys have defaults.
    let imap = whole.inbound.imap.take().unwrap();
    assert_eq!(
        (imap.port, imap.security, imap.mailbox.as_str()),
        (993, ImapSecurity::Tls, "INBOX")
    );
    assert_eq!((imap.done_mailbox, imap.ca_file), (None, None));
    assert!(whole.inbound.lmtp.take().unwrap().listen.ip().is_loopback());
    let shown = |config: &Config| {
        format!(
            "{:#?}",
            (
                &config.site,
                &config.database,
                &config.schedule,
                &config.web,
                &config.inbound,
                &config.digest
            )
        )
    };
    assert_eq!(shown(&written), shown(&whole));
    assert_eq!(
        format!("{:?}", smtp(&whole)),
        format!("{:?}", SmtpSettings::default())
    );
    assert_eq!(whole.sources.len(), 3);
    assert_eq!(whole.dkim.unwrap().selector, "digest");
}

#[test]
fn a_missing_file_is_answered_with_the_way_to_write_one() {
    let place = Place::with(LEAST);
    std::fs::remove_file(place.path("paperboy.toml")).unwrap();
    let expected = "cannot use the settings in DIR/paperboy.toml:\n  \
        DIR/paperboy.toml: there is no such file; `paperboy init DIR` writes one";
    assert_eq!(
        place.complaint(&[("PAPERBOY_LOG", "debug"), ("HOME", "/root")]),
        expected
    );
    let more = place.complaint(&[("PAPERBOY_SITE__NAME", "Papers")]);
    assert!(
        more.starts_with(expected)
            && more.contains("\n  PAPERBOY_SITE__BASE_URL: must be filled in"),
        "{more}"
    );
}

#[test]
fn the_environment_alone_can_say_everything() {
    let place = Place::with("");
    std::fs::remove_file(place.path("paperboy.toml")).unwrap();
    std::fs::remove_file(place.path("secret")).unwrap();
    let config = place.load(&[
        ("PAPERBOY_SITE__BASE_URL", "https://papers.uni.test"),
        ("PAPERBOY_SITE__FROM", "papers@uni.test"),
        ("PAPERBOY_SITE__CONTACT", "ada@uni.test"),
        ("PAPERBOY_SITE__SECRET", "0123456789abcdef0123456789abcdef"),
        ("PAPERBOY_DATABASE__URL", "postgres://me:hunter2@db/papers"),
        ("PAPERBOY_SMTP__PORT", "2525"),
        ("PAPERBOY_SMTP__RETRY_MINUTES", "0,1"),
        ("PAPERBOY_SOURCE__ARXIV__CATEGORIES", "cs.LG,hep-th"),
        ("PAPERBOY_REQUIRE_ALL", "1"),
    ]);
    let config = config.unwrap();
    assert_eq!(smtp(&config).port, 2525);
    assert_eq!(
        smtp(&config).retry.waits,
        [0, 1].map(chrono::TimeDelta::minutes)
    );
    assert_eq!(config.sources[0].kind, &crate::source::arxiv::KIND);
    assert_eq!(config.sources[0].categories, ["cs.LG", "hep-th"]);
    assert!(
        matches!(&config.database.url, DatabaseUrl::Postgres(url) if url.expose_secret().contains("hunter2"))
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_variable_wins_over_the_file_unless_it_is_empty() {
    let settings = "[smtp]\nhost = 'localhost'\nport = 25\nusername = 'me'\npassword_file = 'nowhere'\n\
        [[source]]\nname = 'my feed'\nkind = 'feed'\nurl = 'https://uni.test/rss'\n";
    let config = check(
        settings,
        &[
            ("PAPERBOY_SMTP__PORT", "2525"),
            ("PAPERBOY_SMTP__HOST", ""),
            ("PAPERBOY_SMTP__PASSWORD", "hunter2"),
            ("PAPERBOY_SOURCE__MY_FEED__API_KEY", "key"),
        ],
    );
    assert_eq!(
        (smtp(&config).port, smtp(&config).host.as_str()),
        (2525, "localhost")
    );
    assert_eq!(
        smtp(&config)
            .login
            .as_ref()
            .unwrap()
            .password
            .expose_secret(),
        "hunter2"
    );
    assert_eq!(
        config.sources[0].api_key.as_ref().unwrap().expose_secret(),
        "key"
    );
}

#[test]
fn a_wrong_variable_is_called_by_its_name() {
    let env = [
        ("PAPERBOY_SMTP__PORT", "x"),
        ("PAPERBOY_SMTP__PROT", "25"),
        ("PAPERBOY_SMTP__PASSWORD", "hunter2"),
        ("PAPERBOY_SMPT__PORT", "25"),
        (
            "PAPERBOY_İ__X",
            "letters that change their length with their case",
        ),
        ("PAPERBOY_SOURCE__NATURE__URL", "https://nature.test/rss"),
        ("PAPERBOY_SOURCE__FEED__QUERY", "quarks"),
        ("PAPERBOY_WEB__LISTEN__PORT", "80"),
    ];
    check_refused(
        "[web]\nlisten = '127.0.0.1:80'",
        &env,
        &[
            "PAPERBOY_SMTP__PORT = \"x\": must be a whole number from 1 to 65535",
            "PAPERBOY_SMTP__USERNAME: must be filled in, since there is a password",
            "PAPERBOY_SMTP__PROT: no such setting, did you mean `port`?",
            "PAPERBOY_SOURCE__FEED__URL: must be filled in",
            "PAPERBOY_SOURCE__NATURE__KIND = \"nature\": must be one of arxiv, huggingface, biorxiv, medrxiv, pubmed, \
             openreview, crossref, openalex, semantic_scholar, feed, jsonl",
            "PAPERBOY_SMPT__PORT: no such setting, did you mean `smtp`?",
            "PAPERBOY_İ__X: no such setting; known here: site, database, smtp, maildir, schedule, source, web, inbound, \
             digest, model, alarms, retention, log, dkim",
            "PAPERBOY_WEB__LISTEN__PORT: no such setting: `web.listen` is not a table in the file",
        ],
    );
}

#[test]
fn secrets_come_from_files_too() {
    let place = Place::with(&format!(
        "{LEAST}[smtp]\nusername = 'me'\npassword_file = 'password'\n[database]\nurl_file = 'url'\n\
         [[source]]\nkind = 'openalex'\nquery = 'x'\napi_key_file = 'key'"
    ));
    place.write("password", "hunter 2 \r\n");
    place.write("url", "sqlite:there.db\n");
    place.write("key", "a key");
    let config = place.load(&[]).unwrap();
    assert_eq!(
        smtp(&config)
            .login
            .as_ref()
            .unwrap()
            .password
            .expose_secret(),
        "hunter 2 "
    );
    assert_eq!(
        config.sources[0].api_key.as_ref().unwrap().expose_secret(),
        "a key"
    );
    assert!(
        matches!(&config.database.url, DatabaseUrl::Sqlite(path) if *path == place.path("there.db"))
    );
    let names = ["secret", "url", "password", "key"];
    assert_eq!(config.secret_files, names.map(|name| place.path(name)));

    place.write("password", [0xff, b'\n']);
    place.write("key", "\n");
    let complaint = place.complaint(&[
        ("PAPERBOY_DATABASE__URL", "x"),
        ("PAPERBOY_DATABASE__URL_FILE", "url"),
    ]);
    let lines: Vec<&str> = complaint.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "PAPERBOY_DATABASE__URL: is given twice, also as url_file: one of them must go",
            "smtp.password_file = \"password\": must be a file of UTF-8 text",
            "source[0].api_key_file = \"key\": must be a file with something in it",
        ]
    );
}

#[test]
fn a_secret_may_hold_any_bytes() {
    let place = Place::with(LEAST);
    place.write(
        "secret",
        [0xff; 31].into_iter().chain([b'\n']).collect::<Vec<u8>>(),
    );
    assert_eq!(
        place.load(&[]).unwrap().site.secret.expose_secret().len(),
        32
    );
    place.write("secret", [0xff; 31]);
    assert!(
        place
            .complaint(&[])
            .ends_with("site.secret_file = \"secret\": must hold at least 32 bytes, not 31")
    );
    std::fs::remove_file(place.path("secret")).unwrap();
    let missing =
        "site.secret_file = \"secret\": there is no DIR/secret: put it back from a backup; ";
    assert!(place.complaint(&[]).contains(missing));
}

#[test]
fn a_secret_is_never_shown() {
    let settings =
        "[smtp]\nusername = 'me'\npassword = 12345\n[database]\nurl = 'mysql://me:12345@db'";
    check_refused(
        settings,
        &[],
        &[
            "database.url: must be sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE",
            "smtp.password: must be text in quotes",
        ],
    );
}

#[test]
fn mail_travels_in_secret_unless_the_relay_is_here_or_the_operator_says_otherwise() {
    for here in ["localhost", "127.0.0.1", "::1"] {
        let config = check(&format!("[smtp]\nhost = '{here}'\nsecurity = 'none'"), &[]);
        assert_eq!(smtp(&config).security, Security::None);
    }
    let remote = "[smtp]\nhost = 'relay.uni.test'\nsecurity = 'none'\n";
    let permits = "in secret; allow_plaintext = true permits it";
    let must = "smtp.security = \"none\": must be starttls or tls, since relay.uni.test is another machine and could not be told";
    check_refused(remote, &[], &[&format!("{must} all mail {permits}")]);
    let login = format!("{remote}username = 'me'\npassword = 'hunter2'\n");
    check_refused(
        &login,
        &[],
        &[&format!("{must} the password and all mail {permits}")],
    );
    check(&format!("{login}allow_plaintext = true"), &[]);
}

#[test]
fn limits_may_be_zero_and_ports_follow_the_kind_of_tls() {
    let config = check(
        "[smtp]\nsecurity = 'tls'\nretry_minutes = [0]\nresend_after_minutes = 0\nbreaker_seconds = 0\nper_second = 0",
        &[],
    );
    let smtp = smtp(&config);
    assert_eq!((smtp.port, smtp.rate.per_second), (465, 0));
    assert!(
        smtp.retry.waits[0].is_zero()
            && smtp.retry.resend_after.is_zero()
            && smtp.retry.breaker.is_zero()
    );
}

#[test]
fn a_login_is_whole_or_not_there() {
    check_refused(
        "[smtp]\nusername = 'me'",
        &[],
        &["smtp.password: must be given, here or as password_file, since there is a username"],
    );
    check_refused(
        "[smtp]\npassword = 'hunter2'",
        &[],
        &["smtp.username: must be filled in, since there is a password"],
    );
    assert!(
        smtp(&check("[smtp]\nusername = ''\npassword = ''", &[]))
            .login
            .is_none()
    );
}

#[test]
fn findings_say_what_the_settings_lose_or_leak() {
    let place = Place::with(template());
    #[cfg(unix)]
    set_mode(&place.path("secret"), 0o644);
    let config = place.load(&[]).unwrap();
    // A secret that every user can read and reach is a failure, else a warning.
    #[cfg(unix)]
    for (mode, severity) in [(0o755, Severity::Fail), (0o700, Severity::Warn)] {
        set_mode(place.0.path(), mode);
        let found = config.findings();
        let secret = found
            .iter()
            .find(|finding| finding.kind == FindingKind::SecretReadable);
        assert_eq!(secret.unwrap().severity, severity, "{mode:o}");
    }
    let lines = lines(&config).join("\n");
    insta::assert_snapshot!(lines.replace(&place.0.path().display().to_string(), "DIR"));

    let settled = Place::with(&format!(
        "{LEAST}[smtp]\n[inbound]\nbounce_address = 'b@uni.test'\nunsubscribe_address = 'l@uni.test'\n\
         [[source]]\nkind = 'huggingface'\n[dkim]\ndomain = 'uni.test'\nselector = 's'\nrsa_key_file = 'secret'"
    ));
    #[cfg(unix)]
    set_mode(&settled.path("secret"), 0o640);
    assert_eq!(settled.load(&[]).unwrap().findings(), []);
    let elsewhere = settled.load(&[
        ("PAPERBOY_SITE__BASE_URL", "http://papers.uni.test"),
        ("PAPERBOY_DKIM__DOMAIN", "esp.test"),
        ("PAPERBOY_SMTP__HOST", "relay.test"),
        ("PAPERBOY_SMTP__SECURITY", "none"),
        ("PAPERBOY_SMTP__ALLOW_PLAINTEXT", "true"),
    ]);
    let kinds: Vec<FindingKind> = elsewhere
        .unwrap()
        .findings()
        .iter()
        .map(|finding| finding.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            FindingKind::InsecureLinks,
            FindingKind::PlaintextRelay,
            FindingKind::DkimUnaligned
        ]
    );
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).unwrap();
}

fn lines(config: &Config) -> Vec<String> {
    config.findings().iter().map(Finding::line).collect()
}

#[test]
fn each_dkim_key_has_a_name_of_its_own_in_dns() {
    let place = Place::with(LEAST);
    place.write("rsa.pem", "key");
    place.write("ed.pem", "key");
    let names = |keys: &str| {
        place.write(
            "paperboy.toml",
            format!("{LEAST}\n[dkim]\ndomain = 'example.org'\nselector = 'digest'\n{keys}"),
        );
        place
            .load(&[])
            .map(|config| config.dkim.unwrap().ed25519_selector)
            .map_err(|invalid| invalid.to_string())
    };
    assert_eq!(
        names("rsa_key_file = 'rsa.pem'\ned25519_key_file = 'ed.pem'").unwrap(),
        "digest-ed25519"
    );
    assert_eq!(names("ed25519_key_file = 'ed.pem'").unwrap(), "digest");
    assert_eq!(
        names("rsa_key_file = 'rsa.pem'\ned25519_key_file = 'ed.pem'\ned25519_selector = 'e'")
            .unwrap(),
        "e"
    );
    let same =
        names("rsa_key_file = 'rsa.pem'\ned25519_key_file = 'ed.pem'\ned25519_selector = 'digest'");
    assert!(
        same.unwrap_err()
            .contains("dkim.ed25519_selector = \"digest\": must differ from selector")
    );
}

#[test]
fn each_kind_of_source_says_what_it_cannot_do_without() {
    check_refused(
        "[[source]]\nkind = 'pubmed'\n[[source]]\nkind = 'crossref'\n[[source]]\nkind = 'openreview'\n\
         [[source]]\nkind = 'openalex'\njournals = ['1476-4688']\n[[source]]\nkind = 'huggingface'\nvenues = ['TMLR']\n",
        &[],
        &[
            "source[0].query: must say what to search for, like \"graph neural networks\"",
            "source[1].query: must say what to search for, unless journals does: all of it would be tens of thousands a day",
            "source[2].venues: must name at least one venue, like [\"ICLR.cc/2027/Conference\"]",
            "source[3].journals = \"1476-4688\": must be an ISSN, like 1476-4687",
            "source[3].query: must say what to search for, unless journals does: all of it would be tens of thousands a day",
            "source[4].venues: is for sources of kind openreview, not huggingface",
        ],
    );
    let right = "[[source]]\nkind = 'openalex'\njournals = ['14764687']\n";
    let sources = Place::with(&format!("{LEAST}{right}"))
        .load(&[])
        .unwrap()
        .sources;
    assert_eq!(sources[0].journals, ["1476-4687"]);
}
