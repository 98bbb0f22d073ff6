//! What comes back to the running program: by every way in, killed in mid-mail, and in floods.

use crate::harness::environment::missing;
use crate::harness::fake_smtp::FakeRelay;
use crate::harness::mail_servers::{Dovecot, deliver, free_port, keep_secret, maildir};
use crate::inbound::bounces::dsn;
use crate::operation::daemon::{Place, Service, now, today, until};
use crate::outbox::delivery::{issue, subscriber};
use crate::outbox::tls::Authority;
use chrono::TimeDelta;
use paperboy::config::Config;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{AttemptRecord, Db, DeliveryId, Disposition, LedgerTurn, Settlement};
use paperboy::subscriber::Address;
use paperboy::token::Scope;
use std::fs;
use std::path::PathBuf;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const UNKNOWN: &str = "550 5.1.1 no such user (in reply to RCPT TO command)";
const LETTER: &str =
    "From: friend@example.net\r\nTo: me@example.net\r\nSubject: lunch\r\n\r\nat noon?\r\n";

/// An installation whose issues were all accepted.
struct House {
    place: Place,
    config: Config,
    db: Db,
    sent: Vec<(Address, DeliveryId)>,
}

impl House {
    /// With `readers`, and these settings below `[inbound]`.
    async fn new(readers: usize, inbound: &str) -> Self {
        let relay = FakeRelay::start().await;
        let place = Place::new(&relay, &today());
        let more = format!("[inbound]\nbounce_address = \"bounces@digest.example\"\n{inbound}");
        place.writes_settings(&relay, &more);
        keep_secret(&place.path("imap-password"), "geheim\n");
        let config = Config::load(&place.path("paperboy.toml"), std::iter::empty()).unwrap();
        let db = Db::new(SqliteStore::open(&place.path("paperboy.db")).unwrap());
        let sent = accepted(&db, readers);
        House {
            place,
            config,
            db,
            sent,
        }
    }

    /// The report on the issue of reader `at`.
    fn report(&self, at: usize) -> String {
        let (address, id) = &self.sent[at];
        let token = self.config.site.signer().sign(Scope::Bounce, id.0);
        let to = self
            .config
            .inbound
            .addresses
            .envelope_sender(&token)
            .unwrap();
        dsn(&to, address.as_str(), "5.1.1", UNKNOWN, "Subject: papers")
    }

    fn suppressed(&self) -> usize {
        self.db
            .run_here(|store| store.suppressions())
            .unwrap()
            .len()
    }

    fn reports(&self) -> u64 {
        self.db
            .run_here(|store| store.count_reports())
            .unwrap()
            .iter()
            .map(|(_, count)| count)
            .sum()
    }

    fn maildir(&self) -> PathBuf {
        self.place.path("reports")
    }

    async fn starts(&self) -> Service {
        self.place.starts(&["--role", "inbound"]).await
    }
}

/// Issues for so many readers that a server took a moment ago.
fn accepted(db: &Db, readers: usize) -> Vec<(Address, DeliveryId)> {
    let at = now();
    let people: Vec<_> = (0..readers)
        .map(|at| subscriber(&format!("reader{at:04}@example.org")))
        .collect();
    db.run_here(|store| {
        store.enter_subscribers(&people, at)?;
        let mut issues = Vec::new();
        for person in &people {
            let found = store.subscriber(&person.address)?.unwrap();
            issues.push(issue(&person.address, found.id, at + TimeDelta::hours(18)));
        }
        store.enqueue_issues(&issues, at)?;
        let claimed = store.claim_due(readers as u32, at)?;
        let marks = claimed.iter().map(|one| one.id).collect();
        store.record_turn(
            &LedgerTurn {
                marks,
                ..LedgerTurn::default()
            },
            at,
        )?;
        let attempt = || AttemptRecord {
            stage: "dot".into(),
            code: Some(250),
            enhanced: None,
            text: "ok".into(),
            duration_ms: 1,
        };
        let settle = |id| Settlement {
            id,
            attempt: attempt(),
            disposition: Disposition::Accepted,
            soft: false,
        };
        let settlements = claimed.iter().map(|one| settle(one.id)).collect();
        store.record_turn(
            &LedgerTurn {
                settlements,
                ..LedgerTurn::default()
            },
            at,
        )?;
        Ok(claimed
            .into_iter()
            .map(|one| (one.address, one.id))
            .collect())
    })
    .unwrap()
}

