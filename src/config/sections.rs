//! Reads each section of the settings into the struct of the module that owns it.
//!
//! Problems are collected in `fields`; a wrong value is replaced by the default, so that reading
//! goes on and finds all problems.

use super::files::Files;
use crate::digest::{DigestSettings, DkimSettings};
use crate::fields::{Fields, shown_text};
use crate::model::{HUB, ModelSettings};
use crate::outbox::{
    BREAKER_MAX, ClientCertificate, Login, LoginKind, OnUncertain, Protocol, RateLimits,
    RetrySettings, Security, SmtpSettings, TlsSettings,
};
use crate::schedule::{CronLine, ScheduleSettings};
use crate::site::Site;
use crate::store::{DatabaseSettings, DatabaseUrl};
use crate::subscriber::Address;
use crate::subscriber::MailboxKind;
use crate::token::SECRET_BYTES_MIN;
use crate::web::{Signup, TlsFiles, WebSettings};
use axum::http::Uri;
use chrono::TimeDelta;
use lettre::message::Mailbox;
use secrecy::ExposeSecret;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

pub(super) fn read_site(fields: &mut Fields, files: &mut Files) -> Option<Site> {
    let name = fields.parsed("name", one_line);
    let base_url = needed(fields, "base_url", base_address);
    let from = needed(fields, "from", mailbox);
    let contact = needed(fields, "contact", str::parse::<Address>);
    let secret = files.site_secret(fields, SECRET_BYTES_MIN);
    let old_secrets = files.old_secrets(fields);
    Some(Site {
        name: name.unwrap_or_else(|| "Paper digest".to_owned()),
        base_url: base_url?,
        from: from?,
        contact: (&contact?).into(),
        secret: secret?,
        old_secrets,
    })
}

pub(super) fn read_database(fields: &mut Fields, files: &mut Files) -> Option<DatabaseSettings> {
    let Some(url) = files.secret(fields, "url", "url_file") else {
        return Some(DatabaseSettings {
            url: DatabaseUrl::Sqlite(files.locate("paperboy.db")),
        });
    };
    let text = url.expose_secret().trim();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Some(DatabaseSettings {
            url: DatabaseUrl::Postgres(text.into()),
        });
    }
    let path = text
        .strip_prefix("sqlite:")
        .map(|path| path.strip_prefix("//").unwrap_or(path));
    let path = path.filter(|path| !path.is_empty() && *path != ":memory:" && !path.contains('?'));
    if path.is_none() {
        // The address is not shown: it may hold a password.
        fields.refuse(
            "url",
            None,
            "must be sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE",
        );
    }
    path.map(|path| DatabaseSettings {
        url: DatabaseUrl::Sqlite(files.locate(path)),
    })
}

const SECURITY: [(&str, Security); 3] = [
    ("starttls", Security::StartTls),
    ("tls", Security::Tls),
    ("none", Security::None),
];
const PROTOCOL: [(&str, Protocol); 2] = [("smtp", Protocol::Smtp), ("lmtp", Protocol::Lmtp)];
const ON_UNCERTAIN: [(&str, OnUncertain); 2] =
    [("resend", OnUncertain::Resend), ("hold", OnUncertain::Hold)];

pub(super) fn read_smtp(fields: &mut Fields, files: &mut Files) -> SmtpSettings {
    let default = SmtpSettings::default();
    let host = fields.parsed("host", host_name).unwrap_or(default.host);
    let port = fields.number("port", 1..=65_535).map(|port| port as u16);
    let security = fields
        .choice("security", &SECURITY)
        .unwrap_or(default.security);
    let protocol = fields
        .choice("protocol", &PROTOCOL)
        .unwrap_or(default.protocol);
    let login = read_login(fields, files);
    let tls = read_smtp_tls(fields, files);
    let allow_plaintext = fields.flag("allow_plaintext").unwrap_or(false);
    if security == Security::None && !allow_plaintext && !is_loopback(&host) {
        let told = if login.is_some() {
            "the password and all mail"
        } else {
            "all mail"
        };
        let remedy = format!(
            "must be starttls or tls, since {host} is another machine and could not be told {told} in secret; \
             allow_plaintext = true permits it"
        );
        fields.refuse("security", Some("\"none\"".to_owned()), remedy);
    }
    // RFC 8314 section 3.3: TLS from the first byte has a port of its own.
    let usual_port = match (protocol, security) {
        // LMTP must not use 25 (RFC 2033 section 5); 24 is usual.
        (Protocol::Lmtp, _) => 24,
        (_, Security::Tls) => 465,
        _ => default.port,
    };
    SmtpSettings {
        host,
        port: port.unwrap_or(usual_port),
        protocol,
        security,
        tls,
        login,
        hello_name: fields.parsed("hello_name", host_name),
        connections: fields
            .number("connections", 1..=256)
            .map_or(default.connections, |n| n as usize),
        messages_per_connection: count(fields, "messages_per_connection", 1)
            .unwrap_or(default.messages_per_connection),
        rate: RateLimits {
            per_second: count(fields, "per_second", 0).unwrap_or(default.rate.per_second),
            per_minute: count(fields, "per_minute", 0).unwrap_or(default.rate.per_minute),
            per_hour: count(fields, "per_hour", 0).unwrap_or(default.rate.per_hour),
        },
        per_domain_per_minute: count(fields, "per_domain_per_minute", 0)
            .unwrap_or(default.per_domain_per_minute),
        retry: read_retry(fields, default.retry),
    }
}

