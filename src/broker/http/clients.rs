//! `/api/v1/clients`: the sessions, connected or not.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tokio::task::yield_now;

use super::api_error::ApiError;
use super::login::Caller;
use super::page_of::{Listing, Page};
use super::state::Api;
use super::time::timestamp;
use crate::broker::ground::Clock;
use crate::broker::session::{Ending, Session, Summary};
use crate::protocol::{ProtocolVersion, Text};

/// Query of a list of clients.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Part of the client identifier, the user name or the address.
    search: Option<String>,
    connected: Option<bool>,
    #[serde(default)]
    sort: Sort,
    offset: Option<usize>,
    limit: Option<usize>,
}

/// Order of a list of clients; numbers come with the largest first.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    ClientId,
    QueuedMessages,
    QueuedBytes,
    InFlight,
    Subscriptions,
    LastActivity,
    ConnectedSince,
}

impl Sort {
    fn key(self, summary: &Summary) -> Reverse<u64> {
        Reverse(match self {
            Self::ClientId => 0,
            Self::QueuedMessages => summary.queued as u64,
            Self::QueuedBytes => summary.queued_bytes as u64,
            Self::InFlight => summary.in_flight as u64,
            Self::Subscriptions => summary.subscriptions as u64,
            Self::LastActivity => summary.last_activity,
            Self::ConnectedSince => summary.connection.map_or(0, |connection| connection.since),
        })
    }
}

/// A client in a list.
#[derive(Serialize)]
pub(super) struct Client {
    client_id: String,
    username: Option<String>,
    /// The name of the listener by which it came in.
    listener: Option<String>,
    is_connected: bool,
    address: Option<String>,
    /// The version of MQTT, such as `3.1.1`.
    version: Option<&'static str>,
    is_clean: bool,
    keep_alive: Option<u32>,
    connected_since: Option<String>,
    last_activity: String,
    subscriptions: usize,
    in_flight: usize,
    queued_messages: usize,
    queued_bytes: usize,
    unwritten_bytes: usize,
}

impl Client {
    fn new(summary: &Summary, clock: Clock) -> Self {
        let identity = &summary.identity;
        let connection = summary.connection.as_ref();
        let version = connection.map(|connection| match connection.version {
            ProtocolVersion::V31 => "3.1",
            ProtocolVersion::V311 => "3.1.1",
            ProtocolVersion::V5 => "5.0",
        });
        Self {
            client_id: identity.client_id.to_string(),
            username: identity.username.as_ref().map(Text::to_string),
            listener: identity.listener.as_ref().map(ToString::to_string),
            is_connected: connection.is_some(),
            address: connection
                .and_then(|connection| connection.address)
                .map(|address| address.to_string()),
            version,
            is_clean: summary.is_clean,
            keep_alive: connection.map(|connection| connection.keep_alive),
            connected_since: connection.map(|connection| timestamp(clock, connection.since)),
            last_activity: timestamp(clock, summary.last_activity),
            subscriptions: summary.subscriptions,
            in_flight: summary.in_flight,
            queued_messages: summary.queued,
            queued_bytes: summary.queued_bytes,
            unwritten_bytes: summary.unwritten_bytes,
        }
    }
}

/// A client with its subscriptions.
#[derive(Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    client: Client,
    filters: Vec<FilterEntry>,
}

#[derive(Serialize)]
struct FilterEntry {
    topic_filter: String,
    qos: u8,
}

impl Filter {
    fn matches(&self, summary: &Summary) -> bool {
        let is_connected = summary.connection.is_some();
        self.connected.is_none_or(|wanted| wanted == is_connected)
            && self
                .search
                .as_deref()
                .is_none_or(|text| finds(summary, text))
    }
}

fn finds(summary: &Summary, text: &str) -> bool {
    let identity = &summary.identity;
    let username = identity.username.as_ref();
    let address = summary.connection.and_then(|connection| connection.address);
    identity.client_id.as_str().contains(text)
        || username.is_some_and(|name| name.as_str().contains(text))
        || address.is_some_and(|address| address.to_string().contains(text))
}

impl Caller {
    /// Returns whether the user may see this client: administrators see all, others their own.
    fn may_see(&self, summary: &Summary) -> bool {
        let name = self.identity.username.as_ref();
        self.is_admin || (name.is_some() && name == summary.identity.username.as_ref())
    }
}

/// `GET /api/v1/clients`.
pub(super) async fn list(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(filter): Query<Filter>,
) -> Json<Listing<Client>> {
    let clock = api.broker.clock();
    let mut page = Page::new(filter.offset, filter.limit);
    for part in api.broker.sessions.parts() {
        for session in part {
            let summary = session.summary();
            if caller.may_see(&summary) && filter.matches(&summary) {
                let client_id = session.client_id().to_owned_text();
                let key = (filter.sort.key(&summary), client_id);
                page.add(key, || Client::new(&summary, clock));
            }
        }
        yield_now().await;
    }
    Json(page.finish())
}

/// `GET /api/v1/clients/{client_id}`.
pub(super) async fn show(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(client_id): Path<String>,
) -> Result<Json<Details>, ApiError> {
    let session = find(&api, &client_id)?;
    let summary = session.summary();
    if !caller.may_see(&summary) {
        return Err(unknown(&client_id));
    }
    let state = session.state();
    let filters = state.registration.subscriptions.iter();
    Ok(Json(Details {
        client: Client::new(&summary, api.broker.clock()),
        filters: filters
            .map(|(filter, stored)| FilterEntry {
                topic_filter: filter.to_string(),
                qos: stored.granted.qos.into(),
            })
            .collect(),
    }))
}

/// Query of the end of a client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    /// Deletes the session if set, instead of only ending its connection.
    #[serde(default)]
    session: bool,
}

/// `DELETE /api/v1/clients/{client_id}`: ends the connection, or deletes the session.
pub(super) async fn remove(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(client_id): Path<String>,
    Query(Removal { session: is_whole }): Query<Removal>,
) -> Result<StatusCode, ApiError> {
    caller.require_admin()?;
    let session = find(&api, &client_id)?;
    if is_whole {
        api.broker.delete_session(&session).await;
    } else {
        session.state().end_connection(Ending::Administrative);
    }
    let what = if is_whole { "session" } else { "connection" };
    api.broker.log().notice(format_args!(
        "The {what} of client {client_id} was ended by {}.",
        caller.name()
    ));
    Ok(StatusCode::NO_CONTENT)
}

fn find(api: &Api, client_id: &str) -> Result<Arc<Session>, ApiError> {
    let text = Text::try_from(client_id).map_err(|_| unknown(client_id))?;
    let session = api.broker.sessions.find(&text);
    session.ok_or_else(|| unknown(client_id))
}

fn unknown(client_id: &str) -> ApiError {
    ApiError::missing(format!("There is no client '{client_id}'."))
}
