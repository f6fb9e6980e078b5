//! Retained messages, many, deep, heavy, and asked for again and again.

use super::hostile_client::{retained, subscribe_to};
use super::{Attack, LONG};
use crate::wire::*;

#[test]
fn retained_messages_with_390_000_user_properties() {
    let properties = user("", "").repeat(if LONG { 390_000 } else { 100_000 });
    Attack::by(1, if LONG { 40 } else { 10 })
        .within(3)
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            for round in hostile.rounds() {
                let topic = format!("hostile/{round}");
                wire.send(publish_with(V5, 1, &topic, 0, &properties, b"x"))?;
            }
            wire.settle()
        });
}

#[test]
fn retained_messages_that_expire_at_once() {
    Attack::by(2, 30_000)
        .config("retain_expiry_interval 1")
        .within(1)
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            for round in hostile.rounds() {
                let topic = format!("hostile/{}/{round}", hostile.number);
                let expiry = four(MESSAGE_EXPIRY, 1);
                wire.send(publish_with(V5, 1, &topic, 0, &expiry, b"x"))?;
            }
            wire.settle()
        });
}

#[test]
fn one_retained_message_is_replaced_all_the_time() {
    Attack::by(3, 100_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        wire.send(subscribe_to(0, &["hostile/+"]))?;
        for _ in hostile.rounds() {
            wire.send(retained("hostile/one", &[b'x'; 2_000]))?;
        }
        wire.settle()
    });
}

#[test]
fn retained_topics_of_200_levels() {
    Attack::by(1, if LONG { 20_000 } else { 5_000 })
        .within(2)
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            let rest = "/x".repeat(190);
            for round in hostile.rounds() {
                wire.send(retained(&format!("hostile/{round}{rest}"), b"x"))?;
            }
            wire.settle()
        });
}

#[test]
fn retained_messages_without_end() {
    Attack::by(3, 1_000_000)
        .memory_limit(100_000_000)
        .within(1)
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            for round in hostile.rounds() {
                let topic = format!("hostile/{}/{round}", hostile.number);
                wire.send(retained(&topic, &[b'x'; 1_000]))?;
            }
            Ok(())
        });
}
