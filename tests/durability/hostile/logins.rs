//! Logins that are wrong.

use super::{Attack, LONG};
use crate::support::Program;
use crate::wire::*;

/// Wrong logins from one address, while the canary logs in from another.
#[track_caller]
fn flood(scheme: &str, logins: usize) {
    Attack::by(4, logins / 4)
        .within(if LONG { 8 } else { 2 })
        .broker(|builder| {
            let line = format!("mq-passwd {scheme} -b -c users honest password");
            Program::typed(&line)
                .in_folder(builder.folder())
                .run()
                .succeeds();
            builder.config("allow_anonymous false\npassword_file users")
        })
        .login("honest", "password")
        .run(|hostile| {
            for round in hostile.rounds() {
                let mut wire = hostile.dial_from([127, 0, 0, 2])?;
                let (user, password) = (string("honest"), string(&format!("wrong-{round}")));
                let connect = V311.connect(&hostile.id()).flags(0xc2);
                wire.send(connect.behind(&user).behind(&password).bytes())?;
            }
            hostile.wait_until_its_time_is_over();
            Ok(())
        });
}

#[test]
fn ten_thousand_wrong_logins_with_a_fast_hash() {
    flood("-H sha512", 10_000);
}

#[test]
fn a_thousand_wrong_logins_with_argon2id() {
    flood("-H argon2id", 1_000);
}

#[test]
fn ten_thousand_wrong_logins_with_pbkdf2() {
    flood("-H sha512-pbkdf2", 10_000);
}
