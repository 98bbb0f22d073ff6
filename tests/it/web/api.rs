//! The API from outside: keys and scopes, every route's good and bad ways, paging,
//! repeated requests, and the shape of what goes wrong.

use crate::web::robots::House;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chrono::TimeDelta;
use paperboy::clock::Clock as _;
use paperboy::edition::PublishLoop;
use paperboy::paper::Paper;
use paperboy::store::sqlite::SqliteStore;
use paperboy::store::{Db, KeyScope, NewKey};
use paperboy::subscriber::{Status, SubscriberId};
use paperboy::token::{api_key, api_key_hash};
use serde_json::{Value, json};

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// That it is a problem with this status which says this.
    #[track_caller]
    fn refuses(&self, status: u16, said: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        assert_eq!(self.header("cache-control"), "no-store");
        for key in ["type", "title", "detail"] {
            assert!(self.body[key].is_string(), "{key}: {}", self.text);
        }
        assert_eq!(self.body["status"], status);
        assert!(self.text.contains(said), "{said:?} is not in {}", self.text);
        self
    }

    #[track_caller]
    fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(!self.headers.contains_key(header::SET_COOKIE));
        self
    }
}

struct Api {
    house: House,
    key: String,
}

const ALL: [KeyScope; 6] = [
    KeyScope::Read,
    KeyScope::Subscribers,
    KeyScope::Vouch,
    KeyScope::Papers,
    KeyScope::Deliveries,
    KeyScope::Suppressions,
];

impl Api {
    fn new() -> Self {
        let mut api = Api {
            house: House::new(),
            key: String::new(),
        };
        api.key = api.makes_key("all", &ALL, 100_000);
        api
    }