/// Whoever hands mail over by LMTP.
struct Talker {
    read: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Talker {
    async fn new(port: u16) -> Self {
        let (read, write) = TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap()
            .into_split();
        let mut talker = Talker {
            read: BufReader::new(read).lines(),
            write,
        };
        assert!(talker.hears().await.unwrap().starts_with("220"));
        talker.says("LHLO mx.example").await.unwrap();
        talker
    }

    async fn hears(&mut self) -> Option<String> {
        loop {
            let line = self.read.next_line().await.ok()??;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some(line);
            }
        }
    }

    async fn says(&mut self, line: &str) -> Option<String> {
        self.write
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .ok()?;
        self.hears().await
    }

    /// Hands a mail over; whether it was taken.
    async fn hands(&mut self, mail: &str) -> bool {
        for line in ["MAIL FROM:<>", "RCPT TO:<bounces+x@digest.example>", "DATA"] {
            if self.says(line).await.is_none() {
                return false;
            }
        }
        self.says(&format!("{mail}\r\n."))
            .await
            .is_some_and(|reply| reply.starts_with("250"))
    }
}

fn imap_settings(dovecot: &Dovecot, authority: &Authority) -> String {
    format!(
        "[inbound.imap]\nhost = \"localhost\"\nport = {}\nusername = \"reports\"\npassword_file = \"imap-password\"\n\
         done_mailbox = \"Done\"\nca_file = \"{}\"\n",
        dovecot.tls_port,
        authority.path("ca.pem").display()
    )
}

/// Files in a folder that are mails.
fn mails(folder: PathBuf) -> usize {
    fs::read_dir(folder).map_or(0, |entries| {
        entries
            .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_file())
            .count()
    })
}

