//! The end of the run: everybody finishes, and the books are compared.

use std::collections::HashMap;

use super::connection::{Broken, Connection};
use super::publisher::{Message, Publisher};
use super::subscriber::Subscriber;
use crate::support::raw_client::{PINGREQ, PINGRESP};
use crate::wire::{Publish, V311, subscribe};

/// How many faults are worth showing.
const SHOWN: usize = 20;

/// Lets everybody finish, and compares what was sent with what came.
///
/// # Panics
///
/// When a message is missing, a QoS 2 message came twice, or a retained one is not the last.
pub(crate) fn check(port: u16, publishers: &mut [Publisher], subscribers: &mut [Subscriber]) {
    for publisher in &mut *publishers {
        publisher.finish(port);
    }
    // One of each QoS.
    let last: Vec<Message> = publishers
        .iter()
        .flat_map(|publisher| publisher.messages().rev().take(2))
        .collect();
    for subscriber in &mut *subscribers {
        // Nothing comes behind the last ones; what is missing by then is lost.
        subscriber.finish(port, |subscriber| {
            last.iter().all(|message| subscriber.times(*message) > 0)
        });
    }
    let mut faults = Vec::new();
    for publisher in &*publishers {
        for message in publisher.messages() {
            for subscriber in &*subscribers {
                let times = subscriber.times(message);
                let qos = subscriber.granted_qos(message);
                if times == 0 || qos == 2 && times > 1 {
                    let client_id = &subscriber.client_id;
                    faults.push(format!(
                        "{client_id} got {message:?} {times} times at QoS {qos}"
                    ));
                }
            }
        }
    }
    faults.extend(wrong_retained(port, publishers));
    let shown = faults[..faults.len().min(SHOWN)].join("\n");
    assert!(faults.is_empty(), "{} faults:\n{shown}", faults.len());
}

/// The topics whose retained message is not the last that was published to them.
fn wrong_retained(port: u16, publishers: &[Publisher]) -> Vec<String> {
    let mut expected = HashMap::new();
    for publisher in publishers {
        let messages = publisher.messages().filter(|message| message.retain());
        expected.extend(messages.map(|message| (message.topic(), message)));
    }
    let found = retained(port);
    let mut faults = Vec::new();
    for (topic, message) in &expected {
        let kept = found.get(topic);
        if kept != Some(message) {
            faults.push(format!(
                "retained on {topic}: {kept:?} instead of {message:?}"
            ));
        }
    }
    faults
}

fn retained(port: u16) -> HashMap<String, Message> {
    ask_for_retained(port).expect("nobody kills the broker any more")
}

fn ask_for_retained(port: u16) -> Result<HashMap<String, Message>, Broken> {
    let mut connection = Connection::open(port, &V311.connect("newcomer"))?;
    connection.send(subscribe(V311, 1, &[], &[("crash/#", 0)]));
    connection.send(PINGREQ);
    let mut found = HashMap::new();
    let mut answers = 0;
    while answers < 3 {
        let (first, body) = connection.packet()?;
        match first {
            0x31 => {
                let message = Message::parse(&Publish::parse(V311, first, &body));
                found.insert(message.topic(), message);
            }
            0x90 => {}
            _ => {
                assert_eq!(first, PINGRESP[0], "{body:02x?}");
                // An answer may overtake a message once.
                answers += 1;
                connection.send(PINGREQ);
            }
        }
    }
    Ok(found)
}