    fn makes_key(&self, name: &str, scopes: &[KeyScope], per_minute: u32) -> String {
        let key = api_key(&[name.len() as u8; 25]);
        let new = NewKey {
            name: name.to_owned(),
            hash: api_key_hash(&key),
            scopes: scopes.to_vec(),
            per_minute,
            expires_at: Some(self.house.clock.now() + TimeDelta::days(30)),
        };
        self.house
            .db
            .run_here(|store| store.make_key(&new, self.house.clock.now()))
            .unwrap()
            .unwrap();
        key
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (status, response, text) = self.house.ask(request).await;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer {
            status,
            headers: response.headers().clone(),
            body,
            text,
        }
    }

    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() {
            Body::empty()
        } else {
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    async fn named(&self, name: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(
            request
                .header("idempotency-key", name)
                .body(Body::from(body.to_string()))
                .unwrap(),
        )
        .await
    }

    /// Papers of a day, and a reader who was sent an issue of them.
    fn publishes(&self) -> SubscriberId {
        let paper = |id: &str| {
            let mut paper = Paper::new(id.parse().unwrap(), format!("Rings of order {id}"));
            "We count rings.".clone_into(&mut paper.abstract_text);
            paper.authors = vec!["Ada Lovelace".to_owned()];
            paper.categories = vec!["math.RA".to_owned()];
            paper.announced = Some("2026-08-04".parse().unwrap());
            paper
        };
        let papers = ["2608.00001", "2608.00002", "hep-th/9901001"].map(paper);
        let now = self.house.clock.now();
        let (id, _) = self.house.subscribes("ada@example.org");
        self.house
            .db
            .run_here(|store| store.take_in("arxiv", &papers, now))
            .unwrap();
        let morning = "2026-08-05T09:00:00Z".parse().unwrap();
        self.house.clock.set(morning);
        let composer = (self.house.site.composer)();
        PublishLoop::default()
            .step(&self.house.db, &composer, morning, || true)
            .unwrap();
        id
    }
}

#[tokio::test]
async fn keys_open_what_their_scopes_name_and_no_longer_than_they_hold() {
    let mut api = Api::new();
    let all = api.key.clone();
    let open = |path: &str| {
        Request::get(format!("/api/v1{path}"))
            .body(Body::empty())
            .unwrap()
    };
    api.send(open("/openapi.json")).await.is(200);
    let refused = api.send(open("/stats")).await;
    refused.refuses(401, "Authorization must be: Bearer");
    assert_eq!(
        refused.header("www-authenticate"),
        "Bearer realm=\"paperboy\""
    );
    let basic = Request::get("/api/v1/stats")
        .header("authorization", "Basic YTpi")
        .body(Body::empty())
        .unwrap();
    api.send(basic).await.refuses(401, "Bearer");
    api.key = "pb_guess".to_owned();
    let refused = api.get("/stats").await;
    assert!(
        refused
            .refuses(401, "no such key")
            .header("www-authenticate")
            .contains("invalid_token")
    );

    api.key = api.makes_key("reads", &[KeyScope::Read], 1_000);
    api.get("/stats").await.is(200);
    for (method, path, scope) in [
        ("POST", "/subscribers", "subscribers:write"),
        ("PATCH", "/subscribers/1", "subscribers:write"),
        ("DELETE", "/subscribers/1", "subscribers:write"),
        ("POST", "/papers", "papers:write"),
        ("POST", "/deliveries/1/retry", "deliveries:write"),
        ("POST", "/suppressions", "suppressions:write"),
        (
            "DELETE",
            "/suppressions/a@example.org",
            "suppressions:write",
        ),
    ] {
        let refused = api.ask(method, path, &Value::Null).await;
        refused.refuses(403, scope);
        assert!(
            refused
                .header("www-authenticate")
                .contains("insufficient_scope"),
            "{method} {path}"
        );
    }
    api.key = api.makes_key("writes only", &[KeyScope::Subscribers], 1_000);
    api.get("/subscribers").await.refuses(403, "read");
    let used = api.house.db.run_here(|store| store.keys()).unwrap();
    assert!(
        used.iter()
            .all(|key| key.name == "all" || key.used_at.is_some()),
        "{used:?}"
    );

    api.key = all;
    api.house
        .db
        .run_here(|store| store.revoke_key("all", api.house.clock.now()))
        .unwrap();
    api.get("/stats").await.refuses(401, "revoked");
    api.key = api_key(&[5; 25]);
    api.get("/stats").await.is(200);
    api.house
        .clock
        .set(api.house.clock.now() + TimeDelta::days(30));
    api.get("/stats").await.refuses(401, "expired");
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let mut api = Api::new();
    let other = api.key.clone();
    api.key = api.makes_key("slow", &[KeyScope::Read], 3);
    for _ in 0..3 {
        api.get("/trending").await.is(200);
    }
    let refused = api.get("/trending").await;
    let wait: u32 = refused
        .refuses(429, "more than 3 requests a minute")
        .header("retry-after")
        .parse()
        .unwrap();
    assert!((1..=21).contains(&wait), "{wait}");
    api.key = other;
    api.get("/trending").await.is(200);
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_says_what_is_wrong() {
    let api = Api::new();
    api.get("/nothing").await.refuses(404, "openapi.json");
    api.get("").await.refuses(404, "openapi.json");
    api.get("/subscribers/nobody@example.org")
        .await
        .refuses(404, "no such subscriber");
    api.get("/subscribers/7")
        .await
        .refuses(404, "no such subscriber");
    api.get("/subscribers/%FF").await.refuses(400, "UTF-8");
    let refused = api.ask("PUT", "/subscribers", &json!({})).await;
    assert_eq!(
        refused.refuses(405, "Allow").header("allow"),
        "GET,HEAD,POST"
    );
    let refused = api
        .get("/subscribers?limit=0&colour=red&status=happy&limit=3")
        .await;
    refused.refuses(400, "things are wrong");
    let paths: Vec<&str> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["colour", "limit", "status"]);
    api.get("/subscribers?limit=201")
        .await
        .refuses(400, "between 1 and 200");
    api.get("/subscribers?cursor=%21")
        .await
        .refuses(400, "next_cursor");
    api.get("/trending?date=2026-8-4")
        .await
        .refuses(400, "2026-08-04");
    api.get("/papers").await.refuses(400, "q must be there");
    api.get("/coverage?since=2026-08-05&until=2026-08-04")
        .await
        .refuses(400, "since");

    let send = |kind: &'static str, body: Vec<u8>| {
        let request = api
            .request("POST", "/subscribers")
            .header(header::CONTENT_TYPE, kind);
        api.send(request.body(Body::from(body)).unwrap())
    };
    send("text/plain", b"{}".to_vec())
        .await
        .refuses(415, "application/json");
    send("application/json", b"{\"email\":".to_vec())
        .await
        .refuses(400, "not JSON");
    send("application/json", vec![0xff, 0xfe])
        .await
        .refuses(400, "not JSON");
    send("application/json", b"[".repeat(100_000))
        .await
        .refuses(400, "not JSON");
    send("application/json", Vec::new())
        .await
        .refuses(400, "must have a body");
    send("application/json; charset=utf-8", b"[]".to_vec())
        .await
        .refuses(422, "must be an object");
    send("application/json", vec![b' '; (1 << 20) + 1])
        .await
        .refuses(413, "longer than 1024 KB");

