//! Sessions that come, go, stay, and are taken over.

use std::io;

use super::hostile_client::{Wire, publish, subscribe_to};
use super::{Attack, Hostile, LONG};
use crate::wire::*;

#[test]
fn takeovers_of_one_client_identifier() {
    Attack::by(4, 5_000).run(|hostile| {
        for _ in hostile.rounds() {
            let mut wire = hostile.dial()?;
            wire.send(V5.persistent("shared").bytes())?;
            wire.send(publish("hostile/x", b"x").repeat(10))?;
            // Another has the identifier before the broker can answer.
            let _ = wire.wait_for(0x20);
        }
        Ok(())
    });
}

#[test]
fn takeovers_of_a_session_with_a_large_queue() {
    let messages = if LONG { 50_000 } else { 5_000 };
    Attack::by(2, 1_000).within(1).run(|hostile| {
        let id = hostile.id();
        let session = V5.persistent(&format!("{id}-r"));
        let mut reader = hostile.connect_with(&session)?;
        reader.send(subscribe_to(1, &["hostile"]))?;
        reader.settle()?;
        drop(reader);
        fill(hostile, messages)?;
        for _ in hostile.rounds() {
            let mut wire = hostile.dial()?;
            wire.reads = false;
            wire.send(session.bytes())?;
        }
        Ok(())
    });
}

#[test]
fn wills_in_a_storm() {
    Attack::by(4, 5_000).run(|hostile| {
        for round in hostile.rounds() {
            let id = format!("{}-{round}", hostile.id());
            drop(hostile.connect_with(&V5.connect(&id).will(1, true, &[]))?);
        }
        Ok(())
    });
}

#[test]
fn wills_with_100_000_user_properties() {
    let properties = user("", "").repeat(if LONG { 90_000 } else { 12_000 });
    Attack::by(1, if LONG { 100 } else { 30 })
        .within(3)
        .run(|hostile| {
            let mut crowd = Vec::new();
            for round in hostile.rounds() {
                let id = format!("{}-{round}", hostile.id());
                crowd.push(hostile.connect_with(&V5.connect(&id).will(1, false, &properties))?);
            }
            Ok(())
        });
}

#[test]
fn wills_that_are_due_all_at_once() {
    Attack::by(2, 2_000).within(1).run(|hostile| {
        for round in hostile.rounds() {
            let id = format!("{}-{round}", hostile.id());
            let delay = four(0x18, 1);
            drop(hostile.connect_with(&V5.persistent(&id).will(1, false, &delay))?);
        }
        Ok(())
    });
}

#[test]
fn persistent_sessions_without_end() {
    Attack::by(4, 100_000)
        .within(1)
        .memory_limit(100_000_000)
        .run(|hostile| {
            for _ in hostile.rounds() {
                let id = format!("{:016x}", hostile.random.below(u64::MAX));
                let mut wire = hostile.connect_with(&V5.persistent(&id))?;
                wire.send(subscribe_to(1, &[format!("hostile/{id}/#")]))?;
                wire.send([0xe0, 0])?;
            }
            Ok(())
        });
}

#[test]
fn sessions_that_expire_all_at_once() {
    Attack::by(4, 2_000).within(3).run(|hostile| {
        for round in hostile.rounds() {
            let id = format!("{}-{round}", hostile.id());
            let connect = V5.connect(&id).property(&four(SESSION_EXPIRY, 1));
            let mut wire = hostile.connect_with(&connect)?;
            let filters: Vec<_> = (0..50).map(|number| format!("{id}/{number}")).collect();
            wire.send(subscribe_to(1, &filters))?;
            wire.settle()?;
        }
        Ok(())
    });
}

#[test]
fn client_identifiers_of_65_535_bytes() {
    Attack::by(4, 100_000)
        .memory_limit(100_000_000)
        .run(|hostile| {
            for round in hostile.rounds() {
                let id = format!("{:0>65535}", round * 10 + hostile.number);
                drop(hostile.connect_with(&V5.persistent(&id))?);
            }
            Ok(())
        });
}

#[test]
fn a_thousand_clients_leave_at_once() {
    Attack::by(1, 5).within(3).run(|hostile| {
        for round in hostile.rounds() {
            let mut crowd: Vec<Wire> = Vec::new();
            for number in 0..1_000 {
                let id = format!("{round}-{number}");
                let mut wire = hostile.connect_with(&V5.connect(&id).will(0, false, &[]))?;
                wire.send(subscribe_to(0, &["hostile/+", "#"]))?;
                crowd.push(wire);
            }
            drop(crowd);
        }
        Ok(())
    });
}

/// Publishes small messages at QoS 1.
fn fill(hostile: &Hostile, messages: usize) -> io::Result<()> {
    let mut wire = hostile.connect()?;
    for number in 0..messages {
        let id = (number % 60_000) as u16 + 1;
        wire.send(publish_with(V5, 2, "hostile", id, &[], b"x"))?;
    }
    wire.settle()
}

#[test]
fn a_session_with_60_000_filters_and_a_group_starts_afresh() {
    let (filters, messages) = if LONG {
        (60_000, 150_000)
    } else {
        (10_000, 30_000)
    };
    Attack::by(1, 2)
        .within(4)
        .config("max_queued_messages 0")
        .run(|hostile| {
            for _ in hostile.rounds() {
                let mut wire = hostile.connect_with(&V5.persistent("heavy"))?;
                let names: Vec<_> = (0..filters)
                    .map(|number| format!("other/{number}"))
                    .collect();
                for names in names.chunks(200) {
                    wire.send(subscribe_to(1, names))?;
                }
                wire.send(subscribe_to(1, &["$share/group/hostile"]))?;
                wire.settle()?;
                drop(wire);
                fill(hostile, messages)?;
                hostile.connect_with(&V5.connect("heavy"))?.settle()?;
            }
            Ok(())
        });
}
