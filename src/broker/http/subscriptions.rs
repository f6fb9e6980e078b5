//! `/api/v1/subscriptions`: who gets the messages of a topic, and why somebody does not.

use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

use super::api_error::ApiError;
use super::login::Caller;
use super::page_of::{Listing, Page};
use super::state::Api;
use crate::broker::session::Session;
use crate::protocol::{TopicFilter, TopicName, topic_matches};

/// Query of the subscriptions that match a topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    topic: String,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// A subscription that matches the topic.
#[derive(Serialize)]
pub(super) struct Entry {
    client_id: String,
    username: Option<String>,
    topic_filter: String,
    qos: u8,
    is_connected: bool,
    /// Set if the client gets the messages.
    is_delivered: bool,
    /// The reason for that.
    reason: &'static str,
}

/// `GET /api/v1/subscriptions?topic=…`.
pub(super) async fn list(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<Topic>,
) -> Result<Json<Listing<Entry>>, ApiError> {
    caller.require_admin()?;
    let topic = TopicName::try_from(query.topic.as_str())
        .map_err(|error| ApiError::bad_request(format!("topic: {error}.")))?;
    let mut page = Page::new(query.offset, query.limit);
    for part in api.broker.sessions.parts() {
        for session in part {
            let found = matching(&session, &topic);
            if found.is_empty() {
                continue;
            }
            let may_read = session.may_read(&api.broker.env.access, &topic);
            for (filter, qos) in found {
                let key = (session.client_id().to_string(), filter.to_string());
                page.add(key, || entry(&session, &filter, qos, may_read));
            }
        }
        yield_now().await;
    }
    Ok(Json(page.finish()))
}

/// Returns the session's filters that match the topic, with their QoS.
fn matching(session: &Session, topic: &TopicName) -> Vec<(TopicFilter, u8)> {
    let state = session.state();
    let subscriptions = state.registration.subscriptions.iter();
    let is_match = |filter: &TopicFilter| match filter.shared() {
        Some(shared) => topic_matches(&shared.filter, topic),
        None => topic_matches(filter, topic),
    };
    subscriptions
        .filter(|(filter, _)| is_match(filter))
        .map(|(filter, stored)| (filter.to_owned_filter(), stored.granted.qos.into()))
        .collect()
}

fn entry(session: &Session, filter: &TopicFilter, qos: u8, may_read: bool) -> Entry {
    let identity = session.identity();
    let is_connected = session.is_connected();
    let reason = match (may_read, is_connected, filter.is_shared()) {
        (false, ..) => "no rule lets the user read the topic",
        (true, _, true) => "one member of the shared subscription gets each message",
        (true, true, false) => "the user may read the topic",
        (true, false, false) if qos == 0 => "the client is away, and QoS 0 is not queued",
        (true, false, false) => "the message is queued until the client comes back",
    };
    Entry {
        client_id: identity.client_id.to_string(),
        username: identity.username.as_ref().map(ToString::to_string),
        topic_filter: filter.to_string(),
        qos,
        is_connected,
        is_delivered: may_read && (is_connected || qos > 0),
        reason,
    }
}