    let wrong = json!({
        "email": "ada", "timezone": "Mars", "send_at": "25:00", "max_papers": 0, "days": ["someday"], "colour": "red",
        "interests": [{ "liked": [3] }],
    });
    let refused = api.ask("POST", "/subscribers", &wrong).await;
    refused.refuses(422, "errors");
    for path in ["max_papers", "days[0]", "colour", "interests[0].liked[0]"] {
        assert!(
            refused.text.contains(&format!("\"path\":\"{path}\"")),
            "{path}: {}",
            refused.text
        );
    }
    let wrong = json!({ "email": "ada", "timezone": "Mars", "send_at": "25:00", "interests": [{ "liked": ["a b"] }] });
    let refused = api.ask("POST", "/subscribers", &wrong).await;
    for said in [
        "must be a mail address",
        "must be a time zone",
        "must be a time of day",
        "interests[0].liked",
    ] {
        refused.refuses(422, said);
    }
    assert!(
        api.get("/subscribers").await.body["items"]
            .as_array()
            .unwrap()
            .is_empty(),
        "nothing was entered"
    );
}

#[tokio::test]
async fn an_added_address_is_asked_first_unless_the_operator_vouches() {
    let mut api = Api::new();
    let all = api.key.clone();
    let ada = json!({ "email": "Ada@Example.org", "max_papers": 3, "interests": [{ "keywords": ["rings"] }] });
    let made = api.ask("POST", "/subscribers", &ada).await;
    made.is(201);
    let id = made.body["id"].as_i64().unwrap();
    assert_eq!(made.header("location"), format!("/api/v1/subscribers/{id}"));
    assert_eq!(
        (&made.body["status"], &made.body["max_papers"]),
        (&json!("pending"), &json!(3))
    );
    assert_eq!(made.body["interests"][0]["name"], "rings");
    let mail = crate::web::signup::mails(&api.house, "ada@example.org")
        .pop()
        .unwrap();
    let confirm = crate::web::signup::link(&mail, "/confirm?t=");
    assert_eq!(
        api.house
            .post(&confirm, crate::web::robots::FORM, "")
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(api.house.status(SubscriberId(id)), Some(Status::Active));
    assert_eq!(
        api.get(&format!("/subscribers/{id}")).await.body["max_papers"],
        3
    );
    api.ask("POST", "/subscribers", &ada)
        .await
        .refuses(409, "a subscriber already");

    let mut bob = json!({ "email": "bob@example.org", "status": "active" });
    api.ask("POST", "/subscribers", &bob)
        .await
        .refuses(422, "how and when they agreed");
    bob["consent"] = "paper form of 2026-08-01".into();
    api.key = api.makes_key("no vouching", &[KeyScope::Read, KeyScope::Subscribers], 100);
    api.ask("POST", "/subscribers", &bob)
        .await
        .refuses(403, "subscribers:vouch");
    api.key = all;
    let made = api.ask("POST", "/subscribers", &bob).await;
    assert_eq!(made.is(201).body["status"], "active");
    assert!(crate::web::signup::mails(&api.house, "bob@example.org").is_empty());
    let bob = SubscriberId(made.body["id"].as_i64().unwrap());
    let acts = api.house.db.run_here(|store| store.consents(bob)).unwrap();
    assert_eq!(
        (acts[0].act.as_str(), acts[0].wording.as_str()),
        ("vouched", "paper form of 2026-08-01")
    );
    assert!(acts[0].page.contains("key all"), "{acts:?}");

    // Who has left, was erased or refuses mail is not brought back.
    api.ask(
        "POST",
        &format!("/subscribers/{}/unsubscribe", bob.0),
        &Value::Null,
    )
    .await
    .is(200);
    api.ask(
        "POST",
        "/subscribers",
        &json!({ "email": "bob@example.org" }),
    )
    .await
    .refuses(409, "only they themselves");
    api.ask("DELETE", &format!("/subscribers/{}", bob.0), &Value::Null)
        .await
        .is(204);
    api.ask(
        "POST",
        "/subscribers",
        &json!({ "email": "bob@example.org" }),
    )
    .await
    .refuses(409, "asked to be erased");
    api.ask(
        "POST",
        "/suppressions",
        &json!({ "address": "eve@example.org" }),
    )
    .await
    .is(201);
    api.ask(
        "POST",
        "/subscribers",
        &json!({ "email": "eve@example.org" }),
    )
    .await
    .refuses(409, "suppressed");
    assert!(crate::web::signup::mails(&api.house, "eve@example.org").is_empty());
}

#[tokio::test]
async fn a_subscription_is_changed_paused_ended_and_erased() {
    let api = Api::new();
    let (id, _) = api.house.subscribes("ada@example.org");
    let path = format!("/subscribers/{}", id.0);
    let before = api.get(&path).await;
    let tag = before.is(200).header("etag").to_owned();
    assert_eq!(
        api.get("/subscribers/ADA@example.org").await.body,
        before.body,
        "an address names them, too"
    );

    let changed = api
        .ask(
            "PATCH",
            &path,
            &json!({ "max_papers": 5, "pause_until": "2026-09-01" }),
        )
        .await;
    assert_eq!(
        (
            &changed.is(200).body["max_papers"],
            &changed.body["pause_until"]
        ),
        (&json!(5), &json!("2026-09-01"))
    );
    assert_ne!(changed.header("etag"), tag);
    let stale = api
        .request("PATCH", &path)
        .header("if-match", &tag)
        .header(header::CONTENT_TYPE, "application/json");
    api.send(stale.body(Body::from(r#"{"max_papers":9}"#)).unwrap())
        .await
        .refuses(412, "has changed since");
    let fresh = api
        .request("PATCH", &path)
        .header("if-match", changed.header("etag"));
    let fresh = fresh.header(header::CONTENT_TYPE, "application/merge-patch+json");
    let changed = api
        .send(fresh.body(Body::from(r#"{"pause_until":null}"#)).unwrap())
        .await;
    assert_eq!(
        (
            &changed.is(200).body["pause_until"],
            &changed.body["max_papers"]
        ),
        (&Value::Null, &json!(5))
    );
    api.ask("PATCH", &path, &json!({ "email": "b@example.org" }))
        .await
        .refuses(422, "email is not known here");
    api.ask("PATCH", &path, &json!({ "status": "active" }))
        .await
        .refuses(422, "status is not known here");
    api.ask("PATCH", &path, &json!({ "timezone": "Nowhere" }))
        .await
        .refuses(422, "time zone");

    assert_eq!(
        api.ask("POST", &format!("{path}/pause"), &Value::Null)
            .await
            .is(200)
            .body["status"],
        "paused"
    );
    assert_eq!(
        api.ask("POST", &format!("{path}/resume"), &Value::Null)
            .await
            .is(200)
            .body["status"],
        "active"
    );
    let paused = api
        .ask(
            "POST",
            &format!("{path}/pause"),
            &json!({ "until": "2026-10-01" }),
        )
        .await;
    assert_eq!(
        (&paused.is(200).body["status"], &paused.body["pause_until"]),
        (&json!("active"), &json!("2026-10-01"))
    );
    api.ask(
        "POST",
        &format!("{path}/pause"),
        &json!({ "until": "soon" }),
    )
    .await
    .refuses(422, "date");
    let left = api
        .ask("POST", &format!("{path}/unsubscribe"), &Value::Null)
        .await;
    assert_eq!(left.is(200).body["status"], "unsubscribed");
    assert_eq!(
        crate::web::signup::mails(&api.house, "ada@example.org").len(),
        1,
        "a goodbye"
    );
    api.ask("POST", &format!("{path}/unsubscribe"), &Value::Null)
        .await
        .is(200);
    assert_eq!(
        crate::web::signup::mails(&api.house, "ada@example.org").len(),
        1,
        "and only one"
    );
    api.ask("POST", &format!("{path}/resume"), &Value::Null)
        .await
        .refuses(409, "only they themselves");
    api.ask("POST", &format!("{path}/pause"), &Value::Null)
        .await
        .refuses(409, "unsubscribed");

    assert_eq!(
        api.ask("DELETE", &path, &Value::Null).await.is(204).text,
        ""
    );
    api.get(&path).await.refuses(404, "no such subscriber");
    api.ask("DELETE", &path, &Value::Null)
        .await
        .refuses(404, "no such subscriber");
}

#[tokio::test]
async fn interests_are_added_replaced_renamed_and_removed() {
    let api = Api::new();
    let (id, _) = api.house.subscribes("ada@example.org");
    let path = format!("/subscribers/{}/interests", id.0);
    let rings = json!({ "name": "Rings & more/less", "keywords": ["rings"] });
    let made = api.ask("POST", &path, &rings).await;
    made.is(201);
    let own = made
        .header("location")
        .strip_prefix("/api/v1")
        .unwrap()
        .to_owned();
    assert!(own.ends_with("Rings%20%26%20more%2Fless"), "{own}");
    api.ask("POST", &path, &rings).await.refuses(409, "already");
    let replaced = api
        .ask("PUT", &own, &json!({ "description": "towers" }))
        .await;
    assert_eq!(replaced.is(200).body["keywords"], json!([]));
    let renamed = api
        .ask(
            "PUT",
            &own,
            &json!({ "name": "Towers", "keywords": ["tower"] }),
        )
        .await;
    assert_eq!(renamed.is(200).body["name"], "Towers");
    api.ask("PUT", &format!("{path}/Lamps"), &json!({}))
        .await
        .is(201);
    api.ask(
        "PUT",
        &format!("{path}/lamps"),
        &json!({ "name": "TOWERS" }),
    )
    .await
    .refuses(409, "already");
    let listed = api.get(&path).await;
    let names: Vec<&Value> = listed.is(200).body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["Towers", "Lamps"]);
    api.ask("POST", &path, &json!({ "liked": ["two words"] }))
        .await
        .refuses(422, "liked");
    api.ask("DELETE", &format!("{path}/towers"), &Value::Null)
        .await
        .is(204);
    api.ask("DELETE", &format!("{path}/towers"), &Value::Null)
        .await
        .refuses(404, "no interest of that name");
    assert_eq!(
        api.get(&path).await.body["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn issues_papers_and_deliveries_are_shown_as_the_commands_show_them() {
    let api = Api::new();
    let id = api.publishes();
    let path = format!("/subscribers/{}", id.0);
    let issues = api.get(&format!("{path}/issues")).await;
    assert_eq!(issues.is(200).body["items"][0]["local_date"], "2026-08-05");
    let issue = api.get(&format!("{path}/issues/2026-08-05")).await;
    assert_eq!(
        issue.is(200).body["picks"].as_array().unwrap().len(),
        3,
        "{}",
        issue.text
    );
    assert_eq!(issue.body["covers"], json!(["2026-08-04", "2026-08-04"]));
    api.get(&format!("{path}/issues/2026-08-06"))
        .await
        .refuses(404, "no issue of that date");
    api.get(&format!("{path}/issues/tomorrow"))
        .await
        .refuses(404, "no issue of that date");

    let preview = api
        .get(&format!("{path}/preview?date=2026-08-05&explain=true"))
        .await;
    assert_eq!(
        preview.is(200).body["picks"].as_array().unwrap().len(),
        3,
        "{}",
        preview.text
    );
    assert_eq!(preview.body["explained"].as_array().unwrap().len(), 3);
    let html = api
        .get(&format!("{path}/preview?date=2026-08-05&format=html"))
        .await;
    assert_eq!(
        html.is(200).header("content-type"),
        "text/html; charset=utf-8"
    );
    assert!(
        html.text.contains("Rings of order")
            && html
                .header("content-security-policy")
                .contains("default-src")
    );
    let json = api.get(&format!("{path}/preview?date=2026-08-05")).await;
    assert!(
        html.text.contains("/preferences?t=") && !json.text.contains("?t="),
        "links are for who may write"
    );
    let mut reader = Api {
        house: api.house,
        key: String::new(),
    };
    reader.key = reader.makes_key("reads", &[KeyScope::Read], 100);
    for format in ["html", "text"] {
        let refused = reader
            .get(&format!("{path}/preview?date=2026-08-05&format={format}"))
            .await;
        refused.refuses(403, "subscribers:write");
    }
    reader
        .get(&format!("{path}/preview?date=2026-08-05"))
        .await
        .is(200);
    let api = Api {
        house: reader.house,
        key: api.key,
    };
    let text = api
        .get(&format!("{path}/preview?date=2026-08-05&format=text"))
        .await;
    assert_eq!(
        text.is(200).header("content-type"),
        "text/plain; charset=utf-8"
    );
    api.get(&format!("{path}/preview?format=eml"))
        .await
        .refuses(400, "json, html, text");

    let found = api.get("/papers?q=rings&limit=2").await;
    assert_eq!(found.is(200).body["items"].as_array().unwrap().len(), 2);
    let next = format!("/papers{}", found.body["next"].as_str().unwrap());
    assert_eq!(
        api.get(&next).await.is(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let paper = api.get("/papers/hep-th%2F9901001").await;
    assert_eq!(paper.is(200).body["records"][0]["source"], "arxiv");
    api.get("/papers/2601.99999")
        .await
        .refuses(404, "no such paper");
    let alike = api.get("/papers/2608.00001/similar?limit=1").await;
    assert_eq!(
        alike.is(200).body["items"].as_array().unwrap().len(),
        1,
        "{}",
        alike.text
    );
    let trending = api.get("/trending").await;
    assert_eq!(
        (
            &trending.is(200).body["date"],
            trending.body["items"].as_array().unwrap().len()
        ),
        (&json!("2026-08-04"), 3)
    );
    assert_eq!(
        api.get("/coverage").await.is(200).body["items"][0]["state"],
        "complete"
    );

    let listed = api
        .get("/deliveries?state=rendered&date=2026-08-05&address=ADA@example.org")
        .await;
    let line = &listed.is(200).body["items"][0];
    assert_eq!(
        (&line["state"], &line["subscriber"]),
        (&json!("rendered"), &json!(id.0)),
        "{}",
        listed.text
    );
    assert_eq!(
        api.get(&format!("{path}/deliveries")).await.is(200).body["items"][0],
        *line
    );
    let own = format!("/deliveries/{}", line["id"]);
    assert_eq!(api.get(&own).await.is(200).body["tries"], json!([]));
    assert_eq!(
        api.ask("POST", &format!("{own}/hold"), &Value::Null)
            .await
            .is(200)
            .body["state"],
        "held"
    );
    api.ask("POST", &format!("{own}/hold"), &Value::Null)
        .await
        .refuses(409, "is held");
    assert_eq!(
        api.ask("POST", &format!("{own}/retry"), &Value::Null)
            .await
            .is(200)
            .body["state"],
        "rendered"
    );
    assert_eq!(
        api.ask("POST", &format!("{own}/drop"), &Value::Null)
            .await
            .is(200)
            .body["state"],
        "expired"
    );
    api.ask("POST", &format!("{own}/retry"), &Value::Null)
        .await
        .refuses(409, "is expired");
    api.ask("POST", "/deliveries/4711/retry", &Value::Null)
        .await
        .refuses(404, "no such delivery");
    api.get("/deliveries/first")
        .await
        .refuses(404, "no such delivery");
    let stats = api.get("/stats").await;
    assert_eq!(
        (
            &stats.is(200).body["papers"],
            &stats.body["subscribers"]["active"]
        ),
        (&json!(3), &json!(1))
    );
    assert_eq!(
        (
            &stats.body["today"]["expired"],
            &stats.body["outbox"]["total"]
        ),
        (&json!(1), &json!(1)),
        "{}",
        stats.text
    );
}

#[tokio::test]
async fn papers_are_taken_in_as_lines() {
    let api = Api::new();
    let lines = concat!(
        r#"{"id":"2608.00001","title":"Rings","announced":"2026-08-04"}"#,
        "\nnonsense\n",
        r#"{"id":"2608.00002","title":"Towers"}"#,
    );
    let send = |kind: &'static str, body: &str| {
        let request = api
            .request("POST", "/papers")
            .header(header::CONTENT_TYPE, kind);
        api.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    let taken = send("application/jsonl", lines).await;
    let body = &taken.is(200).body;
    assert_eq!(
        (
            &body["read"],
            &body["new"],
            &body["rejected"],
            &body["undated"]
        ),
        (&json!(3), &json!(2), &json!(1), &json!(1))
    );
    assert_eq!(body["set_aside"][0]["place"], "body:2");
    assert_eq!(
        send("application/x-ndjson", lines).await.is(200).body["new"],
        0
    );
    send("application/jsonl", "nonsense\n")
        .await
        .refuses(422, "no line could be read");
    send("application/jsonl", "\n\n")
        .await
        .refuses(422, "no line could be read");
    send("application/json", lines)
        .await
        .refuses(415, "application/jsonl");
    // Beyond what other bodies may have.
    let line = |number| json!({ "id": format!("2607.{number:05}"), "title": format!("Paper {number} of a long list") });
    let many = (0..20_000)
        .map(|number| line(number).to_string())
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(
        send("application/jsonl", &many).await.is(200).body["new"],
        20_000
    );
}

#[tokio::test]
async fn suppressions_are_added_listed_and_lifted() {
    let api = Api::new();
    let (id, _) = api.house.subscribes("ada@example.org");
    let made = api
        .ask(
            "POST",
            "/suppressions",
            &json!({ "address": "ada@example.org", "reason": "gone\nfor good" }),
        )
        .await;
    assert_eq!(made.is(201).body["reason"], "gone for good");
    let own = made
        .header("location")
        .strip_prefix("/api/v1")
        .unwrap()
        .to_owned();
    assert_eq!(api.house.status(id), Some(Status::Suppressed));
    api.ask(
        "POST",
        "/suppressions",
        &json!({ "address": "ada@example.org" }),
    )
    .await
    .is(200);
    api.ask("POST", "/suppressions", &json!({ "address": "nonsense" }))
        .await
        .refuses(422, "must be a mail address");
    api.ask("DELETE", &own, &Value::Null).await.is(204);
    assert_eq!(api.house.status(id), Some(Status::Active));
    api.ask("DELETE", &own, &Value::Null)
        .await
        .refuses(404, "no such suppression");
    api.ask("DELETE", "/suppressions/nonsense", &Value::Null)
        .await
        .refuses(404, "no such suppression");
}

/// Everything on the pages of a list, `between` called after the first one.
async fn paged(api: &Api, list: &str, key: &str, between: impl FnOnce(&Api)) -> Vec<String> {
    let (mut path, mut found, mut between) = (format!("{list}?limit=2"), Vec::new(), Some(between));
    loop {
        let page = api.get(&path).await;
        let items = page.is(200).body["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(
            items
                .iter()
                .map(|item| item[key].as_str().unwrap().to_owned()),
        );
        let Some(next) = page.body["next"].as_str() else {
            return found;
        };
        assert!(next.contains(page.body["next_cursor"].as_str().unwrap()));
        assert!(
            !next.contains("example.org"),
            "addresses of pages stand in logs: {next}"
        );
        path = format!("{list}{next}");
        if let Some(between) = between.take() {
            between(api);
        }
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_hide_what_is_added_in_between() {
    let api = Api::new();
    let letters = |letters: &str| {
        letters
            .chars()
            .map(|letter| format!("{letter}@example.org"))
            .collect::<Vec<_>>()
    };
    for address in letters("dbae") {
        api.house.subscribes(&address);
    }
    let found = paged(&api, "/subscribers", "email", |api| {
        api.house.subscribes("c@example.org");
        let gone = api
            .house
            .db
            .run_here(|store| store.subscriber(&"b@example.org".parse().unwrap()))
            .unwrap()
            .unwrap();
        api.house
            .db
            .run_here(|store| store.remove_subscriber(gone.id, api.house.clock.now()))
            .unwrap();
    })
    .await;
    assert_eq!(found, letters("dbaec"));

    // All of them in one second, in the order of their addresses; then one more and one less.
    let suppress = |api: &Api, address: &str| {
        let now = api.house.clock.now();
        api.house
            .db
            .run_here(|store| store.suppress(&address.parse().unwrap(), "test", now))
            .unwrap();
    };
    for address in letters("fhjlnp") {
        suppress(&api, &address);
    }
    let found = paged(&api, "/suppressions", "address", |api| {
        suppress(api, "a@example.org");
        suppress(api, "z@example.org");
        let lifted = "f@example.org".parse().unwrap();
        api.house
            .db
            .run_here(|store| store.lift_suppression(&lifted, api.house.clock.now()))
            .unwrap();
    })
    .await;
    assert_eq!(found, letters("fhjlnpz"));
    // The last one shown is lifted: nothing behind it is hidden.
    let found = paged(&api, "/suppressions", "address", |api| {
        let lifted = "h@example.org".parse().unwrap();
        api.house
            .db
            .run_here(|store| store.lift_suppression(&lifted, api.house.clock.now()))
            .unwrap();
    })
    .await;
    for address in letters("ajlnpz") {
        assert!(found.contains(&address), "{address}: {found:?}");
    }
    let status = api.get("/subscribers?status=paused").await;
    assert!(
        status.is(200).body["items"].as_array().unwrap().is_empty()
            && status.body["next"].is_null()
    );
}

#[tokio::test]
async fn a_request_with_a_name_is_done_once() {
    let api = Api::new();
    let eve = json!({ "email": "eve@example.org" });
    let first = api.named("one", "POST", "/subscribers", &eve).await;
    first.is(201);
    let again = api.named("one", "POST", "/subscribers", &eve).await;
    assert_eq!(
        (again.status, &again.body, again.header("location")),
        (first.status, &first.body, first.header("location"))
    );
    assert_eq!(
        (again.header("idempotency-replayed"), again.header("etag")),
        ("true", first.header("etag"))
    );
    assert_eq!(
        crate::web::signup::mails(&api.house, "eve@example.org").len(),
        1
    );
    api.named(
        "one",
        "POST",
        "/subscribers",
        &json!({ "email": "bob@example.org" }),
    )
    .await
    .refuses(422, "Idempotency-Key");
    api.named("one", "PATCH", "/subscribers/1", &json!({}))
        .await
        .refuses(422, "Idempotency-Key");
    api.named("two", "POST", "/subscribers", &eve)
        .await
        .refuses(409, "already");
    // What was refused is refused again, also if it could be done by now.
    let id = first.body["id"].as_i64().unwrap();
    api.house
        .db
        .run_here(|store| store.remove_subscriber(SubscriberId(id), api.house.clock.now()))
        .unwrap();
    api.named("two", "POST", "/subscribers", &eve)
        .await
        .refuses(409, "already");
    api.named("", "POST", "/subscribers", &eve)
        .await
        .refuses(400, "Idempotency-Key");
    api.named(&"x".repeat(201), "POST", "/subscribers", &eve)
        .await
        .refuses(400, "Idempotency-Key");
    // Nothing is kept of a refusal by the gate.
    api.named("three", "POST", "/subscribers", &json!({ "email": 3 }))
        .await
        .refuses(422, "must be text");
    api.house
        .clock
        .set(api.house.clock.now() + TimeDelta::hours(25));
    api.named("three", "POST", "/subscribers", &eve)
        .await
        .is(201);
    // After a day, a name is free again.
    api.named(
        "one",
        "POST",
        "/subscribers",
        &json!({ "email": "fay@example.org" }),
    )
    .await
    .is(201);
}

#[tokio::test]
async fn one_of_two_concurrent_requests_waits_and_a_restart_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paperboy.db");
    let (store, _) = SqliteStore::migrate(&path).unwrap();
    let mut api = Api::new();
    api.house.db = Db::new(store);
    api.house.site.db = api.house.db.clone();
    api.key = api.makes_key("all", &ALL, 1_000);
    let body = json!({ "address": "gone@example.org" });
    let hold = {
        let (send, wait) = std::sync::mpsc::channel::<()>();
        let db = api.house.db.clone();
        let (held, is_held) = std::sync::mpsc::channel();
        let holder = std::thread::spawn(move || {
            db.run_here(|_| {
                held.send(()).unwrap();
                wait.recv().unwrap();
                Ok(())
            })
            .unwrap();
        });
        is_held.recv().unwrap();
        (send, holder)
    };
    // Both wait for the database; whichever comes second finds the other at work, or done.
    let release = async {
        tokio::task::yield_now().await;
        hold.0.send(()).unwrap();
    };
    let (a, b, ()) = tokio::join!(
        api.named("once", "POST", "/suppressions", &body),
        api.named("once", "POST", "/suppressions", &body),
        release
    );
    hold.1.join().unwrap();
    let mut codes = [a.status.as_u16(), b.status.as_u16()];
    codes.sort_unstable();
    assert!(codes == [201, 201] || codes == [201, 409], "{codes:?}");
    let replays = [&a, &b]
        .iter()
        .filter(|answer| answer.header("idempotency-replayed") == "true")
        .count();
    assert_eq!(
        replays + usize::from(codes[1] == 409),
        1,
        "it was done once"
    );

    // Another process on the same file.
    api.house.db = Db::new(SqliteStore::open(&path).unwrap());
    api.house.site.db = api.house.db.clone();
    api.house.site.shared = std::sync::Arc::default();
    let again = api.named("once", "POST", "/suppressions", &body).await;
    assert_eq!(
        (
            again.is(201).header("idempotency-replayed"),
            &again.body["address"]
        ),
        ("true", &json!("gone@example.org"))
    );
}

#[tokio::test]
async fn stored_answers_about_a_subscriber_are_erased_with_them() {
    let api = Api::new();
    let made = api
        .named(
            "one",
            "POST",
            "/subscribers",
            &json!({ "email": "eve@example.org" }),
        )
        .await;
    let id = made.is(201).body["id"].as_i64().unwrap();
    api.named("two", "DELETE", &format!("/subscribers/{id}"), &Value::Null)
        .await
        .is(204);
    let again = api
        .named("two", "DELETE", &format!("/subscribers/{id}"), &Value::Null)
        .await;
    assert_eq!(again.is(204).header("idempotency-replayed"), "true");
    let again = api
        .named(
            "one",
            "POST",
            "/subscribers",
            &json!({ "email": "eve@example.org" }),
        )
        .await;
    again.refuses(409, "asked to be erased");
}

#[tokio::test]
async fn the_document_describes_every_operation_and_every_answer() {
    let api = Api::new();
    let document = api.get("/openapi.json").await.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let name = format!("{method} {path}");
            assert!(
                operation["summary"].is_string() && operation["operationId"].is_string(),
                "{name}"
            );
            let answers = operation["responses"].as_object().unwrap();
            assert!(
                answers.keys().any(|status| status.starts_with('2')) && answers.contains_key("500"),
                "{name}"
            );
            if path != "/openapi.json" {
                assert!(
                    answers.contains_key("401") && answers.contains_key("403"),
                    "{name}"
                );
                assert!(
                    operation["security"][0]["key"][0].is_string(),
                    "{name}: a scope"
                );
            }
            if let Some(body) = operation.get("requestBody") {
                for (kind, content) in body["content"].as_object().unwrap() {
                    let reference = content["schema"]["$ref"]
                        .as_str()
                        .map(|at| document.pointer(&at[1..]).unwrap());
                    let is_closed =
                        reference.is_none_or(|schema| schema["additionalProperties"] == false);
                    assert!(
                        is_closed || !kind.contains("json") || kind.contains("jsonl"),
                        "{name}: {content}"
                    );
                }
            }
            // It is there: asked without a key it says so, and not that there is nothing.
            let path = path
                .replace("{subscriber}", "1")
                .replace("{delivery}", "1")
                .replace("{date}", "2026-08-04");
            let path = path
                .replace("{paper}", "1")
                .replace("{name}", "a")
                .replace("{address}", "a@example.org");
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(format!("/api/v1{path}"));
            let answer = api.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                answer.status,
                if path == "/openapi.json" {
                    StatusCode::OK
                } else {
                    StatusCode::UNAUTHORIZED
                },
                "{name}"
            );
        }
    }
    assert_eq!(operations, 32);
    let references = document.to_string();
    for reference in references.split("\"$ref\":\"#").skip(1) {
        let at = reference.split('"').next().unwrap();
        assert!(document.pointer(at).is_some(), "{at} leads nowhere");
    }
}