fn read_smtp_tls(fields: &mut Fields, files: &mut Files) -> TlsSettings {
    match (
        fields.has_filled("client_cert_file"),
        fields.has_filled("client_key_file"),
    ) {
        (true, false) => fields.refuse(
            "client_key_file",
            None,
            "must be filled in, since there is a client_cert_file",
        ),
        (false, true) => fields.refuse(
            "client_cert_file",
            None,
            "must be filled in, since there is a client_key_file",
        ),
        _ => {}
    }
    let cert_file = files.readable(fields, "client_cert_file");
    let key_file = files.private(fields, "client_key_file");
    let client = cert_file
        .zip(key_file)
        .map(|(cert_file, key_file)| ClientCertificate {
            cert_file,
            key_file,
        });
    TlsSettings {
        ca_file: files.readable(fields, "ca_file"),
        client,
    }
}

fn read_login(fields: &mut Fields, files: &mut Files) -> Option<Login> {
    let secret_given = fields.has("password") || fields.has("password_file");
    let username = fields
        .text("username")
        .filter(|username| !username.is_empty());
    let token_file = fields
        .peek("password_file")
        .filter(|path| !path.is_empty())
        .map(|path| files.locate(path));
    let password = files.secret(fields, "password", "password_file");
    let is_token = fields
        .choice("auth", &[("password", false), ("xoauth2", true)])
        .unwrap_or(false);
    match (username, password) {
        (Some(username), Some(password)) if is_token => Some(Login {
            username,
            password,
            kind: LoginKind::Token(token_file),
        }),
        (Some(username), Some(password)) => Some(Login::by_password(username, password)),
        (Some(_), None) if !secret_given => {
            fields.refuse(
                "password",
                None,
                "must be given, here or as password_file, since there is a username",
            );
            None
        }
        (None, Some(_)) => {
            fields.refuse(
                "username",
                None,
                "must be filled in, since there is a password",
            );
            None
        }
        _ => None,
    }
}

const WEEK_MINUTES: i64 = 7 * 24 * 60;
const MONTH_HOURS: i64 = 31 * 24;

fn read_retry(fields: &mut Fields, default: RetrySettings) -> RetrySettings {
    let waits = fields.numbers("retry_minutes", &(0..=WEEK_MINUTES));
    RetrySettings {
        waits: waits.map_or(default.waits, |waits| {
            waits.into_iter().map(TimeDelta::minutes).collect()
        }),
        shelf_life: fields
            .number("expire_hours", 1..=MONTH_HOURS)
            .map_or(default.shelf_life, TimeDelta::hours),
        on_uncertain: fields
            .choice("on_uncertain", &ON_UNCERTAIN)
            .unwrap_or(default.on_uncertain),
        resend_after: fields
            .number("resend_after_minutes", 0..=WEEK_MINUTES)
            .map_or(default.resend_after, TimeDelta::minutes),
        breaker: fields
            .number("breaker_seconds", 0..=BREAKER_MAX.num_seconds())
            .map_or(default.breaker, TimeDelta::seconds),
    }
}

pub(super) fn read_maildir(fields: &mut Fields, files: &Files) -> PathBuf {
    files
        .path(fields, "path")
        .unwrap_or_else(|| files.locate("mail"))
}