/// The most memory that the service has used, in MB.
fn peak(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .next()
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_takes_in_what_comes_by_every_way_and_leaves_other_mail_alone() {
    let authority = Authority::new();
    let Some(dovecot) = Dovecot::start(Some((&authority, "localhost"))).await else {
        return missing("Dovecot, or root to run it,");
    };
    let lmtp = free_port();
    let house = House::new(
        5,
        &format!(
            "maildir = \"reports\"\n[inbound.lmtp]\nlisten = \"127.0.0.1:{lmtp}\"\n{}",
            imap_settings(&dovecot, &authority)
        ),
    )
    .await;
    maildir(&house.maildir());
    deliver(&house.maildir(), "1.a", &house.report(0));
    deliver(&house.maildir(), "2.b", LETTER);
    // A mail program has looked at this one's folder, not at the mail.
    fs::write(house.maildir().join("cur/3.c:2,"), house.report(1)).unwrap();
    dovecot.delivers("1.a", &house.report(2));
    dovecot.delivers("2.b", LETTER);
    let mut service = house.starts().await;
    assert!(Talker::new(lmtp).await.hands(&house.report(3)).await);
    until("four are suppressed", || house.suppressed() == 4).await;
    // While it waits with IDLE, one more comes.
    dovecot.delivers("3.c", &house.report(4));
    until("five are suppressed", || house.suppressed() == 5).await;
    until("they have moved", || {
        mails(house.maildir().join("cur")) == 2
    })
    .await;
    until("they have moved there, too", || {
        mails(dovecot.mail().join(".Done/cur")) == 2
    })
    .await;
    service.stops().await;
    assert_eq!(
        mails(house.maildir().join("new")),
        1,
        "the letter is where it was"
    );
    let letters = mails(dovecot.mail().join("new")) + mails(dovecot.mail().join("cur"));
    assert_eq!((letters, house.reports()), (1, 5));
    assert!(
        !service.log().contains("reader0"),
        "an address in the log: {}",
        service.log()
    );
    // What an operator sees of it.
    let shown = house.place.says("suppressions list --json", &[]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["evidence"]["status"], "5.1.1", "{shown}");
    assert!(
        shown[0]["evidence"]["diagnostic"]
            .as_str()
            .unwrap()
            .contains("no such user"),
        "{shown}"
    );
    let history = house
        .place
        .says("subscribers show reader0003@example.org", &[]);
    assert!(history.contains("no such user"), "{history}");
    let delivery = house.place.says("outbox show reader0003@example.org", &[]);
    assert!(
        delivery.contains("came back by mail: hard userunknown 5.1.1 → suppress"),
        "{delivery}"
    );
    let stats = house.place.says("outbox stats --json", &[]);
    assert!(stats.contains("\"report_hard\": 5"), "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_in_mid_mail_loses_no_report_and_counts_none_twice() {
    const EACH: usize = 150;
    let authority = Authority::new();
    let Some(dovecot) = Dovecot::start(Some((&authority, "localhost"))).await else {
        return missing("Dovecot, or root to run it,");
    };
    let lmtp = free_port();
    let settings = imap_settings(&dovecot, &authority);
    let listen =
        format!("maildir = \"reports\"\n[inbound.lmtp]\nlisten = \"127.0.0.1:{lmtp}\"\n{settings}");
    let house = House::new(3 * EACH, &listen).await;
    maildir(&house.maildir());
    for at in 0..EACH {
        deliver(&house.maildir(), &format!("{at:04}.a"), &house.report(at));
        dovecot.delivers(&format!("{at:04}.b"), &house.report(EACH + at));
    }
    let mut waiting: Vec<usize> = (2 * EACH..3 * EACH).collect();
    let mut kills = 0;
    while kills < 4 {
        let mut service = house.starts().await;
        let (before, mut talker) = (house.suppressed(), Talker::new(lmtp).await);
        // A mail of which half has come is nobody's when the service dies.
        let mut half = Talker::new(lmtp).await;
        for line in ["MAIL FROM:<>", "RCPT TO:<bounces+x@digest.example>", "DATA"] {
            half.says(line).await.unwrap();
        }
        half.write
            .write_all(&house.report(waiting[waiting.len() - 1]).as_bytes()[..300])
            .await
            .unwrap();
        for _ in 0..20 {
            let next = waiting[0];
            if talker.hands(&house.report(next)).await {
                waiting.remove(0);
            }
        }
        until("some are taken in", || house.suppressed() > before + 20).await;
        service.gets("-KILL");
        service.ends().await;
        assert!(half.hears().await.is_none());
        assert!(!talker.hands(&house.report(waiting[0])).await);
        kills += 1;
    }
    let mut service = house.starts().await;
    let mut talker = Talker::new(lmtp).await;
    for at in waiting {
        assert!(talker.hands(&house.report(at)).await);
    }
    // Again: it was taken in before.
    assert!(talker.hands(&house.report(2 * EACH)).await);
    until("everybody is suppressed", || house.suppressed() == 3 * EACH).await;
    until("the Maildir is done", || {
        mails(house.maildir().join("new")) == 0
    })
    .await;
    // What was marked as seen when the service died is not looked at again, and stays.
    let unseen = |folder: &str| {
        let entries = fs::read_dir(dovecot.mail().join(folder)).unwrap();
        entries
            .filter(|entry| {
                !entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .ends_with('S')
            })
            .count()
    };
    until("the mailbox is done", || unseen("new") + unseen("cur") == 0).await;
    service.stops().await;
    assert_eq!(
        mails(dovecot.mail().join(".Done/cur")) + mails(dovecot.mail().join("cur")),
        EACH,
        "nothing is gone"
    );
    assert_eq!(house.reports(), 3 * EACH as u64, "each counts once");
    assert_eq!(mails(house.maildir().join("cur")), EACH);
}

/// How much memory a service may use that is flooded.
const PEAK_MB_MAX: u64 = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_reports_at_once_by_each_way_are_all_taken_in_with_little_memory() {
    const FLOOD: usize = 5_000;
    for way in ["maildir", "lmtp", "imap"] {
        let authority = Authority::new();
        let (lmtp, mut dovecot) = (free_port(), None);
        let settings = match way {
            "maildir" => "maildir = \"reports\"".to_owned(),
            "lmtp" => format!("[inbound.lmtp]\nlisten = \"127.0.0.1:{lmtp}\""),
            _ => {
                dovecot = Dovecot::start(Some((&authority, "localhost"))).await;
                let Some(dovecot) = &dovecot else {
                    return missing("Dovecot, or root to run it,");
                };
                imap_settings(dovecot, &authority)
            }
        };
        let house = House::new(FLOOD, &settings).await;
        maildir(&house.maildir());
        match (way, &dovecot) {
            ("maildir", _) => {
                (0..FLOOD).for_each(|at| {
                    deliver(&house.maildir(), &format!("{at:05}.a"), &house.report(at));
                });
            }
            (_, Some(dovecot)) => {
                (0..FLOOD)
                    .for_each(|at| dovecot.delivers(&format!("{at:05}.b"), &house.report(at)));
            }
            _ => {}
        }
        let began = std::time::Instant::now();
        let mut service = house.starts().await;
        if way == "lmtp" {
            let shares = (0..10).map(|share| {
                let mails: Vec<String> = (0..FLOOD)
                    .skip(share)
                    .step_by(10)
                    .map(|at| house.report(at))
                    .collect();
                tokio::spawn(async move {
                    let mut talker = Talker::new(lmtp).await;
                    for mail in mails {
                        assert!(talker.hands(&mail).await);
                    }
                })
            });
            for share in shares.collect::<Vec<_>>() {
                share.await.unwrap();
            }
        }
        // However busy the machine is: it may take as long as it gets on.
        loop {
            let before = house.suppressed();
            if before == FLOOD {
                break;
            }
            until("more are taken in", || house.suppressed() > before).await;
        }
        let seconds = began.elapsed().as_secs_f64();
        eprintln!(
            "{way}: {FLOOD} reports in {seconds:.1} s, {} MB",
            peak(&service)
        );
        assert!(peak(&service) < PEAK_MB_MAX, "{way}: {} MB", peak(&service));
        service.stops().await;
        assert_eq!(house.reports(), FLOOD as u64, "{way}");
    }
}

#[track_caller]
fn expect(said: &str, disposition: &str, words: &[&str]) {
    let is_said = |line: &&str| {
        let mut parts = line.split_whitespace();
        (parts.next(), parts.next()) == (Some(disposition), Some("inbound"))
            && words.iter().all(|word| line.contains(word))
    };
    assert!(
        said.lines().any(|line| is_said(&line)),
        "no line says: {disposition} inbound {words:?}\n{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_of_each_way_in_what_is_wrong_and_what_to_do() {
    let (lmtp, nobody) = (free_port(), free_port());
    let inbound = format!(
        "maildir = \"reports\"\n[inbound.lmtp]\nlisten = \"127.0.0.1:{lmtp}\"\n[inbound.imap]\nhost = \"127.0.0.1\"\nport = \
         {nobody}\nsecurity = \"none\"\nusername = \"x\"\npassword_file = \"imap-password\"\n"
    );
    let house = House::new(1, &inbound).await;
    let checks = || {
        let output = house.place.runs(&["check", "--dns", "127.0.0.1:1"]);
        String::from_utf8(output.stdout).unwrap()
    };
    let said = checks();
    expect(
        &said,
        "fail",
        &[
            "inbound.maildir: cannot read",
            "reports/new",
            "must be a Maildir",
        ],
    );
    expect(
        &said,
        "fail",
        &[
            "inbound.imap: cannot talk to the IMAP server 127.0.0.1",
            "host and port",
        ],
    );
    expect(
        &said,
        "warn",
        &[
            "nothing answers at inbound.lmtp.listen",
            "check again when the service runs",
        ],
    );
    // Another program has the port.
    let other = tokio::net::TcpListener::bind(("127.0.0.1", lmtp))
        .await
        .unwrap();
    let talks = tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        }
    });
    expect(
        &checks(),
        "fail",
        &["another program answers", "choose another port"],
    );
    talks.abort();
    let _ = talks.await;
    maildir(&house.maildir());
    deliver(&house.maildir(), "1.a", LETTER);
    let mut service = house.starts().await;
    let said = checks();
    expect(
        &said,
        "ok",
        &["the Maildir", "can be read; 1 mails are new"],
    );
    expect(
        &said,
        "ok",
        &["LMTP at 127.0.0.1", "takes mail for bounces@digest.example"],
    );
    service.stops().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policy_bounces_are_shown_to_the_operator_until_they_are_over() {
    let house = House::new(2, "").await;
    let words = "550 5.7.26 This message does not pass authentication checks (SPF and DKIM both do not pass)";
    for at in 0..2 {
        let report = house
            .report(at)
            .replace("Status: 5.1.1", "Status: 5.7.26")
            .replace(UNKNOWN, words);
        let name = format!("{at}.eml");
        fs::write(house.place.path(&name), report).unwrap();
        let said = house.place.says("inbound", &[&name]);
        assert!(
            said.starts_with("policy reader") && said.contains(": alarm"),
            "{said}"
        );
    }
    assert_eq!(house.suppressed(), 0);
    let said = house.place.runs(&["check", "--dns", "127.0.0.1:1"]);
    let said = String::from_utf8(said.stdout).unwrap();
    let line = said
        .lines()
        .find(|line| line.contains("policy bounces"))
        .unwrap();
    assert!(
        line.contains("2 policy bounces") && line.contains("does not pass authentication"),
        "{line}"
    );
    let alarms = house
        .db
        .run_here(|store| store.policy_reports(now() - TimeDelta::days(1)))
        .unwrap();
    assert_eq!(alarms.count, 2);
    let later = house
        .db
        .run_here(|store| store.policy_reports(now() + TimeDelta::hours(1)))
        .unwrap();
    assert_eq!((later.count, later.last), (0, None));
}

#[tokio::test]
async fn whoever_is_suppressed_and_confirms_anew_is_written_to_again() {
    use crate::web::robots::FORM;
    use crate::web::signup::{form, link, mails};
    use paperboy::clock::Clock as _;
    use paperboy::store::{Effect, NewReport};
    use paperboy::subscriber::Status;
    let pages = crate::web::robots::House::new();
    pages.subscribes("ada@example.org");
    let address: Address = "ada@example.org".parse().unwrap();
    let now = pages.clock.now();
    let report = NewReport {
        key: "id:1".to_owned(),
        delivery: None,
        subscriber: None,
        address: address.clone(),
        class: "hard",
        reason: Some("userunknown"),
        status: Some("5.1.1".to_owned()),
        diagnostic: UNKNOWN.to_owned(),
        source: "mail",
        action: "suppress",
        effect: Effect::Suppress,
    };
    pages
        .db
        .run_here(|store| store.record_report(&report, 20, now))
        .unwrap();
    let status = || {
        pages
            .db
            .run_here(|store| store.subscriber(&address))
            .unwrap()
            .unwrap()
            .status
    };
    assert_eq!(status(), Status::Suppressed);
    pages
        .post("/subscribe", FORM, &form(&[("email", "ada@example.org")]))
        .await;
    // The question may reach them: else nobody could ever come back.
    let claimed = pages.db.run_here(|store| store.claim_due(10, now)).unwrap();
    assert!(
        claimed.iter().any(|one| one.address == address),
        "the question is held"
    );
    assert_eq!(status(), Status::Suppressed, "asking alone changes nothing");
    let mail = mails(&pages, "ada@example.org").pop().unwrap();
    pages.post(&link(&mail, "/confirm?t="), FORM, "").await;
    assert_eq!(status(), Status::Active);
    assert!(
        pages
            .db
            .run_here(|store| store.suppressions())
            .unwrap()
            .is_empty()
    );
    // What had come back is known, and counts no more.
    let reports = pages
        .db
        .run_here(|store| store.reports(&paperboy::store::ReportsOf::Address(address.clone()), 9));
    assert_eq!(reports.unwrap().len(), 1);
}
