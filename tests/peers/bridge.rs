//! Bridges between our broker and Debian's Mosquitto, from either side.

use crate::support::Broker;
use crate::support::peers::require_programs;

const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv50"];

fn bridge_to(port: u16, version: &str) -> String {
    format!(
        "allow_anonymous true\nconnection b\naddress 127.0.0.1:{port}\nrestart_timeout 1\n\
         bridge_protocol_version {version}\ntopic up/# out 2 near/ far/\n\
         topic down/# in 2 near/ far/\ntopic both/# both 2\n"
    )
}

/// Sends one message at each level by each kind of line, in both directions.
#[track_caller]
fn exchange(near: &Broker, far: &Broker) {
    for qos in 0..3 {
        for (from, to, sent, received) in [
            (near, far, "near/up/x", "far/up/x"),
            (far, near, "far/down/x", "near/down/x"),
            (near, far, "both/x", "both/x"),
            (far, near, "both/x", "both/x"),
        ] {
            let line = format!("mq-sub -t {received} -q 2 -F %q%p -C 2");
            let mut subscriber = to.subscriber(&line);
            from.typed(&format!("mq-pub -t {sent} -q {qos} -m one"))
                .run()
                .succeeds();
            from.typed(&format!("mq-pub -t {sent} -q {qos} -m two"))
                .run()
                .succeeds();
            // One copy of each: neither comes back and neither is doubled.
            subscriber.expect_line(&format!("{qos}one"));
            subscriber.expect_line(&format!("{qos}two"));
        }
    }
}

/// Waits until the far broker knows that the bridge is connected.
#[track_caller]
fn wait_for_state(far: &Broker) {
    let mut subscriber = far.subscriber("mq-sub -t $SYS/broker/connection/+/state");
    subscriber.wait_for_line(|line| line == "1");
}

#[test]
fn our_bridge_carries_messages_to_and_from_mosquitto() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    for version in VERSIONS {
        let far = Broker::builder()
            .program("mosquitto")
            .config("allow_anonymous true")
            .start();
        let near = Broker::with_config(&bridge_to(far.port(), version));
        wait_for_state(&far);
        exchange(&near, &far);
    }
}

#[test]
fn mosquittos_bridge_carries_messages_to_and_from_us() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    for version in VERSIONS {
        let far = Broker::with_config("allow_anonymous true");
        let near = Broker::builder()
            .program("mosquitto")
            .config(&bridge_to(far.port(), version))
            .start();
        wait_for_state(&far);
        exchange(&near, &far);
    }
}

#[test]
fn a_hundred_thousand_messages_wait_for_mosquitto_and_arrive_in_order() {
    if !require_programs(&["mosquitto"]) {
        return;
    }
    const COUNT: usize = 100_000;
    let proxy = crate::support::remote::Remote::new();
    let near = Broker::with_config(&format!(
        "allow_anonymous true\nmax_queued_messages 0\nconnection b\n\
         addresses 127.0.0.1:{}\nrestart_timeout 1\nnotifications false\ntopic t out 1\n",
        proxy.port()
    ));
    let port = proxy.port();
    // The bridge waits for an answer that does not come.
    let stalled = proxy.accept();
    let lines: String = (0..COUNT).map(|number| format!("{number}\n")).collect();
    let publisher = near.typed("mq-pub -t t -q 1 -l").stdin(lines);
    publisher
        .within(std::time::Duration::from_secs(120))
        .run()
        .succeeds();
    drop((stalled, proxy));
    let far = Broker::builder()
        .program("mosquitto")
        .config(&format!(
            "allow_anonymous true\nmax_queued_messages 0\nlistener {port} 127.0.0.1"
        ))
        .start();
    let mut subscriber = far
        .typed(&format!("mq-sub -t t -q 1 -C {COUNT}"))
        .within(std::time::Duration::from_secs(120))
        .start();
    for number in 0..COUNT {
        subscriber.expect_line(&number.to_string());
    }
}
