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

#[test]
fn retained_messages_come_and_go() {
    Attack::by(3, 10_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        let topics: Vec<_> = (0..100)
            .map(|topic| format!("hostile/{}/{topic}", hostile.number))
            .collect();
        let set: Vec<_> = topics
            .iter()
            .flat_map(|topic| retained(topic, b"x"))
            .collect();
        let clear: Vec<_> = topics
            .iter()
            .flat_map(|topic| retained(topic, b""))
            .collect();
        for _ in hostile.rounds() {
            wire.send(&set)?;
            wire.send(&clear)?;
        }
        wire.settle()
    });
}

#[test]
fn retained_messages_are_asked_for_again_and_again() {
    Attack::by(3, 10_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        for number in 0..2_000 {
            wire.send(retained(&format!("hostile/{number}/x"), &[b'x'; 100]))?;
        }
        for _ in hostile.rounds() {
            wire.send(subscribe_to(0, &["hostile/#"]))?;
        }
        wire.settle()
    });
}

#[test]
fn filters_that_search_all_retained_messages_and_find_none() {
    Attack::by(3, 10_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        for number in 0..3_000 {
            wire.send(retained(
                &format!("{}/{}/{number}", number % 7, number % 90),
                b"x",
            ))?;
        }
        for _ in hostile.rounds() {
            wire.send(subscribe_to(
                0,
                &["+/+/+/nothing", "+/+/nothing", "+/nothing/+"],
            ))?;
        }
        wire.settle()
    });
}
