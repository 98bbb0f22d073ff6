//! The pages under attack: every route, every parameter, slow and oversized visitors, TLS.

use crate::outbox::tls::Authority;
use crate::web::links::first;
use crate::web::robots::{FORM, House};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use paperboy::clock::Clock as _;
use paperboy::links::Links;
use paperboy::paper::Paper;
use paperboy::pick::Thumb;
use paperboy::store::DeliveryState;
use paperboy::subscriber::{Status, SubscriberId};
use paperboy::token::Scope;
use paperboy::web::{Tls, TlsFiles, router, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, crypto};
use tokio_util::sync::CancellationToken;

/// Values that attackers write into parameters.
const ATTACKS: [&str; 60] = [
    "' OR 1=1 --",
    "'; DROP TABLE papers; --",
    "\" UNION SELECT address FROM subscribers --",
    "<script>alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% include \"page.html\" %}",
    "x\r\nSet-Cookie: a=b\r\nLocation: https://evil.example",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/\\evil.example",
    "//evil.example/",
    "https://evil.example/",
    "javascript:alert(1)",
    "\0",
    "%00%0d%0a",
    "-9223372036854775809",
    "1e999",
    "\u{202e}\u{fdd0}\u{fdd2}0\u{fdd1}",
    "title:\" OR NEAR(a b, 99999999999) * ^",
    "1; ATTACH DATABASE '/tmp/x' AS x; --",
    "1 AND (SELECT 1 FROM (SELECT sleep(5))x)",
    "') OR load_extension('x') --",
    "%' OR address LIKE '%",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{{ get_env(name=\"HOME\") }}",
    "{% raw %}{{ site }}{% endraw %}",
    "{{ __tera_context }}",
    "<ScRiPt >alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "</title><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "\\\"; alert(1); //",
    "]]><script>alert(1)</script>",
    "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><x>&y;</x>",
    "....//....//etc/passwd",
    "/etc/passwd\0.html",
    "file:///etc/passwd",
    "C:\\Windows\\win.ini",
    "\\\\evil.example\\share",
    "|| ping -c 10 127.0.0.1 ||",
    "$(reboot)",
    "`id`",
    "a\nBcc: x@evil.example\n",
    "18446744073709551616",
    "0x7fffffff",
    "-1",
    "NaN",
    "2026-02-30",
    "+262143-12-31",
    "9999999-99-99",
    "\u{feff}\u{200b}\u{2028}\u{2029}",
    "\u{1f4a9}\u{fe0f}\u{0301}\u{0301}\u{0301}",
    "a AND b OR NOT (c OR \"d",
];

/// Bytes that are not UTF-8.
const ODD: [&str; 6] = ["%ff%fe", "%c0%ae%c0%ae/", "%", "%zz", "%u0027", "%ed%a0%80"];

fn house() -> (House, SubscriberId) {
    let house = House::new();
    let paper = Paper {
        announced: Some("2026-08-04".parse().unwrap()),
        categories: vec!["cs.LG".to_owned()],
        authors: vec!["<b>Ada</b> \"L\"".to_owned()],
        ..Paper::new(
            "2608.00001".parse().unwrap(),
            "</title><script>alert(1)</script>".to_owned(),
        )
    };
    let now = house.clock.now();
    house
        .db
        .run_here(|store| store.take_in("jsonl", &[paper], now))
        .unwrap();
    let (id, _) = house.subscribes("ada@example.org");
    (house, id)
}

fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// Every route, with a placeholder for each value that a visitor can choose.
fn holes(house: &House, id: SubscriberId) -> Vec<String> {
    let sign = |scope| (house.site.composer)().signer.sign(scope, id.0);
    let (feedback, view) = (sign(Scope::Feedback), sign(Scope::View));
    let mut holes: Vec<String> = [
        "/{}",
        "/?page={}",
        "/?category={}",
        "/archive/{}",
        "/archive/2026-08-04?page={}",
        "/archive/2026-08-04?category={}",
        "/papers/{}",
        "/papers/2608.00001?{}",
        "/feed.atom?category={}",
        "/feed.json?category={}",
        "/search?q={}",
        "/search?q=a&category={}",
        "/search?q=a&source={}",
        "/search?q=a&from={}",
        "/search?q=a&to={}",
        "/search?q=a&page={}",
        "/search.atom?q={}",
        "/search.json?q={}",
        "/subscribe?email={}",
        "/confirm?t={}",
        "/owner?t={}",
        "/u/{}",
        "/preferences?t={}",
        "/preferences/preview?t={}",
        "/preferences/picks?t={}",
        "/preferences/sent?t={}",
        "/preferences/library?t={}",
        "/preferences/account?t={}",
        "/preferences/link?{}",
        "/unsubscribe?t={}",
        "/feedback?t={}&p=1&v=more",
        "/issues/{}",
        "/feeds/{}",
        "/saved?t={}",
        "/saved/{}",
    ]
    .map(str::to_owned)
    .to_vec();
    let preferences = sign(Scope::Preferences);
    holes.push(format!("/preferences?t={preferences}&{{}}"));
    holes.push(format!("/preferences/picks?t={preferences}&issue={{}}"));
    holes.push(format!("/feedback?t={feedback}&p={{}}&v=more"));
    holes.push(format!("/feedback?t={feedback}&p=1&v={{}}"));
    holes.push(format!("/issues/{view}?d={{}}"));
    holes.push(format!("/saved/{{}}?t={feedback}"));
    holes
}

#[tokio::test]
async fn no_parameter_of_any_route_is_a_way_in() {
    let (house, id) = house();
    let attacks = ATTACKS
        .iter()
        .map(|attack| escaped(attack))
        .chain(ODD.map(str::to_owned));
    for (number, attack) in attacks.enumerate() {
        for hole in holes(&house, id) {
            let path = hole.replace("{}", &attack);
            // Each from a network of its own, so that no rate limit interferes.
            let request =
                Request::get(&path).header("x-forwarded-for", format!("203.0.113.{number}"));
            let Ok(request) = request.body(Body::empty()) else {
                continue;
            };
            let (status, response, body) = house.ask(request).await;
            assert!(!status.is_server_error(), "{path}: {status} {body}");
            for bad in [
                "<script",
                "<svg",
                "onmouseover='",
                "49",
                "root:",
                "href=\"//evil",
                "href=\"https://evil",
                "href=\"javascript:",
            ] {
                let body = without_our_script(&body);
                let is_a_number = bad == "49" && !attack.contains("%2A");
                // Browsers do not render JSON as a page: it has a type, and `nosniff`.
                let is_json = response.headers()[header::CONTENT_TYPE]
                    .to_str()
                    .unwrap()
                    .contains("json");
                assert!(
                    is_json || is_a_number || !body.contains(bad),
                    "{path}: {bad} in {body}"
                );
            }
            let headers = response.headers();
            assert!(!headers.contains_key(header::SET_COOKIE), "{path}");
            if let Some(location) = headers.get(header::LOCATION) {
                let location = location.to_str().unwrap();
                assert!(
                    location.starts_with("/papers/") && !location.contains("//"),
                    "{path} leads to {location}"
                );
            }
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
                "{path}: {policy}"
            );
            assert_eq!(
                headers[header::STRICT_TRANSPORT_SECURITY],
                "max-age=31536000",
                "{path}"
            );
            assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
    }
    let count = house
        .db
        .run_here(|store| Ok((store.count_papers()?, store.count_subscribers()?.len())))
        .unwrap();
    assert_eq!(count, (1, 1));
}

/// The page without our own script, which guesses the time zone.
pub(crate) fn without_our_script(body: &str) -> String {
    body.replacen("<script src=\"/script.js\" defer></script>", "", 1)
}

#[tokio::test]
async fn forms_take_any_bytes_and_no_more_than_they_should() {
    let (house, id) = house();
    let composer = (house.site.composer)();
    let links = Links {
        site: &composer.site,
        signer: &composer.signer,
    };
    let feedback = links.feedback(first(id), 1, Thumb::More);
    let feedback = feedback.strip_prefix("https://digest.example.org").unwrap();
    let unsubscribe = format!(
        "/unsubscribe?t={}",
        composer.signer.sign(Scope::Bounce, id.0)
    );
    let huge = "x".repeat(10 << 20);
    for path in ["/subscribe", "/confirm?t=0", feedback, &unsubscribe] {
        for attack in ATTACKS
            .iter()
            .map(|attack| escaped(attack))
            .chain(ODD.map(str::to_owned))
        {
            for field in [
                "do",
                "author",
                "email",
                "interest",
                "timezone",
                "interests[0].description",
                "List-Unsubscribe",
            ] {
                let (status, body) = house.post(path, FORM, &format!("{field}={attack}")).await;
                let body = without_our_script(&body);
                assert!(
                    !status.is_server_error()
                        && !body.contains("<script")
                        && !body.contains("<svg"),
                    "{path} {field}={attack}: {body}"
                );
            }
        }
        let (status, body) = house.post(path, FORM, &format!("do={huge}")).await;
        assert!(
            status.is_client_error() || status == StatusCode::OK,
            "{path}: {status} {}",
            &body[..200.min(body.len())]
        );
        let (status, _) = house
            .post(
                path,
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data",
            )
            .await;
        assert!(!status.is_server_error(), "{path}: {status}");
    }
    // A POST to a feedback link gives its thumb; nothing else has changed.
    let said = house.db.run_here(|store| store.feedback_of(&[id])).unwrap();
    assert_eq!(
        said.iter()
            .map(|said| (said.thumb, said.interest.clone()))
            .collect::<Vec<_>>(),
        [(Thumb::More, None)]
    );
    let reader = house
        .db
        .run_here(|store| store.subscriber_by_id(id))
        .unwrap()
        .unwrap();
    assert!(reader.interests.is_empty() && reader.status == Status::Active);
}

#[tokio::test]
async fn a_token_works_for_its_scope_only_and_reveals_nothing() {
    let (house, id) = house();
    let signer = &(house.site.composer)().signer;
    let doors = |token: &str| {
        [
            (Scope::Feedback, format!("/feedback?t={token}&p=1&v=more")),
            (Scope::View, format!("/issues/{token}")),
            (Scope::Feed, format!("/feeds/{token}")),
            (Scope::Feedback, format!("/saved?t={token}")),
        ]
    };
    let scopes = [
        Scope::Unsubscribe,
        Scope::Bounce,
        Scope::Preferences,
        Scope::Feedback,
        Scope::Confirm,
        Scope::View,
        Scope::Feed,
        Scope::Owner,
    ];
    let (_, nothing) = house.get("/issues/nonsense").await;
    for scope in scopes {
        let token = signer.sign(scope, id.0);
        for (wanted, door) in doors(&token) {
            let opens = wanted == scope || (scope == Scope::View && door.starts_with("/saved"));
            let (status, body) = house.get(&door).await;
            assert_eq!(status == StatusCode::OK, opens, "{scope:?} {door}");
            assert!(opens || body == nothing, "{door}");
        }
        // Tokens of nobody, and tokens with one character changed.
        let mut forged = vec![signer.sign(scope, 999_999)];
        forged.extend((0..token.len()).map(|at| {
            let other = if &token[at..=at] == "7" { "8" } else { "7" };
            format!("{}{other}{}", &token[..at], &token[at + 1..])
        }));
        for token in forged {
            for (_, door) in doors(&token) {
                assert_eq!(
                    house.get(&door).await,
                    (StatusCode::NOT_FOUND, nothing.clone()),
                    "{door}"
                );
            }
        }
    }
}

#[tokio::test]
async fn papers_lead_to_their_own_page_and_nowhere_else() {
    let (house, _) = house();
    let (status, response, _) = house
        .ask(
            Request::get("/papers/2608.00001v2")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(
        (status, &response.headers()[header::LOCATION]),
        (
            StatusCode::PERMANENT_REDIRECT,
            &"/papers/2608.00001".parse().unwrap()
        )
    );
    for path in [
        "/papers//evil.example",
        "/papers/https://evil.example",
        "//evil.example/papers",
        "/papers/2608.00001/..",
    ] {
        let (_, response, _) = house
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert!(!response.headers().contains_key(header::LOCATION), "{path}");
    }
}

/// Serves a site on a port of its own.
async fn serving(tls: Option<Tls>) -> (SocketAddr, CancellationToken) {
    let (house, _) = house();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (pages, until) = (router(house.site.clone()), stop.clone());
    tokio::spawn(async move { serve(listener, tls, pages, &[], until).await });
    (address, stop)
}

/// Sends `head`, then a byte each second; returns what came back and after how many seconds.
async fn trickle(address: SocketAddr, head: &str) -> (u32, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    for second in 1..300 {
        let mut piece = [0; 4096];
        // The clock of the test is paused, and advances when nothing else is to do.
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut piece)).await {
            Err(_) => {}
            Ok(Ok(0) | Err(_)) => return (second, String::from_utf8_lossy(&answer).into_owned()),
            Ok(Ok(length)) => answer.extend_from_slice(&piece[..length]),
        }
        if stream.write_all(b"a").await.is_err() {
            return (second, String::from_utf8_lossy(&answer).into_owned());
        }
    }
    panic!("the server still listens after five minutes");
}

#[tokio::test(start_paused = true)]
async fn a_visitor_who_sends_a_byte_a_second_is_disconnected() {
    let (address, _stop) = serving(None).await;
    let (seconds, _) = trickle(address, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert!(seconds <= 15, "a head may take ten seconds, not {seconds}");
    let head = "POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n";
    let (seconds, answer) = trickle(address, head).await;
    assert!(
        seconds <= 45 && answer.starts_with("HTTP/1.1 408"),
        "{seconds} {answer}"
    );
    let mut idle = TcpStream::connect(address).await.unwrap();
    let read = tokio::time::timeout(Duration::from_mins(1), idle.read(&mut [0; 64])).await;
    assert!(
        matches!(read, Ok(Ok(0) | Err(_))),
        "whoever says nothing is cut off: {read:?}"
    );
}

#[tokio::test]
async fn short_input_does_not_exhaust_the_memory() {
    let (house, _) = house();
    // Each abbreviation doubles the one before: the last would expand to a terabyte.
    let twice: Vec<String> = (1..40)
        .map(|at| format!("@string{{a{at} = a{} # a{}}}\n", at - 1, at - 1))
        .collect();
    let bomb = format!(
        "@string{{a0 = \"{}\"}}\n{}@article{{k, title = a39, author = {{X}}}}",
        "x".repeat(100),
        twice.concat()
    );
    let liking =
        |text: &str| crate::web::signup::form(&[("email", "eve@example.org"), ("examples", text)]);
    let (status, page) = house.post("/subscribe", FORM, &liking(&bomb)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.contains("the abbreviations come to more than the whole text"),
        "{page}"
    );
    // Text that is no title is cut to the length of a title.
    let long = format!("@a{{k, title={{{}}}}}", "b ".repeat(100_000));
    assert_eq!(
        house.post("/subscribe", FORM, &liking(&long)).await.0,
        StatusCode::OK
    );
    let confirm = crate::web::signup::link(
        &crate::web::signup::mails(&house, "eve@example.org")[0],
        "/confirm?t=",
    );
    house.post(&confirm, FORM, "").await;
    let eve = house
        .db
        .run_here(|store| store.subscriber(&"eve@example.org".parse().unwrap()))
        .unwrap()
        .unwrap();
    let kept = house
        .db
        .run_here(|store| store.library_of(&[eve.id], 9))
        .unwrap();
    assert!(
        kept.len() == 1 && kept[0].2.title.chars().count() <= 2_000,
        "{}",
        kept[0].2.title.len()
    );
}

#[tokio::test]
async fn leaving_wins_over_a_form_sent_at_the_same_time() {
    let (house, id) = house();
    let before = house
        .db
        .run_here(|store| store.subscriber_by_id(id))
        .unwrap()
        .unwrap();
    house
        .db
        .run_here(|store| store.unsubscribe(id, "one-click", house.clock.now()))
        .unwrap();
    house
        .db
        .run_here(|store| store.save_subscriber(&before, house.clock.now()))
        .unwrap();
    assert_eq!(house.status(id), Some(Status::Unsubscribed));
    house
        .db
        .run_here(|store| store.remove_subscriber(id, house.clock.now()))
        .unwrap();
    house
        .db
        .run_here(|store| store.save_subscriber(&before, house.clock.now()))
        .unwrap();
    assert_eq!(house.status(id), None);
}

#[tokio::test(start_paused = true)]
async fn a_visitor_who_does_not_read_the_response_is_disconnected() {
    let (address, _stop) = serving(None).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    // More than all buffers between client and server.
    let asks = "GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let cut = async {
        loop {
            if stream.write_all(asks.as_bytes()).await.is_err() {
                break;
            }
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_mins(2), cut)
            .await
            .is_ok(),
        "nothing is read, and it goes on"
    );
}

#[tokio::test]
async fn no_network_takes_all_connections() {
    let (address, _stop) = serving(None).await;
    let mut open = Vec::new();
    for _ in 0..600 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let asked = stream
            .write_all(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let mut first = [0; 1];
        if asked.is_ok() && stream.read_exact(&mut first).await.is_ok() {
            open.push(stream);
        }
    }
    assert_eq!(open.len(), 512);
    open.truncate(400);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(stream.read_u8().await.is_ok(), "there is room again");
}

#[tokio::test]
async fn many_requests_at_once_send_one_mail() {
    let house = Arc::new(House::new());
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let house = Arc::clone(&house);
        all.spawn(async move {
            house
                .post("/subscribe", FORM, "email=ada%40example.org")
                .await
                .0
        });
    }
    let answers = all.join_all().await;
    assert!(
        answers
            .iter()
            .all(|status| *status == StatusCode::OK || *status == StatusCode::TOO_MANY_REQUESTS)
    );
    assert_eq!(
        crate::web::signup::mails(&house, "ada@example.org").len(),
        1
    );
    // Leaving several times mails one goodbye.
    let (id, leave) = house.subscribes("bob@example.org");
    for _ in 0..4 {
        assert_eq!(
            house
                .post(&leave, FORM, "List-Unsubscribe=One-Click")
                .await
                .0,
            StatusCode::OK
        );
    }
    let mails = house.db.run_here(|store| store.mails_to(id, 9)).unwrap();
    let states: Vec<_> = mails.iter().map(|mail| mail.state).collect();
    assert_eq!(states, [DeliveryState::Rendered]);
}

#[tokio::test]
async fn pages_are_served_over_tls_with_the_certificate_of_the_settings() {
    let authority = Authority::new();
    let files = authority.certifies("papers.example.org");
    let files = TlsFiles {
        cert_file: files.cert_file,
        key_file: files.key_file,
    };
    let (address, stop) = serving(Some(Tls::read(&files).unwrap())).await;
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let name = |name: &'static str| ServerName::try_from(name).unwrap();
    let plain = TcpStream::connect(address).await.unwrap();
    let mut stream = connector
        .connect(name("papers.example.org"), plain)
        .await
        .unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: papers.example.org\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    // Some TLS clients close without a close_notify.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security"),
        "{answer}"
    );
    let plain = TcpStream::connect(address).await.unwrap();
    assert!(
        connector
            .connect(name("other.example.org"), plain)
            .await
            .is_err()
    );
    let swapped = TlsFiles {
        cert_file: files.key_file.clone(),
        key_file: files.cert_file.clone(),
    };
    let refused = Tls::read(&swapped).err().unwrap().to_string();
    assert!(refused.starts_with("web.tls_cert_file: "), "{refused}");
    stop.cancel();
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart_once_its_key_is_there() {
    let (before, after) = (Authority::new(), Authority::new());
    let old = before.certifies("papers.example.org");
    let new = after.certifies("papers.example.org");
    let files = TlsFiles {
        cert_file: old.cert_file.clone(),
        key_file: old.key_file.clone(),
    };
    let tls = Tls::read(&files).unwrap();
    let (address, stop) = serving(Some(tls.clone())).await;
    let believes = async |authority: &Authority| {
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(authority.roots())
                .with_no_client_auth();
        let plain = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("papers.example.org").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, plain)
            .await
            .is_ok()
    };
    assert!(believes(&before).await && !believes(&after).await);
    assert!(!tls.renew(), "nothing was renewed yet");
    // The certificate is written first: until its key is there, the old pair is used.
    std::fs::copy(&new.cert_file, &files.cert_file).unwrap();
    assert!(!tls.renew() && believes(&before).await);
    std::fs::copy(&new.key_file, &files.key_file).unwrap();
    assert!(tls.renew() && believes(&after).await && !believes(&before).await);
    stop.cancel();
}
