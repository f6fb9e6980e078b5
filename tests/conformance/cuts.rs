//! Exactly once, wherever the connection of one of our clients is cut: after each byte of
//! a QoS 2 delivery, in either direction.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::cutting_proxy::{Budget, CuttingProxy};
use crate::support::{Broker, Program};

/// How many clients run at a time: each waits a second before it comes back.
const AT_ONCE: usize = 24;

/// What is said before the delivery, in bytes, on a connection of MQTT 3.1.1 whose client
/// identifier has three characters and whose topic has four.
const CONNECT: usize = 17;
const CONNACK: usize = 4;
const SUBSCRIBE: usize = 11;
const SUBACK: usize = 5;

/// Where the connection is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    FromClient(usize),
    FromBroker(usize),
}

impl Cut {
    fn budget(self) -> Budget {
        match self {
            Self::FromClient(from_client) => Budget {
                from_client,
                ..Budget::UNLIMITED
            },
            Self::FromBroker(from_broker) => Budget {
                from_broker,
                ..Budget::UNLIMITED
            },
        }
    }
}

fn cuts(from_client: Range<usize>, from_broker: Range<usize>) -> Vec<Cut> {
    let from_client = from_client.map(Cut::FromClient);
    from_client
        .chain(from_broker.map(Cut::FromBroker))
        .collect()
}

/// Runs `deliver` for each cut, with a number that no other has, and says how often the
/// client had to come back.
fn for_each(cuts: &[Cut], deliver: impl Fn(usize, Cut) -> CuttingProxy + Sync) -> usize {
    let (next, returns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&cut) = cuts.get(number) else { return };
                    let proxy = deliver(number, cut);
                    returns.fetch_add(proxy.connections() - 1, Ordering::Relaxed);
                }
            });
        }
    });
    returns.into_inner()
}

// 3.1.1 [MQTT-4.3.3-1] [MQTT-4.4.0-1]
#[test]
fn mq_pub_delivers_exactly_once_wherever_it_is_cut() {
    let broker = Broker::local();
    // PUBLISH, PUBREL, DISCONNECT; PUBREC, PUBCOMP.
    let cuts = cuts(CONNECT + 1..CONNECT + 18, CONNACK + 1..CONNACK + 9);
    let returns = for_each(&cuts, |number, cut| {
        let topic = format!("t/{number:02}");
        let subscriber = Program::typed(&format!("mq-sub -q 2 -C 2 -i s{number:02} -t {topic}"))
            .port(broker.port())
            .start();
        broker.wait_for_log(&format!("Sending SUBACK to s{number:02}"));
        let proxy = CuttingProxy::with_budgets(broker.port(), vec![cut.budget()]);
        Program::typed(&format!("mq-pub -l -q 2 -c -i p{number:02} -t {topic}"))
            .port(proxy.port())
            .stdin("x\n")
            .run()
            .succeeds();
        broker
            .typed(&format!("mq-pub -q 2 -m last -t {topic}"))
            .run()
            .succeeds();
        eprintln!("{cut:?}");
        subscriber.ends().succeeds().prints("x\nlast\n");
        proxy
    });
    assert!(returns >= 20, "only {returns} cuts were noticed");
}

// 3.1.1 [MQTT-4.3.3-2] [MQTT-4.4.0-1]
#[test]
fn mq_sub_prints_exactly_once_wherever_it_is_cut() {
    let broker = Broker::local();
    let (client, server) = (CONNECT + SUBSCRIBE, CONNACK + SUBACK);
    // PUBREC and PUBCOMP of both messages; PUBLISH and PUBREL of both.
    let cuts = cuts(client + 1..client + 17, server + 1..server + 37);
    let returns = for_each(&cuts, |number, cut| {
        let topic = format!("t/{number:02}");
        let proxy = CuttingProxy::with_budgets(broker.port(), vec![cut.budget()]);
        let subscriber = Program::typed(&format!("mq-sub -c -q 2 -C 2 -i s{number:02} -t {topic}"))
            .port(proxy.port())
            .start();
        broker.wait_for_log(&format!("Sending SUBACK to s{number:02}"));
        broker
            .typed(&format!("mq-pub -l -q 2 -t {topic}"))
            .stdin("first\nsecond\n")
            .run()
            .succeeds();
        eprintln!("{cut:?}");
        subscriber.ends().succeeds().prints("first\nsecond\n");
        proxy
    });
    assert!(returns >= 40, "only {returns} cuts were noticed");
}
