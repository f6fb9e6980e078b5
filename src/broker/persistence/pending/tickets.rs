use std::collections::HashMap;
use std::num::NonZeroU64;
use std::task::Waker;

use foldhash::fast::RandomState;

use super::super::ticket_number::TicketNumber;

/// The tickets that are not done.
#[derive(Default)]
pub(in super::super) struct Tickets {
    states: HashMap<TicketNumber, TicketState, RandomState>,
    last: u64,
}

struct TicketState {
    /// Changes, and one for being open.
    holds: usize,
    wakers: Vec<Waker>,
}

impl Tickets {
    /// Gives out a ticket, which is open.
    pub(in super::super) fn open(&mut self) -> TicketNumber {
        self.last += 1;
        let number = NonZeroU64::new(self.last).expect("counting begins at one");
        let number = TicketNumber(number);
        self.hold(number);
        number
    }

    /// Makes the ticket wait for one thing more.
    pub(super) fn hold(&mut self, ticket: TicketNumber) {
        let state = self.states.entry(ticket).or_insert(TicketState {
            holds: 0,
            wakers: Vec::new(),
        });
        state.holds += 1;
    }

    /// Lets a ticket go for one change, or for being open.
    pub(in super::super) fn release(&mut self, ticket: TicketNumber) {
        let Some(state) = self.states.get_mut(&ticket) else {
            return;
        };
        state.holds -= 1;
        if state.holds == 0 {
            let state = self.states.remove(&ticket);
            state
                .into_iter()
                .flat_map(|state| state.wakers)
                .for_each(Waker::wake);
        }
    }

    /// Returns whether a ticket is done; if not, wakes the waker when it is.
    pub(in super::super) fn poll_done(&mut self, ticket: TicketNumber, waker: &Waker) -> bool {
        let Some(state) = self.states.get_mut(&ticket) else {
            return true;
        };
        if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        false
    }

    pub(in super::super) fn is_done(&self, ticket: TicketNumber) -> bool {
        !self.states.contains_key(&ticket)
    }
}
