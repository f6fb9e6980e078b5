//! CONNECTs that wait for an earlier connection of their client identifier to end.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio::sync::Notify;

use crate::broker::ground::ConnectionNumber;
use crate::protocol::Text;

/// The waiting CONNECTs of each client identifier, in the order they came.
#[derive(Default)]
pub(in crate::broker) struct WaitingConnects(HashMap<Text, VecDeque<Waiter>, RandomState>);

struct Waiter {
    connection: ConnectionNumber,
    turn: Arc<Notify>,
}

impl WaitingConnects {
    /// Returns whether no earlier CONNECT still waits.
    pub(in crate::broker) fn is_first(
        &self,
        client_id: &Text,
        connection: ConnectionNumber,
    ) -> bool {
        let first = self.0.get(client_id).and_then(VecDeque::front);
        first.is_none_or(|first| first.connection == connection)
    }

    /// Returns what wakes the first of those that wait.
    pub(in crate::broker) fn first(&self, client_id: &Text) -> Option<Arc<Notify>> {
        let first = self.0.get(client_id)?.front()?;
        Some(Arc::clone(&first.turn))
    }

    /// Takes the last place; the result is notified when something has changed for the first.
    pub(in crate::broker) fn join(
        &mut self,
        client_id: &Text,
        connection: ConnectionNumber,
    ) -> Arc<Notify> {
        let turn = Arc::<Notify>::default();
        let waiter = Waiter {
            connection,
            turn: Arc::clone(&turn),
        };
        let line = self.0.entry(client_id.clone()).or_default();
        line.push_back(waiter);
        turn
    }

    /// Gives the place back, and wakes the next one.
    pub(in crate::broker) fn leave(&mut self, client_id: &Text, connection: ConnectionNumber) {
        let Some(line) = self.0.get_mut(client_id) else {
            return;
        };
        line.retain(|waiter| waiter.connection != connection);
        match line.front() {
            Some(first) => first.turn.notify_one(),
            None => {
                self.0.remove(client_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connects_of_one_client_identifier_go_on_in_their_order() {
        let mut waiting = WaitingConnects::default();
        let client_id = Text::try_from("same").unwrap();
        let [first, second, third, other] = [(); 4].map(|()| ConnectionNumber::unused());
        assert!(waiting.is_first(&client_id, first));
        waiting.join(&client_id, first);
        waiting.join(&client_id, second);
        let turn = waiting.join(&client_id, third);
        // One that leaves before its turn changes nothing for the others.
        waiting.leave(&client_id, second);
        assert!(waiting.is_first(&client_id, first) && !waiting.is_first(&client_id, third));
        waiting.leave(&client_id, first);
        turn.notified().await;
        assert!(waiting.is_first(&client_id, third) && !waiting.is_first(&client_id, other));
        waiting.leave(&client_id, third);
        assert!(waiting.is_first(&client_id, other) && waiting.0.is_empty());
    }
}
