//! Listeners with `protocol http_api`.

use crate::support::broker::Builder;
use crate::support::http::{Response, get, request};
use crate::support::raw_client::RawClient;
use crate::support::{Broker, Program};

const BASIC_ALICE: &str = "Basic YWxpY2U6c2VjcmV0";
const BASIC_ALICE_WRONG: &str = "Basic YWxpY2U6d3Jvbmc=";

fn open_to_all() -> Broker {
    Broker::builder()
        .config("allow_anonymous true")
        .other_listener("protocol http_api")
        .start()
}

/// A broker with the user alice, whose password is `secret`, and more lines.
fn with_alice(lines: &str) -> Broker {
    start_with_alice(Broker::builder(), lines)
}

/// As [`with_alice`], with these access rules.
fn with_alice_and_rules(rules: &str, lines: &str) -> Broker {
    let builder = Broker::builder().file("acl", rules);
    start_with_alice(builder, &format!("acl_file acl\n{lines}"))
}

fn start_with_alice(builder: Builder, lines: &str) -> Broker {
    let file = builder.folder().join("passwords");
    let file = file.to_str().expect("the path is text");
    let command = format!("mq-passwd -H sha512-pbkdf2 -b -c {file} alice secret");
    Program::typed(&command).run().succeeds();
    builder
        .before(&format!("password_file passwords\n{lines}"))
        .other_listener("protocol http_api")
        .start()
}

#[test]
fn mosquittos_routes_answer_as_mosquitto_does() {
    let broker = open_to_all();
    let port = broker.other_port();
    assert_eq!(get(port, "/api/v1/version").body, env!("CARGO_PKG_VERSION"));
    let listeners = get(port, "/api/v1/listeners").json();
    let entry = &listeners["listeners"][1];
    assert_eq!(entry["port"], port);
    assert_eq!(entry["protocol"], "httpapi");
    assert_eq!(entry["allow_anonymous"], true);
    let tree = get(port, "/api/v1/systree").json();
    assert_eq!(tree["$SYS/broker/clients/connected"], 0);
    assert!(tree["$SYS/broker/uptime"].is_u64());
    let missing = get(port, "/nothing/here");
    assert_eq!(
        (missing.status, missing.body.as_str()),
        (404, "Not found.\n")
    );
    let wrong = request(port, "POST", "/api/v1/version", &[], "");
    assert_eq!(
        (wrong.status, wrong.body.as_str()),
        (405, "Invalid HTTP Method\n")
    );
}

#[test]
fn metrics_follow_the_format_that_is_asked_for() {
    let broker = open_to_all();
    let port = broker.other_port();
    broker.typed("mq-pub -t a -m x").run().succeeds();
    let metrics = get(port, "/metrics");
    let content_type = metrics.header("content-type");
    assert_eq!(
        content_type,
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in [
        "# TYPE mosquitto_publish_received_total counter",
        "mosquitto_publish_received_total 1",
        "mosquitto_clients{state=\"connected\"} 0",
    ] {
        assert!(metrics.body.lines().any(|known| known == line), "{line}");
    }
    let open_metrics = [("Accept", "application/openmetrics-text; version=1.0.0")];
    let metrics = request(port, "GET", "/metrics", &open_metrics, "");
    assert!(
        metrics
            .body
            .contains("# TYPE mosquitto_publish_received counter\n")
    );
    assert!(metrics.body.ends_with("# EOF\n"));
}

#[test]
fn metrics_can_have_the_names_of_the_exporter() {
    let broker = Broker::builder()
        .config("allow_anonymous true\nhttp_api_metrics_names mosquitto_exporter")
        .other_listener("protocol http_api")
        .start();
    let metrics = get(broker.other_port(), "/metrics").body;
    for line in [
        "# TYPE broker_bytes_received counter",
        "broker_clients_connected 0",
        "broker_publish_messages_dropped 0",
    ] {
        assert!(
            metrics.lines().any(|known| known == line),
            "{line}: {metrics}"
        );
    }
}

#[test]
fn a_broker_that_runs_is_healthy_and_ready() {
    let broker = open_to_all();
    assert_eq!(get(broker.other_port(), "/healthz").body, "ok\n");
    assert_eq!(get(broker.other_port(), "/readyz").body, "ready\n");
}

#[test]
fn a_login_is_checked_like_that_of_a_client() {
    let broker = with_alice("");
    let port = broker.other_port();
    let refused = get(port, "/api/v1/version");
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (401, "Not authorised")
    );
    let realm = Some("Basic realm=\"Mosquitto API\"");
    assert_eq!(refused.header("www-authenticate"), realm);
    for (login, status) in [
        (BASIC_ALICE, 200),
        (BASIC_ALICE_WRONG, 401),
        ("Basic !", 401),
    ] {
        let headers = [("Authorization", login)];
        let answer = request(port, "GET", "/api/v1/version", &headers, "");
        assert_eq!(answer.status, status, "{login}");
    }
    // Scrapers on this machine and load balancers need none.
    assert_eq!(get(port, "/metrics").status, 200);
    assert_eq!(get(port, "/healthz").status, 200);
}

