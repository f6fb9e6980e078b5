//! Many filters, deep filters, filters that match each other.

use std::io;

use super::hostile_client::{Wire, publish, subscribe_to};
use super::{Attack, LONG};
use crate::wire::*;

/// Subscribes to all filters, some hundred in a packet.
fn subscribe_all(wire: &mut Wire, qos: u8, filters: &[String]) -> io::Result<()> {
    for filters in filters.chunks(200) {
        wire.send(subscribe_to(qos, filters))?;
    }
    wire.settle()
}

/// The filters of `levels` levels, each of which is `+` or `a`.
fn plus_or_a(levels: u32) -> Vec<String> {
    let filter = |number: u32| {
        let levels = (0..levels).map(|bit| if number >> bit & 1 == 1 { "+" } else { "a" });
        levels.collect::<Vec<_>>().join("/")
    };
    (0..1 << levels).map(filter).collect()
}

#[test]
fn filters_of_plus_and_a_in_16_levels() {
    let levels = if LONG { 16 } else { 13 };
    Attack::by(1, 1_000)
        .within(2)
        .memory_limit(1_000_000_000)
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            let filters = plus_or_a(levels);
            subscribe_all(&mut wire, 0, &filters)?;
            for round in hostile.rounds() {
                // Nobody gets them: the last level is missing or another.
                let topic = format!("{}b{round}", "a/".repeat(levels as usize - 2));
                wire.send(publish(&topic, b""))?;
            }
            wire.settle()
        });
}

#[test]
fn messages_for_8192_filters_of_one_client() {
    Attack::by(2, 1_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        subscribe_all(&mut wire, 0, &plus_or_a(13))?;
        let topic = ["a"; 13].join("/");
        for _ in hostile.rounds() {
            wire.send(publish(&topic, b"x"))?;
        }
        wire.settle()
    });
}

#[test]
fn one_filter_comes_and_goes() {
    Attack::by(3, 100_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        let both = [subscribe_to(0, &["#"]), unsubscribe(V5, 2, &["#"])].concat();
        for _ in hostile.rounds() {
            wire.send(&both)?;
        }
        wire.settle()
    });
}

#[test]
fn ten_thousand_filters_come_and_go() {
    Attack::by(3, 1_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        let filters: Vec<_> = (0..10_000)
            .map(|number| format!("hostile/{number}/+"))
            .collect();
        let names: Vec<_> = filters.iter().map(String::as_str).collect();
        for _ in hostile.rounds() {
            subscribe_all(&mut wire, 0, &filters)?;
            for names in names.chunks(200) {
                wire.send(unsubscribe(V5, 2, names))?;
            }
            wire.settle()?;
        }
        Ok(())
    });
}

#[test]
fn unsubscribes_of_what_nobody_subscribed_to() {
    Attack::by(3, 10_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        let filters: Vec<_> = (0..500).map(|number| format!("{number}/+/#")).collect();
        let filters: Vec<_> = filters.iter().map(String::as_str).collect();
        let packet = unsubscribe(V5, 2, &filters);
        for _ in hostile.rounds() {
            wire.send(&packet)?;
        }
        wire.settle()
    });
}

#[test]
fn a_deep_group_comes_and_goes() {
    let filter = format!("$share/group{}/#", "/deep".repeat(150));
    Attack::by(3, 100_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        let both = [subscribe_to(0, &[&filter]), unsubscribe(V5, 2, &[&filter])].concat();
        for _ in hostile.rounds() {
            wire.send(&both)?;
        }
        wire.settle()
    });
}

#[test]
fn five_thousand_groups_and_ever_new_topics() {
    let (groups, topics) = if LONG {
        (5_000, 57_500)
    } else {
        (1_000, 5_000)
    };
    Attack::by(1, topics).within(2).run(|hostile| {
        let mut absent = hostile.connect_with(&V5.persistent("absent"))?;
        let filters: Vec<_> = (0..groups)
            .map(|group| format!("$share/g{group}/#"))
            .collect();
        subscribe_all(&mut absent, 0, &filters)?;
        drop(absent);
        let mut wire = hostile.connect()?;
        for round in hostile.rounds() {
            wire.send(publish(&format!("hostile/{round}"), b""))?;
        }
        wire.settle()
    });
}