pub(super) fn read_schedule(fields: &mut Fields) -> ScheduleSettings {
    let default = ScheduleSettings::default();
    // The message shows the line as the value.
    let cron_line = |text: &str| text.parse::<CronLine>().map_err(|error| error.reason);
    ScheduleSettings {
        poll: fields.parsed("poll", cron_line).unwrap_or(default.poll),
        upkeep: fields.parsed("upkeep", cron_line).unwrap_or(default.upkeep),
        latest_send: fields
            .number("latest_send_minutes", 0..=WEEK_MINUTES)
            .map_or(default.latest_send, TimeDelta::minutes),
        max_lateness: fields
            .number("max_lateness_hours", 1..=MONTH_HOURS)
            .map_or(default.max_lateness, TimeDelta::hours),
    }
}

const SIGNUP: [(&str, Signup); 3] = [
    ("open", Signup::Open),
    ("invite", Signup::Invite),
    ("closed", Signup::Closed),
];

pub(super) fn read_web(fields: &mut Fields, files: &mut Files) -> WebSettings {
    let default = WebSettings::default();
    let listen = |text: &str| {
        text.parse::<SocketAddr>()
            .map_err(|_| "must be an address and port like 127.0.0.1:8080")
    };
    let proxy = |text: &str| {
        text.parse::<IpAddr>()
            .map_err(|_| "must be a list of IP addresses like 127.0.0.1")
    };
    WebSettings {
        listen: fields.parsed("listen", listen).unwrap_or(default.listen),
        admin_listen: fields.parsed("admin_listen", listen),
        trusted_proxies: fields
            .all_parsed("trusted_proxies", proxy)
            .unwrap_or(default.trusted_proxies),
        tls: read_tls(fields, files),
        signup: fields.choice("signup", &SIGNUP).unwrap_or(default.signup),
        refuse: fields
            .all_parsed("refuse", mailbox_kind)
            .unwrap_or(default.refuse),
        disposable_domains: fields
            .all_parsed("disposable_domains", domain)
            .unwrap_or_default(),
    }
}

fn mailbox_kind(text: &str) -> Result<MailboxKind, &'static str> {
    match text.trim() {
        "role" => Ok(MailboxKind::Role),
        "disposable" => Ok(MailboxKind::Disposable),
        _ => Err("must be a list of role, disposable"),
    }
}

fn domain(text: &str) -> Result<String, &'static str> {
    let domain = text.trim().trim_start_matches('@').to_lowercase();
    let plain = domain.contains('.')
        && domain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if plain {
        Ok(domain)
    } else {
        Err("must be a list of domains like mailinator.com")
    }
}

fn read_tls(fields: &mut Fields, files: &mut Files) -> Option<TlsFiles> {
    match (
        fields.has_filled("tls_cert_file"),
        fields.has_filled("tls_key_file"),
    ) {
        (true, false) => fields.refuse(
            "tls_key_file",
            None,
            "must be filled in, since there is a tls_cert_file",
        ),
        (false, true) => fields.refuse(
            "tls_cert_file",
            None,
            "must be filled in, since there is a tls_key_file",
        ),
        _ => {}
    }
    let cert_file = files.readable(fields, "tls_cert_file");
    let key_file = files.private(fields, "tls_key_file");
    Some(TlsFiles {
        cert_file: cert_file?,
        key_file: key_file?,
    })
}

pub(super) fn read_digest(fields: &mut Fields, files: &Files) -> DigestSettings {
    DigestSettings {
        templates: files.folder(fields, "templates"),
        accent: fields.parsed("accent", str::parse).unwrap_or_default(),
        logo: fields.parsed("logo", picture_address),
    }
}

/// The address of a picture: mail programs load pictures over HTTPS only, many through a proxy.
fn picture_address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_plain = text.len() <= 500
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"<>\"'".contains(&byte));
    if is_plain
        && text
            .strip_prefix("https://")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    {
        Ok(text.to_owned())
    } else {
        Err("must be the address of a picture, like https://digest.example.org/logo.png".to_owned())
    }
}

pub(super) fn read_model(
    fields: &mut Fields,
    database: Option<&DatabaseSettings>,
    files: &Files,
) -> ModelSettings {
    let beside = match database.map(|database| &database.url) {
        Some(DatabaseUrl::Sqlite(path)) => path.with_file_name("models"),
        _ => files.locate("models"),
    };
    ModelSettings {
        path: files.path(fields, "path").unwrap_or(beside),
        hub: fields
            .parsed("hub", base_address)
            .unwrap_or_else(|| HUB.to_owned()),
    }
}

