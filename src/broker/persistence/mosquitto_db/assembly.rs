//! From single chunks, which may come in any order, to what belongs together.

use std::collections::HashMap;
use std::sync::Arc;

use super::chunk::{Client, ClientMessage, Direction, Message, MessageId, Subscription, Username};
use super::reader::{Reader, invalid};
use super::snapshot::{
    Snapshot, SnapshotClient, SnapshotDelivery, SnapshotError, SnapshotIncoming, SnapshotMessage,
    SnapshotStage, SnapshotSubscription, SnapshotWarning,
};
use crate::protocol::{QoS, Text};

/// The chunks so far. What speaks of others waits until all have been read.
#[derive(Default)]
pub(super) struct Assembly {
    clients: Vec<SnapshotClient>,
    /// The index of each client in `clients`.
    numbers: HashMap<Text, usize>,
    messages: HashMap<MessageId, Arc<SnapshotMessage>>,
    client_messages: Vec<(usize, ClientMessage)>,
    subscriptions: Vec<(usize, Subscription)>,
    retained: Vec<(usize, MessageId)>,
    warnings: Vec<SnapshotWarning>,
}

impl Assembly {
    /// Takes the chunk that starts at `offset`.
    pub(super) fn add(
        &mut self,
        offset: usize,
        kind: u32,
        mut body: Reader<'_>,
    ) -> Result<(), SnapshotError> {
        match kind {
            // How Mosquitto counts its messages.
            1 => {}
            2 => {
                let Message { id, message } = Message::read(body)?;
                if self.messages.insert(id, Arc::new(message)).is_some() {
                    let problem = "this one was there before";
                    return Err(invalid(offset, "a new message", problem));
                }
            }
            3 => {
                let message = ClientMessage::read(body)?;
                self.client_messages.push((offset, message));
            }
            4 => self.retained.push((offset, body.message_id()?)),
            5 => {
                let subscription = Subscription::read(body)?;
                self.subscriptions.push((offset, subscription));
            }
            6 => self.add_client(offset, Client::read(body)?)?,
            kind => {
                let warning = SnapshotWarning::UnknownChunk { offset, kind };
                self.warnings.push(warning);
            }
        }
        Ok(())
    }

    /// Puts together what belongs together.
    pub(super) fn finish(mut self) -> Result<Snapshot, SnapshotError> {
        for (offset, subscription) in std::mem::take(&mut self.subscriptions) {
            if let Some(client) = self.client(offset, &subscription.client_id) {
                client.subscriptions.push(SnapshotSubscription {
                    filter: subscription.filter,
                    options: subscription.options,
                    identifier: subscription.identifier,
                });
            }
        }
        for (offset, entry) in std::mem::take(&mut self.client_messages) {
            let message = self.message(offset, &entry.id)?;
            if let Some(client) = self.client(offset, &entry.client_id) {
                client.add_message(offset, entry, message)?;
            }
        }
        let retained = self
            .retained
            .iter()
            .map(|(offset, id)| self.message(*offset, id))
            .collect::<Result<_, _>>()?;
        Ok(Snapshot {
            clients: self.clients,
            retained,
            warnings: self.warnings,
        })
    }

    fn add_client(&mut self, offset: usize, client: Client) -> Result<(), SnapshotError> {
        let client_id = client.client_id.clone();
        let number = self.clients.len();
        if self.numbers.insert(client_id.clone(), number).is_some() {
            let problem = format!("{client_id} was there before");
            return Err(invalid(offset, "a new client", problem));
        }
        let username = match client.username {
            Username::None => None,
            Username::Name(name) => Some(name),
            Username::Unreadable => {
                self.warnings.push(SnapshotWarning::Username(client_id));
                None
            }
        };
        self.clients.push(SnapshotClient {
            client_id: client.client_id,
            username,
            port: client.port,
            session_expiry: client.session_expiry,
            expires_at: client.expires_at,
            last_packet_id: client.last_packet_id,
            subscriptions: Vec::new(),
            outgoing: Vec::new(),
            incoming: Vec::new(),
        });
        Ok(())
    }

    /// The client that the chunk at `offset` belongs to; a warning if there is none.
    fn client(&mut self, offset: usize, client_id: &Text) -> Option<&mut SnapshotClient> {
        let Some(&number) = self.numbers.get(client_id) else {
            self.warnings.push(SnapshotWarning::UnknownClient {
                offset,
                client_id: client_id.clone(),
            });
            return None;
        };
        Some(&mut self.clients[number])
    }

    /// The message that the chunk at `offset` speaks of.
    fn message(
        &self,
        offset: usize,
        id: &MessageId,
    ) -> Result<Arc<SnapshotMessage>, SnapshotError> {
        let message = self.messages.get(id).cloned();
        message.ok_or_else(|| invalid(offset, "a message of the file", "there is no such message"))
    }
}

impl SnapshotClient {
    fn add_message(
        &mut self,
        offset: usize,
        entry: ClientMessage,
        message: Arc<SnapshotMessage>,
    ) -> Result<(), SnapshotError> {
        match entry.direction {
            Direction::Outgoing => self.outgoing.push(SnapshotDelivery {
                stage: stage(offset, &entry)?,
                message,
                qos: entry.qos,
                retain: entry.retain,
                subscription_ids: entry.subscription_ids,
            }),
            Direction::Incoming => self.incoming.push(SnapshotIncoming {
                packet_id: entry
                    .packet_id
                    .ok_or_else(|| invalid(offset, "a packet identifier", 0))?,
                message,
            }),
        }
        Ok(())
    }
}

/// Returns the stage of a delivery, as Mosquitto understands its own states.
///
/// A message that is not queued is sent again: in state 9 as a PUBREL, otherwise as a PUBLISH.
fn stage(offset: usize, entry: &ClientMessage) -> Result<SnapshotStage, SnapshotError> {
    const AWAITING_PUBCOMP: u8 = 9;
    const QUEUED: u8 = 11;
    if entry.qos == QoS::AtMostOnce || entry.state == QUEUED {
        return Ok(SnapshotStage::Queued);
    }
    let packet_id = entry
        .packet_id
        .ok_or_else(|| invalid(offset, "a packet identifier", 0))?;
    Ok(match (entry.qos, entry.state) {
        (QoS::ExactlyOnce, AWAITING_PUBCOMP) => SnapshotStage::AwaitingPubComp(packet_id),
        (QoS::ExactlyOnce, _) => SnapshotStage::AwaitingPubRec(packet_id),
        _ => SnapshotStage::AwaitingPubAck(packet_id),
    })
}
