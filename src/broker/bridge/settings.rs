use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;

use super::negotiated::Negotiated;
use crate::broker::config::{Bridge, BridgeTopic, Config, StartType};
use crate::broker::ground::{BridgeLine, BridgeTopics, Identity, ListenerName};
use crate::client::ConnectOptions;
use crate::protocol::{InvalidTopic, Property, QoS, Text, TextError, TopicName, Will};

/// Meaning of a block of the configuration on this machine.
pub(super) struct Settings {
    pub(super) config: Bridge,
    /// The client identifier on the remote broker.
    pub(super) remote_id: Text,
    /// The bridge's identity on this broker.
    pub(super) identity: Arc<Identity>,
    pub(super) topics: Arc<BridgeTopics>,
    /// The topic of the bridge's state on both brokers, if it is published.
    pub(super) state_topic: Option<TopicName>,
    /// The number of messages that the remote broker may send at once.
    receive_maximum: NonZeroU16,
}

/// A name that MQTT does not allow.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    #[error("'{0}' cannot be a client identifier, a user name or a password")]
    Text(String),
    #[error("'{0}' cannot be the topic of the notifications: {1}")]
    Topic(String, InvalidTopic),
}

impl Settings {
    pub(super) fn new(bridge: &Bridge, config: &Config) -> Result<Self, SettingsError> {
        let host = host_name();
        let remote_id = text(&bridge.remote_client_id(&host))?;
        let username = bridge.local_username.as_deref().map(text).transpose()?;
        let identity = Identity {
            client_id: text(&bridge.local_client_id(&host))?,
            username,
            listener: Some(ListenerName::of_bridges()),
        };
        let state_topic = bridge
            .notification_topic
            .clone()
            .unwrap_or_else(|| format!("$SYS/broker/connection/{remote_id}/state"));
        let state_topic = match bridge.notifications {
            false => None,
            true => match TopicName::try_from(state_topic.as_str()) {
                Ok(topic) => Some(topic),
                Err(error) => return Err(SettingsError::Topic(state_topic, error)),
            },
        };
        bridge.remote_username.as_deref().map(text).transpose()?;
        let window = bridge
            .receive_maximum
            .unwrap_or(config.limits.max_inflight_messages);
        Ok(Self {
            remote_id,
            identity: Arc::new(identity),
            topics: Arc::new(topics(bridge)),
            state_topic,
            receive_maximum: NonZeroU16::new(window).unwrap_or(NonZeroU16::MAX),
            config: bridge.clone(),
        })
    }

    /// Returns the topic of the state on the remote broker, if it is published there.
    pub(super) fn remote_state_topic(&self) -> Option<&TopicName> {
        let is_remote = !self.config.notifications_local_only;
        self.state_topic.as_ref().filter(|_| is_remote)
    }

    /// Returns the contents of a CONNECT.
    pub(super) fn connect_options(&self, negotiated: &Negotiated) -> ConnectOptions {
        let bridge = &self.config;
        let mut options = ConnectOptions::new(negotiated.version);
        options.client_id = self.remote_id.clone();
        options.bridge = negotiated.is_private;
        options.clean_start = bridge.cleansession;
        options.keep_alive = bridge.keepalive_interval;
        options.username = bridge
            .remote_username
            .as_deref()
            .and_then(|name| text(name).ok());
        options.password = bridge.remote_password.clone().map(Bytes::from);
        options.will = self.remote_state_topic().map(|topic| Will {
            topic: topic.clone(),
            payload: Bytes::from_static(b"0"),
            qos: QoS::AtLeastOnce.min(negotiated.maximum_qos),
            retain: bridge.outgoing_retain && negotiated.retains,
            properties: [].into_iter().collect(),
        });
        if negotiated.version.is_v5() {
            let aliases = Some(bridge.max_topic_alias).filter(|&count| count > 0);
            let expiry = Some(bridge.session_expiry_interval).filter(|&seconds| seconds > 0);
            let properties = aliases.map(Property::TopicAliasMaximum).into_iter();
            let properties = properties.chain(expiry.map(Property::SessionExpiryInterval));
            let window = Property::ReceiveMaximum(self.receive_maximum);
            options.properties = properties.chain([window]).collect();
        }
        options
    }
}

/// Returns the name of this machine, of which the default client identifiers are made.
fn host_name() -> String {
    let name = nix::unistd::gethostname().ok();
    let name = name.and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

fn text(value: &str) -> Result<Text, SettingsError> {
    Text::try_from(value).map_err(|_: TextError| SettingsError::Text(value.to_owned()))
}

fn topics(bridge: &Bridge) -> BridgeTopics {
    let line = |topic: &BridgeTopic| BridgeLine {
        local: topic.local.clone(),
        remote: topic.remote.clone(),
        local_prefix: topic.local_prefix.clone(),
        remote_prefix: topic.remote_prefix.clone(),
        is_out: topic.direction.is_out(),
        is_in: topic.direction.is_in(),
        qos: topic.qos,
    };
    let mut topics = BridgeTopics::new(bridge.topics.iter().map(line).collect());
    topics.keeps_retain = bridge.outgoing_retain;
    topics.queues_qos0 = bridge.start_type == StartType::Lazy;
    topics
}