pub(super) fn read_dkim(fields: &mut Fields, files: &mut Files) -> Option<DkimSettings> {
    let domain = needed(fields, "domain", domain_name);
    let ed25519_selector = fields.parsed("ed25519_selector", selector);
    let selector = needed(fields, "selector", selector);
    if !fields.has_filled("rsa_key_file") && !fields.has_filled("ed25519_key_file") {
        fields.refuse(
            "rsa_key_file",
            None,
            "must be filled in, or ed25519_key_file",
        );
    }
    let rsa_key_file = files.private(fields, "rsa_key_file");
    let ed25519_key_file = files.private(fields, "ed25519_key_file");
    let selector = selector?;
    let both = rsa_key_file.is_some() && ed25519_key_file.is_some();
    let usual = if both {
        format!("{selector}-ed25519")
    } else {
        selector.clone()
    };
    if both && ed25519_selector.as_ref() == Some(&selector) {
        fields.refuse(
            "ed25519_selector",
            Some(shown_text(&selector)),
            "must differ from selector".to_owned(),
        );
    }
    Some(DkimSettings {
        domain: domain?,
        selector,
        ed25519_selector: ed25519_selector.unwrap_or(usual),
        rsa_key_file,
        ed25519_key_file,
    })
}

/// A required text that `parse` accepts.
pub(super) fn needed<T, E: std::fmt::Display>(
    fields: &mut Fields,
    key: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let text = fields.needed(key)?;
    parse(&text)
        .map_err(|error| fields.refuse(key, Some(shown_text(&text)), error.to_string()))
        .ok()
}

/// A whole number, at least `least`; larger ones than `u32::MAX` are cut to it.
fn count(fields: &mut Fields, key: &'static str, least: i64) -> Option<u32> {
    fields
        .number(key, least..=i64::MAX)
        .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

pub(super) fn one_line(text: &str) -> Result<String, &'static str> {
    let fits = text.chars().count() <= 100 && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be one line of at most 100 characters")
    }
}

/// An absolute web address: its scheme is http or https, and it names a host.
pub(super) fn web_address(text: &str) -> Result<String, &'static str> {
    let wrong = "must be a web address like https://example.org/path";
    let uri: Uri = text.parse().map_err(|_| wrong)?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty());
    let bare = uri
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'))
        && !text.contains('#');
    if web && bare {
        Ok(text.to_owned())
    } else {
        Err(wrong)
    }
}

/// A web address that paths are appended to.
pub(super) fn base_address(text: &str) -> Result<String, &'static str> {
    let wrong = "must be a web address without a query, like https://digest.example.org";
    let address = web_address(text).map_err(|_| wrong)?;
    if address.contains('?') {
        Err(wrong)
    } else {
        Ok(address.trim_end_matches('/').to_owned())
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let wrong = "must be a name and a mail address, like Paper digest <digest@example.org>";
    if text.chars().any(char::is_control) {
        return Err(wrong.to_owned());
    }
    // lettre would refuse an address in another script; ours is rewritten first.
    let (name, address) = match text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((name, address)) => (name.trim(), address),
        None => ("", text),
    };
    let address: Address = address.parse().map_err(|_| wrong.to_owned())?;
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name);
    Ok(Mailbox::new(
        (!name.is_empty()).then(|| name.to_owned()),
        (&address).into(),
    ))
}

/// Longest part before the @ that leaves room for `+TOKEN`: RFC 5321 section
/// 4.5.3.1.1 allows 64 octets, a token for the largest row has 31.
const TAGGED_LOCAL_CHARS_MAX: usize = 32;

pub(super) fn tagged_address(text: &str) -> Result<Address, String> {
    let address: Address = text
        .parse()
        .map_err(|error: crate::subscriber::BadAddress| error.to_string())?;
    let local_chars = address.as_str().len() - address.domain().len() - 1;
    if address.as_str()[..local_chars].contains('+') {
        return Err(
            "must have no + before the @, for what stands behind one is the token".to_owned(),
        );
    }
    if local_chars > TAGGED_LOCAL_CHARS_MAX {
        return Err(format!(
            "must have at most {TAGGED_LOCAL_CHARS_MAX} characters before the @, to leave room for +TOKEN"
        ));
    }
    Ok(address)
}

pub(super) fn host_name(text: &str) -> Result<String, &'static str> {
    let wrong = "must be the name or address of a machine, without a port";
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let host = idna::domain_to_ascii(text).map_err(|_| wrong)?;
    let plain = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if plain && !host.is_empty() {
        Ok(host)
    } else {
        Err(wrong)
    }
}