#[test]
fn one_message_for_each_of_many_subscription_identifiers() {
    Attack::by(2, 10_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        for number in 0..2_000_u16 {
            let [high, low] = (number + 1).to_be_bytes();
            let id = [SUBSCRIPTION_ID, low | 0x80, (high << 1 | low >> 7).max(1)];
            let filter = format!(
                "hostile/{}/#",
                ["+"; 9][..usize::from(number % 9)].join("/")
            );
            wire.send(subscribe(V5, 1, &id, &[(&filter.replace("//", "/"), 0)]))?;
        }
        for _ in hostile.rounds() {
            wire.send(publish("hostile/a/b/c/d/e/f/g/h/i/j", b"x"))?;
        }
        wire.settle()
    });
}

#[test]
fn thousands_of_subscribers_to_the_sys_topics() {
    Attack::by(2, 1_000)
        .config("sys_interval 1")
        .within(1)
        .run(|hostile| {
            let mut crowd = Vec::new();
            for round in hostile.rounds() {
                let id = format!("{}-{round}", hostile.id());
                let mut wire = hostile.connect_with(&V5.connect(&id))?;
                wire.send(subscribe_to(0, &["$SYS/#"]))?;
                crowd.push(wire);
            }
            hostile.wait_until_its_time_is_over();
            Ok(())
        });
}

#[test]
fn filters_of_200_levels() {
    Attack::by(1, if LONG { 40_000 } else { 10_000 })
        .memory_limit(100_000_000)
        .within(2)
        .run(|hostile| {
            let mut wire = hostile.connect()?;
            let rest = "/x".repeat(190);
            for round in hostile.rounds() {
                wire.send(subscribe_to(0, &[format!("hostile/{round}{rest}")]))?;
            }
            wire.settle()
        });
}

#[test]
fn a_group_of_thousands_changes_all_the_time() {
    Attack::by(2, 20_000).run(|hostile| {
        let mut members = Vec::new();
        for _ in hostile.rounds().take(1_000) {
            let id = format!("{}-{}", hostile.id(), members.len());
            let mut wire = hostile.connect_with(&V5.connect(&id))?;
            wire.send(subscribe_to(0, &["$share/crowd/hostile/#"]))?;
            members.push(wire);
        }
        let mut wire = hostile.connect()?;
        for _ in hostile.rounds() {
            wire.send(subscribe_to(0, &["$share/crowd/hostile/#"]))?;
            wire.send(publish("hostile/x", b"x"))?;
            wire.send(unsubscribe(V5, 2, &["$share/crowd/hostile/#"]))?;
        }
        wire.settle()
    });
}

#[test]
fn topics_that_never_come_twice() {
    Attack::by(3, 100_000).run(|hostile| {
        let mut wire = hostile.connect()?;
        wire.send(subscribe_to(0, &["hostile/#", "+/+/#", "hostile/+/+"]))?;
        let rest = "x".repeat(400);
        for round in hostile.rounds() {
            let topic = format!("hostile/{}/{round}{rest}", hostile.number);
            wire.send(publish(&topic, b""))?;
        }
        wire.settle()
    });
}

#[test]
fn one_subscribe_with_490_000_filters() {
    let (topics, filters) = if LONG {
        (10_000, 490_000)
    } else {
        (2_000, 100_000)
    };
    Attack::by(3, 1).within(2).run(|hostile| {
        let mut wire = hostile.connect()?;
        for number in 0..topics {
            let topic = format!("kept/{number}");
            wire.send(super::hostile_client::retained(&topic, b"payload"))?;
        }
        wire.settle()?;
        wire.send(subscribe_to(0, &vec!["#"; filters]))?;
        wire.settle()
    });
}
