use std::collections::VecDeque;

use bytes::Bytes;
use tokio::net::UnixStream;

use crate::client::{Client, Error, Event};
use crate::protocol::{Properties, Publish, QoS, Subscription as Request, TopicName};

/// The messages of one topic filter, for the program that the broker is embedded in.
/// Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    client: Client<UnixStream>,
    /// Messages that came before the SUBACK, which is allowed [MQTT-3.8.4-1].
    early: VecDeque<Publish>,
}

/// A message that a subscription received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The topic that it was published to.
    pub topic: TopicName,
    /// The payload.
    pub payload: Bytes,
    /// The QoS of the delivery: the lower one of the message and the subscription.
    pub qos: QoS,
    /// Set for a retained message that was there before the subscription.
    pub retain: bool,
    /// The properties that its publisher gave it.
    pub properties: Properties,
}

impl Subscription {
    /// Subscribes, and waits for the broker's answer: what is published afterwards arrives.
    pub(super) async fn new(
        mut client: Client<UnixStream>,
        request: Request,
    ) -> Result<Self, Error> {
        let mut early = VecDeque::new();
        client.subscribe(vec![request], Properties::EMPTY);
        loop {
            match client.next_event()? {
                Some(Event::Subscribed(_)) => return Ok(Self { client, early }),
                Some(Event::Message(message)) => early.push_back(message),
                Some(_) => {}
                None => client.drive().await?,
            }
        }
    }

    /// The next message. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The broker has stopped.
    pub async fn next(&mut self) -> Result<Received, Error> {
        if let Some(message) = self.early.pop_front() {
            return Received::try_from(message);
        }
        loop {
            match self.client.next_event()? {
                Some(Event::Message(message)) => return Received::try_from(message),
                Some(_) => {}
                None => self.client.drive().await?,
            }
        }
    }
}

impl TryFrom<Publish> for Received {
    type Error = Error;

    fn try_from(publish: Publish) -> Result<Self, Error> {
        Ok(Self {
            qos: publish.delivery.qos(),
            // The client has put the topic in the place of an alias.
            topic: publish.topic.ok_or(Error::Protocol)?,
            payload: publish.payload,
            retain: publish.retain,
            properties: publish.properties,
        })
    }
}