fn domain_name(text: &str) -> Result<String, &'static str> {
    let wrong = "must be a domain like example.org";
    let host = host_name(text).map_err(|_| wrong)?;
    if host.contains('.') && host.parse::<IpAddr>().is_err() {
        Ok(host)
    } else {
        Err(wrong)
    }
}

fn selector(text: &str) -> Result<String, &'static str> {
    // RFC 6376 section 3.1: labels of a domain name.
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("must be letters, digits, hyphens and dots")
    }
}

/// Whether `host` is a name or address of this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether `host` is this machine or one of a private network.
pub(super) fn is_house(host: &str) -> bool {
    let bare = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.')
        .to_lowercase();
    if let Ok(address) = bare.parse::<IpAddr>() {
        return !crate::http::is_public(address);
    }
    // RFC 6761, RFC 6762, RFC 8375, and names that ICANN reserves for private use.
    let private = [
        "localhost",
        "local",
        "test",
        "invalid",
        "example",
        "internal",
        "home.arpa",
        "lan",
        "intranet",
    ];
    !bare.contains('.')
        || private.iter().any(|end| {
            bare.strip_suffix(end)
                .is_some_and(|rest| rest.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: ToString, E>(
        parse: impl Fn(&str) -> Result<T, E>,
        text: &str,
        expected: Option<&str>,
    ) {
        assert_eq!(
            parse(text).ok().map(|value| value.to_string()).as_deref(),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn base_addresses_are_absolute_and_end_without_a_slash() {
        check(
            base_address,
            "https://digest.example.org/",
            Some("https://digest.example.org"),
        );
        check(
            base_address,
            "https://example.org/digest//",
            Some("https://example.org/digest"),
        );
        check(base_address, "http://[::1]:8080", Some("http://[::1]:8080"));
        for wrong in [
            "digest.example.org",
            "/",
            "ftp://example.org",
            "https://",
            "https://a b",
            "https://a?b",
            "https://a/#b",
        ] {
            check(base_address, wrong, None);
        }
        check(base_address, "https://me:secret@example.org", None);
        check(
            web_address,
            "https://example.org/rss?format=xml",
            Some("https://example.org/rss?format=xml"),
        );
    }

    #[test]
    fn a_sender_has_an_address_and_may_have_a_name() {
        check(
            mailbox,
            "Paper digest <digest@example.org>",
            Some("Paper digest <digest@example.org>"),
        );
        check(
            mailbox,
            "\"Papers, daily\" <d@example.org>",
            Some("\"Papers, daily\" <d@example.org>"),
        );
        check(
            mailbox,
            "digest@bücher.example",
            Some("digest@xn--bcher-kva.example"),
        );
        for wrong in [
            "Paper digest",
            "a@example.org, b@example.org",
            "A <a@example.org> B",
            "A\n <a@example.org>",
        ] {
            check(mailbox, wrong, None);
        }
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        check(host_name, "smtp.example.org", Some("smtp.example.org"));
        check(host_name, "::1", Some("::1"));
        check(host_name, "bücher.example", Some("xn--bcher-kva.example"));
        for wrong in ["smtp.example.org:25", "smtp://relay", "a b", "[::1]:25"] {
            check(host_name, wrong, None);
        }
        check(domain_name, "localhost", None);
        check(domain_name, "192.0.2.1", None);
        check(selector, "s1.digest-2026", Some("s1.digest-2026"));
        check(selector, "s1..x", None);
        check(selector, "s 1", None);
    }

    #[test]
    fn a_report_address_leaves_room_for_a_token() {
        let local = "b".repeat(32);
        check(
            tagged_address,
            &format!("{local}@example.org"),
            Some(format!("{local}@example.org").as_str()),
        );
        check(tagged_address, &format!("{local}b@example.org"), None);
    }

    #[test]
    fn the_house_is_no_name_that_the_world_knows() {
        for here in [
            "localhost",
            "127.0.0.1",
            "10.1.2.3",
            "[fd00::1]",
            "papers",
            "papers.lab.test",
            "x.home.arpa",
        ] {
            assert!(is_house(here), "{here}");
        }
        for elsewhere in [
            "digest.example.org",
            "8.8.8.8",
            "[2606:4700::1]",
            "test.org",
            "a.mylocal",
        ] {
            assert!(!is_house(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn loopback_has_many_names() {
        for here in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "[::1]",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in ["localhost.example.org", "10.0.0.1", "0.0.0.0", "relay"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
