//! Messages that wait for somebody.

use super::hostile_client::{publish, subscribe_to};
use super::{Attack, LONG};
use crate::wire::*;

#[test]
fn a_subscriber_that_reads_nothing() {
    Attack::by(2, 100_000).run(|hostile| {
        let mut reader = hostile.connect_with(&V5.connect(&format!("{}-r", hostile.id())))?;
        reader.send(subscribe_to(0, &["hostile/#"]))?;
        reader.reads = false;
        let mut wire = hostile.connect()?;
        let messages = publish("hostile/x", &[b'x'; 1_000]).repeat(50);
        for _ in hostile.rounds() {
            wire.send(&messages)?;
        }
        Ok(())
    });
}

#[test]
fn a_subscriber_that_reads_a_byte_now_and_then() {
    Attack::by(2, 1_000).run(|hostile| {
        let mut reader = hostile.connect_with(&V5.connect(&format!("{}-r", hostile.id())))?;
        reader.send(subscribe_to(1, &["hostile/#"]))?;
        reader.reads = false;
        let mut wire = hostile.connect()?;
        for _ in hostile.rounds() {
            let packets =
                (1..500).map(|id| publish_with(V5, 2, "hostile/x", id, &[], &[b'x'; 500]));
            wire.send(packets.collect::<Vec<_>>().concat())?;
            reader.read_a_byte();
        }
        Ok(())
    });
}

#[test]
fn a_large_queue_fetched_one_at_a_time() {
    let messages = if LONG { 50_000 } else { 5_000 };
    Attack::by(2, 20).within(1).run(|hostile| {
        let connect = V5
            .persistent(&format!("{}-r", hostile.id()))
            .property(&two(RECEIVE_MAXIMUM, 1));
        let mut reader = hostile.connect_with(&connect)?;
        let topic = format!("hostile/{}", hostile.number);
        reader.send(subscribe_to(1, &[&topic]))?;
        reader.settle()?;
        drop(reader);
        let mut wire = hostile.connect()?;
        for number in 0..messages {
            let id = (number % 60_000) as u16 + 1;
            wire.send(publish_with(V5, 2, &topic, id, &[], b"x"))?;
        }
        wire.settle()?;
        for _ in hostile.rounds() {
            // Comes for one message, and goes.
            let mut reader = hostile.connect_with(&connect)?;
            let body = reader.wait_for(0x32)?;
            let message = Publish::parse(V5, 0x32, &body);
            reader.send(ack(0x40, message.id))?;
        }
        Ok(())
    });
}

#[test]
fn messages_that_expire_in_a_queue() {
    Attack::by(2, 20_000).within(1).run(|hostile| {
        let reader = V5.persistent(&format!("{}-r", hostile.id()));
        let mut absent = hostile.connect_with(&reader)?;
        absent.send(subscribe_to(1, &["hostile/#"]))?;
        absent.settle()?;
        drop(absent);
        let mut wire = hostile.connect()?;
        for round in hostile.rounds() {
            let id = (round % 60_000) as u16 + 1;
            let expiry = four(MESSAGE_EXPIRY, 1);
            wire.send(publish_with(V5, 2, "hostile/x", id, &expiry, b"x"))?;
        }
        wire.settle()?;
        hostile.connect_with(&reader)?.settle()
    });
}

#[test]
fn a_hundred_subscribers_to_a_flood_of_large_messages() {
    Attack::by(2, 10_000).run(|hostile| {
        let mut readers = Vec::new();
        for number in 0..100 {
            let id = format!("{}-{number}", hostile.id());
            let mut reader = hostile.connect_with(&V5.connect(&id))?;
            reader.send(subscribe_to(0, &["hostile/#"]))?;
            reader.reads = false;
            readers.push(reader);
        }
        let mut wire = hostile.connect()?;
        for _ in hostile.rounds() {
            wire.send(publish("hostile/x", &[b'x'; 100_000]))?;
        }
        Ok(())
    });
}

#[test]
fn queues_of_absent_clients() {
    Attack::by(2, 100_000)
        .memory_limit(100_000_000)
        .within(1)
        .run(|hostile| {
            for number in 0..20 {
                let connect = V5.persistent(&format!("{}-{number}", hostile.id()));
                let mut absent = hostile.connect_with(&connect)?;
                absent.send(subscribe_to(1, &["hostile/#"]))?;
                absent.settle()?;
            }
            let mut wire = hostile.connect()?;
            for round in hostile.rounds() {
                let id = (round % 60_000) as u16 + 1;
                wire.send(publish_with(V5, 2, "hostile/x", id, &[], &[b'x'; 1_000]))?;
            }
            wire.settle()
        });
}
