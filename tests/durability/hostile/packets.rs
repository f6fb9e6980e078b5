//! Packets that are small, many, useless or wrong.

use super::hostile_client::publish;
use super::{Attack, Hostile};
use crate::wire::*;

/// Sends `packets` in each of the rounds, on one connection.
#[track_caller]
fn repeat(clients: usize, rounds: usize, packets: &[u8]) {
    Attack::by(clients, rounds).run(|hostile| {
        let mut wire = hostile.connect()?;
        for _ in hostile.rounds() {
            wire.send(packets)?;
        }
        wire.settle()
    });
}

#[test]
fn pings_in_a_storm() {
    repeat(3, 20_000, &[0xc0, 0].repeat(1_000));
}

#[test]
fn pubrels_for_nothing() {
    let pubrels: Vec<_> = (1..1_000).flat_map(|id| ack(0x62, id)).collect();
    repeat(3, 20_000, &pubrels);
}

#[test]
fn pubrecs_for_nothing() {
    let pubrecs: Vec<_> = (1..1_000).flat_map(|id| ack(0x50, id)).collect();
    repeat(3, 20_000, &pubrecs);
}

#[test]
fn acknowledgements_of_nothing() {
    let acks: Vec<_> = (1..1_000)
        .flat_map(|id| [ack(0x40, id), ack(0x70, id)].concat())
        .collect();
    repeat(3, 20_000, &acks);
}

#[test]
fn packets_one_byte_a_write() {
    Attack::by(3, 100_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        for _ in hostile.rounds() {
            for byte in publish("hostile/slow", b"payload") {
                wire.send([byte])?;
            }
        }
        wire.settle()
    });
}

#[test]
fn large_packets_one_kibibyte_a_write() {
    Attack::by(20, 50).run(|hostile| {
        let mut wire = hostile.connect()?;
        let packet = publish("hostile/large", &[b'x'; 1_900_000]);
        for _ in hostile.rounds() {
            for chunk in packet.chunks(1024).take_while(|_| hostile.has_time()) {
                wire.send(chunk)?;
            }
        }
        Ok(())
    });
}

#[test]
fn topic_aliases_set_anew_by_each_message() {
    Attack::by(3, 20_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        let topic = "x".repeat(1_000);
        for round in hostile.rounds() {
            for alias in 1..=10 {
                let topic = format!("{topic}{round}");
                let properties = two(TOPIC_ALIAS, alias);
                wire.send(publish_with(V5, 0, &topic, 0, &properties, b""))?;
            }
        }
        wire.settle()
    });
}

#[test]
fn qos_2_messages_that_are_never_released() {
    Attack::by(3, 100).run(|hostile| {
        for round in hostile.rounds() {
            let id = format!("{}-{round}", hostile.id());
            let mut wire = hostile.connect_with(&V311.persistent(&id))?;
            let packets = (1..5_000).map(|id| publish_with(V311, 4, "hostile/held", id, &[], b"x"));
            wire.send(packets.collect::<Vec<_>>().concat())?;
            wire.settle()?;
        }
        Ok(())
    });
}

#[test]
fn messages_that_are_never_acknowledged() {
    Attack::by(2, 100).run(|hostile| {
        let mut reader = hostile.connect_with(&V311.persistent(&format!("{}-r", hostile.id())))?;
        reader.send(subscribe(V311, 1, &[], &[("hostile/#", 2)]))?;
        let mut wire = hostile.connect()?;
        for _ in hostile.rounds() {
            let packets = (1..5_000).map(|id| publish_with(V5, 2, "hostile/x", id, &[], b"x"));
            wire.send(packets.collect::<Vec<_>>().concat())?;
            reader.settle()?;
        }
        Ok(())
    });
}

#[test]
fn packets_that_are_malformed() {
    Attack::by(4, 2_000).run(|hostile| {
        let bad: [&[u8]; 5] = [
            &[0x36, 3, 0, 1, b'a'],
            &[0x82, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 4, 0, 9, b'a', b'b'],
            &[0xf0, 0],
            &[0x10, 4, 0, 4, b'M', b'Q'],
        ];
        for round in hostile.rounds() {
            let mut wire = hostile.connect()?;
            wire.send(bad[round % bad.len()])?;
        }
        Ok(())
    });
}

#[test]
fn a_flood_that_nobody_reads() {
    let messages = publish("hostile/flood", &[b'x'; 100]).repeat(500);
    repeat(3, 100_000, &messages);
}

#[test]
fn user_properties_in_every_message() {
    let properties = user("", "").repeat(1_000);
    let message = publish_with(V5, 0, "hostile/properties", 0, &properties, b"");
    Attack::by(2, 10_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        wire.send(subscribe(V5, 1, &[], &[("hostile/#", 0)]))?;
        for _ in hostile.rounds() {
            wire.send(message.repeat(10))?;
        }
        wire.settle()
    });
}

#[test]
fn one_client_in_all_groups_of_its_own_messages() {
    Attack::by(2, 2_000).run(echo_to_itself);
}

/// Publishes to itself, through a thousand groups.
fn echo_to_itself(hostile: &mut Hostile) -> std::io::Result<()> {
    let mut wire = hostile.connect()?;
    let topic = format!("hostile/{}", hostile.number);
    let filters: Vec<_> = (0..1_000)
        .map(|group| format!("$share/g{group}/{topic}"))
        .collect();
    wire.send(super::hostile_client::subscribe_to(0, &filters))?;
    for _ in hostile.rounds() {
        wire.send(publish(&topic, b"x"))?;
        wire.settle()?;
    }
    Ok(())
}
