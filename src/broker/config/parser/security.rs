//! Security options that stand below a listener and count for all of them.
//!
//! Without `per_listener_settings` the last use of such an option counts everywhere. Where it
//! lifts a restriction that stands in another place, the file says one thing and means
//! another: that is refused.

use super::security_use::{Restriction, SecurityUse};
use super::{Argument, Parser, Row, Value, Wrong};

impl Parser {
    /// Notes a security option that counts for all listeners.
    pub(super) fn note_shared_security<T>(
        &mut self,
        row: &'static Row,
        value: &Value<T>,
        argument: &Argument<'_>,
    ) {
        let restriction = match (row.name(), value) {
            ("password_file" | "acl_file", _) => Restriction::File(argument.rest.to_vec()),
            (_, Value::Bool(_)) if value.is_switched_off(argument) => Restriction::InForce,
            (_, Value::Bool(_)) => Restriction::Lifted,
            _ => return,
        };
        if let Some(location) = self.location.clone() {
            self.security_uses.push(SecurityUse {
                option: row.name(),
                below: self.current.listener,
                restriction,
                location,
            });
        }
    }

    /// Refuses a security option that lifts, for all listeners, a restriction that stands
    /// elsewhere. With one listener there is no doubt who is meant.
    pub(super) fn check_shared_security(&mut self) {
        if self.listeners.len() + usize::from(self.default_listener.is_some()) < 2 {
            return;
        }
        let uses = std::mem::take(&mut self.security_uses);
        for (index, later) in uses.iter().enumerate() {
            let lifted = uses[..index].iter().find(|earlier| {
                earlier.option == later.option
                    && earlier.below != later.below
                    && later.restriction.lifts(&earlier.restriction)
            });
            if let Some(earlier) = lifted {
                let option = later.option;
                let wrong = Wrong::new(format!(
                    "Error: The '{option}' option counts for all listeners, and lifts the one at \
                     {}.",
                    earlier.location
                ))
                .hint(
                    "Make 'per_listener_settings true' the first line, so that each listener has \
                     its own, or give the option once.",
                );
                self.error_at(Some(later.location.clone()), wrong);
            }
        }
    }
}