#[test]
fn the_access_rules_are_asked_with_the_path_as_topic() {
    let broker = with_alice_and_rules("user alice\ntopic read /api/v1/version\n", "");
    let status = |path| {
        let headers = [("Authorization", BASIC_ALICE)];
        request(broker.other_port(), "GET", path, &headers, "").status
    };
    assert_eq!(status("/api/v1/version"), 200);
    assert_eq!(status("/api/v1/systree"), 401);
}

#[test]
fn requests_of_other_pages_and_for_other_hosts_are_refused() {
    let broker = open_to_all();
    let port = broker.other_port();
    let own = format!("http://localhost:{port}");
    let host = format!("localhost:{port}");
    for (headers, status) in [
        ([("Host", host.as_str()), ("Origin", own.as_str())], 200),
        (
            [("Host", host.as_str()), ("Origin", "http://evil.example")],
            403,
        ),
        (
            [("Host", "evil.example"), ("Origin", "http://evil.example")],
            403,
        ),
    ] {
        let answer = request(port, "GET", "/api/v1/version", &headers, "");
        assert_eq!(answer.status, status, "{headers:?}");
    }
}

#[test]
fn a_client_may_speak_mqtt_over_websocket_on_the_same_port() {
    let broker = open_to_all();
    let mut client = RawClient::connect(broker.other_port());
    client.send(
        "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    assert!(client.http_head().contains(" 101 "));
}

/// A broker whose user alice is an administrator.
fn with_admin(lines: &str) -> Broker {
    with_alice(&format!("http_api_admin alice\n{lines}"))
}

fn as_alice(broker: &Broker, method: &str, path: &str, body: &str) -> Response {
    let login = ("Authorization", BASIC_ALICE);
    let session = request(broker.other_port(), "GET", "/api/v1/session", &[login], "").json();
    let token = session["token"].as_str().expect("there is a token");
    let json = ("Content-Type", "application/json");
    let headers = [login, json, ("X-MQ-Token", token)];
    request(broker.other_port(), method, path, &headers, body)
}

#[test]
fn clients_are_listed_with_what_they_have() {
    let broker = with_admin("");
    let sub = broker.typed("mq-sub -u alice -P secret -i away -c -q 1 -t a/# -E");
    sub.run().succeeds();
    let _present = broker.subscriber("mq-sub -u alice -P secret -i present -V mqttv5 -t b -t c");
    let publish = broker.typed("mq-pub -u alice -P secret -q 1 -t a/b -m hello");
    publish.run().succeeds();
    let list = as_alice(&broker, "GET", "/api/v1/clients", "").json();
    assert_eq!(list["total"], 2, "{list}");
    let [away, present] = [&list["entries"][0], &list["entries"][1]];
    assert_eq!(away["client_id"], "away");
    assert_eq!(away["is_connected"], false);
    assert_eq!(away["queued_messages"], 1);
    assert_eq!(away["queued_bytes"], 5);
    assert_eq!(present["version"], "5.0");
    assert_eq!(present["username"], "alice");
    assert_eq!(present["subscriptions"], 2);
    assert!(
        present["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    let sorted = "/api/v1/clients?sort=subscriptions&limit=1";
    let list = as_alice(&broker, "GET", sorted, "").json();
    assert_eq!(list["entries"][0]["client_id"], "present");
    assert_eq!(list["entries"].as_array().unwrap().len(), 1);
    let one = as_alice(&broker, "GET", "/api/v1/clients/away", "").json();
    assert_eq!(one["filters"][0]["topic_filter"], "a/#");
    let missing = as_alice(&broker, "GET", "/api/v1/clients/nobody", "");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["error"], "There is no client 'nobody'.");
    let wrong = as_alice(&broker, "GET", "/api/v1/clients?sort=colour", "");
    assert_eq!(wrong.status, 400);
}

#[test]
fn a_user_who_is_no_administrator_sees_only_own_clients_and_changes_nothing() {
    let broker = with_alice("");
    let _mine = broker.subscriber("mq-sub -u alice -P secret -i mine -t b");
    let list = as_alice(&broker, "GET", "/api/v1/clients", "").json();
    assert_eq!(list["total"], 1);
    for (method, path) in [
        ("DELETE", "/api/v1/clients/mine"),
        ("GET", "/api/v1/subscriptions?topic=b"),
    ] {
        assert_eq!(as_alice(&broker, method, path, "").status, 403, "{path}");
    }
}

#[test]
fn an_administrator_ends_connections_and_deletes_sessions() {
    let broker = with_admin("");
    let sub = broker.typed("mq-sub -u alice -P secret -i away -c -q 1 -t a/# -E");
    sub.run().succeeds();
    let mark = broker.log_mark();
    let present = broker.subscriber("mq-sub -u alice -P secret -i present -c -V mqttv5 -t b");
    assert_eq!(
        as_alice(&broker, "DELETE", "/api/v1/clients/present", "").status,
        204
    );
    broker.wait_for_log_after(mark, "present [127.0.0.1:");
    broker.wait_for_log_after(mark, " disconnected: administrative action.");
    drop(present);
    let gone = as_alice(&broker, "DELETE", "/api/v1/clients/away?session=true", "");
    assert_eq!(gone.status, 204);
    assert_eq!(
        as_alice(&broker, "GET", "/api/v1/clients/away", "").status,
        404
    );
}

#[test]
fn a_change_needs_the_token() {
    let broker = with_admin("");
    let headers = [("Authorization", BASIC_ALICE), ("X-MQ-Token", "wrong")];
    let path = "/api/v1/clients/present";
    let answer = request(broker.other_port(), "DELETE", path, &headers, "");
    assert_eq!(answer.status, 403);
}

#[test]
fn messages_are_published_listed_and_deleted() {
    let broker = with_admin("");
    let mut subscriber = broker.subscriber("mq-sub -u alice -P secret -t lamp/# -v -C 1");
    let body = r#"{"topic": "lamp/1", "payload": "on", "qos": 1, "retain": true}"#;
    assert_eq!(
        as_alice(&broker, "POST", "/api/v1/publish", body).status,
        202
    );
    subscriber.expect_line("lamp/1 on");
    let list = as_alice(&broker, "GET", "/api/v1/topics?filter=lamp/%2B", "").json();
    assert_eq!(list["entries"][0]["payload"], "on", "{list}");
    let path = "/api/v1/topics?topic=lamp/1";
    assert_eq!(as_alice(&broker, "DELETE", path, "").status, 204);
    assert_eq!(as_alice(&broker, "DELETE", path, "").status, 404);
    for wrong in [
        r#"{"topic": "a/#"}"#,
        r#"{"topic": "a", "qos": 3}"#,
        "{",
        "{}",
    ] {
        let answer = as_alice(&broker, "POST", "/api/v1/publish", wrong);
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.json()["error"].is_string());
    }
}

#[test]
fn subscriptions_of_a_topic_say_who_gets_it_and_why_not() {
    let broker = with_alice_and_rules(
        "user alice\ntopic readwrite open/#\n",
        "http_api_admin alice",
    );
    let _present = broker.subscriber("mq-sub -u alice -P secret -i present -t '#'");
    let of = |topic: &str| {
        let path = format!("/api/v1/subscriptions?topic={topic}");
        as_alice(&broker, "GET", &path, "").json()["entries"][0].clone()
    };
    assert_eq!(of("open/door")["is_delivered"], true);
    let secret = of("secret/door");
    assert_eq!(secret["is_delivered"], false);
    assert_eq!(secret["reason"], "no rule lets the user read the topic");
}
