//! `http_dir`: a WebSocket listener gives pages to browsers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::Broker;
use crate::support::raw_client::{CONNACK_ACCEPTED, CONNECT_V311, PINGREQ, RawClient};

const SECRET: &str = "nobody may read this";

/// A broker with a folder of pages on a WebSocket listener.
fn broker(fill: impl FnOnce(&Path)) -> Broker {
    let builder = Broker::builder().file("secret", SECRET);
    let pages = builder.folder().join("pages");
    fs::create_dir(&pages).expect("the folder is writable");
    fill(&pages);
    builder
        .other_listener("protocol websockets\nhttp_dir pages")
        .start()
}

/// The head and the body of the answer to a request.
fn ask(broker: &Broker, request: &str) -> (String, Vec<u8>) {
    let mut client = RawClient::connect(broker.other_port());
    client.send(request);
    let head = client.http_head();
    (head, client.expect_closed())
}

fn fetch(broker: &Broker, path: &str) -> (String, Vec<u8>) {
    ask(broker, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

#[test]
fn a_browser_gets_pages_and_their_types() {
    let broker = broker(|pages| {
        fs::write(pages.join("index.html"), "<h1>été</h1>").unwrap();
        fs::create_dir(pages.join("sub")).unwrap();
        fs::write(pages.join("sub/index.html"), "sub").unwrap();
        for name in [
            "a.js", "b.mjs", "c.css", "d.json", "e.svg", "f.png", "g.ico",
        ] {
            fs::write(pages.join(name), name).unwrap();
        }
        fs::write(pages.join("h.wasm"), b"\0asm").unwrap();
        fs::write(pages.join("une page.txt"), "espace").unwrap();
        fs::write(pages.join("empty"), "").unwrap();
    });
    for (path, content_type, body) in [
        ("/", "text/html; charset=utf-8", "<h1>été</h1>"),
        (
            "/index.html?v=1",
            "text/html; charset=utf-8",
            "<h1>été</h1>",
        ),
        ("/sub/", "text/html; charset=utf-8", "sub"),
        ("/a.js", "text/javascript; charset=utf-8", "a.js"),
        ("/b.mjs", "text/javascript; charset=utf-8", "b.mjs"),
        ("/c.css", "text/css; charset=utf-8", "c.css"),
        ("/d.json", "application/json", "d.json"),
        ("/e.svg", "image/svg+xml", "e.svg"),
        ("/f.png", "image/png", "f.png"),
        ("/g.ico", "image/x-icon", "g.ico"),
        ("/h.wasm", "application/wasm", "\0asm"),
        ("/une%20page.txt", "text/plain; charset=utf-8", "espace"),
        ("/empty", "application/octet-stream", ""),
    ] {
        let (head, came) = fetch(&broker, path);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
        let length = body.len();
        for line in [
            format!("Content-Type: {content_type}\r\n"),
            format!("Content-Length: {length}\r\n"),
            "Connection: close\r\n".to_owned(),
            "X-Content-Type-Options: nosniff\r\n".to_owned(),
        ] {
            assert!(head.contains(&line), "{path}: {head}");
        }
        assert_eq!(came, body.as_bytes(), "{path}");
    }
    let (head, body) = ask(&broker, "HEAD /a.js HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(head.contains("Content-Length: 4\r\n"), "{head}");
    assert_eq!(body, b"");
    let (head, _) = fetch(&broker, "/sub");
    assert!(head.starts_with("HTTP/1.1 301 "), "{head}");
    assert!(head.contains("Location: /sub/\r\n"), "{head}");
    broker.wait_for_log("GET /une%20page.txt from 127.0.0.1:");
    broker.wait_for_log("Using http_dir ");
}

#[test]
fn nothing_outside_the_folder_is_given() {
    let broker = broker(|pages| {
        fs::write(pages.join("page.html"), "page").unwrap();
        fs::write(pages.join(".hidden"), SECRET).unwrap();
        symlink("../secret", pages.join("link")).unwrap();
        symlink("..", pages.join("up")).unwrap();
        symlink("page.html", pages.join("inside")).unwrap();
        let absolute = pages.join("../secret").canonicalize().unwrap();
        symlink(absolute, pages.join("absolute")).unwrap();
        nix::unistd::mkfifo(&pages.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(pages.join("folder")).unwrap();
    });
    let absolute = broker.folder().join("secret").display().to_string();
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/.%2E/secret",
        "/..%2fsecret",
        "/..%5csecret",
        "/folder/../../secret",
        "/folder/%2e%2e/%2e%2e/secret",
        "//secret",
        "/link",
        "/up/secret",
        "/absolute",
        "/.hidden",
        "/page.html%00",
        "/%00",
        "/%",
        "/%zz",
        "/page.html/",
        "/pipe",
        "/folder/",
        "/missing",
        &absolute,
        &format!("/{absolute}"),
        &absolute.replace('/', "%2f").replacen("%2f", "/", 1),
    ] {
        let (head, body) = fetch(&broker, path);
        assert!(
            head.starts_with("HTTP/1.1 404 Not Found\r\n"),
            "{path}: {head}"
        );
        assert_eq!(body, b"Not found.\n", "{path}");
    }
    let (_, body) = fetch(&broker, "/inside");
    assert_eq!(body, b"page");
}

#[test]
fn what_is_no_request_for_a_page_is_told_so() {
    let broker = broker(|pages| fs::write(pages.join("a"), "a").unwrap());
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for (request, answer) in [
        (
            "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
            "405 ",
        ),
        ("DELETE /a HTTP/1.1\r\nHost: x\r\n\r\n", "405 "),
        ("GET /a\r\n\r\n", "400 "),
        ("nonsense\r\n\r\n", "400 "),
        ("GET * HTTP/1.1\r\n\r\n", "404 "),
        (&long, "431 "),
    ] {
        let (head, _) = ask(&broker, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {answer}")), "{head}");
        assert_eq!(head.contains("Allow: GET, HEAD\r\n"), answer == "405 ");
    }
}

#[test]
fn a_large_file_comes_whole_while_one_who_does_not_take_it_is_cut() {
    const LENGTH: usize = 64 * 1024 * 1024;
    let broker = broker(|pages| {
        let bytes: Vec<u8> = (0..LENGTH).map(|at| (at / 1024 % 251) as u8).collect();
        fs::write(pages.join("large"), bytes).unwrap();
    });
    let before = broker.resident_memory();
    let mut idlers: Vec<_> = (0..20)
        .map(|_| RawClient::connect(broker.other_port()))
        .collect();
    for idler in &mut idlers {
        idler.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
        idler.http_head();
    }
    // MQTT goes on meanwhile, and so do other downloads.
    let mut client = broker.raw_client();
    client.send([CONNECT_V311, PINGREQ].concat());
    client.expect(CONNACK_ACCEPTED);
    let (head, body) = fetch(&broker, "/large");
    assert!(
        head.contains(&format!("Content-Length: {LENGTH}\r\n")),
        "{head}"
    );
    assert!(body.len() == LENGTH);
    assert!((0..LENGTH).all(|at| body[at] == (at / 1024 % 251) as u8));
    let grown = broker.resident_memory().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes");
    broker.wait_for_log(": timed out");
}

#[test]
fn without_a_folder_there_are_no_pages() {
    let broker = Broker::builder()
        .other_listener("protocol websockets")
        .start();
    let (head, body) = fetch(&broker, "/");
    assert!(
        head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{head}"
    );
    assert!(head.contains("Upgrade: websocket\r\n"), "{head}");
    assert!(body.starts_with(b"MQTT over WebSocket"), "{body:?}");
}

#[test]
fn a_folder_on_a_port_without_websocket_is_told_to_be_of_no_use() {
    let broker = Broker::with_config("http_dir .");
    broker.wait_for_log("Warning: 'http_dir' has no effect without 'protocol websockets'.");
}

#[test]
fn a_folder_that_is_none_is_an_error() {
    for name in ["missing", "mosquitto.conf"] {
        let lines = format!("protocol websockets\nhttp_dir {name}");
        let outcome = Broker::builder().config(&lines).run().exits_with(3);
        let text = format!("Error: Unable to open http_dir '{name}': ");
        assert!(outcome.stderr().contains(&text), "{outcome}");
    }
}
