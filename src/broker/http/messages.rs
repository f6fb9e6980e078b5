//! `/api/v1/topics` and `/api/v1/publish`: retained messages, and messages to clients.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

use super::api_error::ApiError;
use super::login::Caller;
use super::page_of::{Listing, Page};
use super::state::Api;
use crate::broker::message::Message;
use crate::broker::retained::{Retained, RetainedCursor};
use crate::protocol::{QoS, TopicFilter, TopicName};

/// Messages that are looked at before others have their turn.
const STEPS: usize = 512;
/// The longest payload in a list, in bytes; longer ones are cut off.
const MAX_SHOWN: usize = 4096;

/// Query of a list of retained messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topics {
    /// A topic filter; `#` if it is missing.
    filter: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// A retained message in a list.
#[derive(Serialize)]
pub(super) struct RetainedEntry {
    topic: String,
    qos: u8,
    /// The length of the payload in bytes.
    size: usize,
    /// The beginning of a payload that is text.
    payload: Option<String>,
    /// The beginning of any other payload, in Base64.
    payload_base64: Option<String>,
}

impl RetainedEntry {
    fn new(message: &Message) -> Self {
        let shown = &message.payload[..message.payload.len().min(MAX_SHOWN)];
        let text = match std::str::from_utf8(shown) {
            Ok(text) => Some(text),
            // A character may be cut at the end.
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&shown[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        Self {
            topic: message.topic.to_string(),
            qos: message.qos.into(),
            size: message.payload.len(),
            payload_base64: text.is_none().then(|| BASE64_STANDARD.encode(shown)),
            payload: text.map(str::to_owned),
        }
    }
}

/// `GET /api/v1/topics`: the retained messages that the user may read.
pub(super) async fn list(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<Topics>,
) -> Result<Json<Listing<RetainedEntry>>, ApiError> {
    let filter = query.filter.as_deref().unwrap_or("#");
    let filter = TopicFilter::try_from(filter)
        .map_err(|error| ApiError::bad_request(format!("filter: {error}.")))?;
    let broker = &api.broker;
    let mut page = Page::new(query.offset, query.limit);
    let (access, now) = (&broker.env.access, broker.clock().now());
    let mut cursor = RetainedCursor::new(&broker.retained, &filter);
    while !cursor.is_finished() {
        let mut steps = STEPS;
        while cursor.peek(&mut steps).is_some() {
            let Some(Retained { message, .. }) = cursor.take() else {
                break;
            };
            let may_read = caller.is_admin || access.may_read(&caller.identity, &message.topic);
            if may_read && !message.is_expired(now) {
                page.add(message.topic.to_string(), || RetainedEntry::new(&message));
            }
        }
        yield_now().await;
    }
    Ok(Json(page.finish()))
}

/// Query of one topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneTopic {
    topic: String,
}

/// `DELETE /api/v1/topics?topic=…`: deletes a retained message, as an empty one does.
pub(super) async fn clear(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(OneTopic { topic }): Query<OneTopic>,
) -> Result<StatusCode, ApiError> {
    let name = topic_name(&topic)?;
    require_write(&api, &caller, &name)?;
    if !api.broker.retained.contains(&name) {
        let text = format!("There is no retained message on '{topic}'.");
        return Err(ApiError::missing(text));
    }
    let empty = Message::of_broker(name, Bytes::new(), QoS::AtMostOnce, true);
    api.broker.publish(Arc::new(empty));
    Ok(StatusCode::NO_CONTENT)
}

/// Body of a message to publish.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    topic: String,
    #[serde(default)]
    payload: String,
    /// A payload that is no text, in Base64; `payload` is then empty.
    payload_base64: Option<String>,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
}

/// `POST /api/v1/publish`.
pub(super) async fn publish(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Publish>, axum::extract::rejection::JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(publish) = body.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let topic = topic_name(&publish.topic)?;
    require_write(&api, &caller, &topic)?;
    let qos = QoS::from_u8(publish.qos);
    let qos = qos.ok_or_else(|| ApiError::bad_request("qos must be 0, 1 or 2."))?;
    let payload = match &publish.payload_base64 {
        None => Bytes::from(publish.payload),
        Some(text) => BASE64_STANDARD
            .decode(text)
            .map_err(|error| ApiError::bad_request(format!("payload_base64: {error}.")))?
            .into(),
    };
    let message = Message::of_broker(topic, payload, qos, publish.retain);
    api.broker.publish(Arc::new(message));
    Ok(StatusCode::ACCEPTED)
}

fn topic_name(topic: &str) -> Result<TopicName, ApiError> {
    TopicName::try_from(topic).map_err(|error| ApiError::bad_request(format!("topic: {error}.")))
}

fn require_write(api: &Api, caller: &Caller, topic: &TopicName) -> Result<(), ApiError> {
    let access = &api.broker.env.access;
    match caller.is_admin || access.may_write(&caller.identity, topic) {
        true => Ok(()),
        false => Err(ApiError::forbidden(format!(
            "The access rules do not let {} publish on '{topic}'.",
            caller.name()
        ))),
    }
}
