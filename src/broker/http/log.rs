//! `/api/v1/log` and `/api/v1/events`: what the log says, now and as it happens.

use std::convert::Infallible;

use axum::extract::{Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::{Extension, Json};
use futures_util::stream::{self, Stream, StreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api_error::ApiError;
use super::login::Caller;
use super::state::Api;
use crate::broker::log::{LogType, RecentLine};

/// Query of log lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// The number of the last line that is known.
    #[serde(default)]
    after: u64,
}

/// A line of the log.
#[derive(Serialize)]
pub(super) struct Entry {
    number: u64,
    time: String,
    #[serde(rename = "type")]
    log_type: &'static str,
    text: String,
}

impl From<RecentLine> for Entry {
    fn from(line: RecentLine) -> Self {
        let time = Timestamp::try_from(line.at);
        Self {
            number: line.number,
            time: time.map_or_else(|_| String::new(), |time| format!("{time:.3}")),
            log_type: name_of(line.log_type),
            text: line.text,
        }
    }
}

fn name_of(log_type: LogType) -> &'static str {
    match log_type {
        LogType::Error => "error",
        LogType::Warning => "warning",
        LogType::Notice => "notice",
        LogType::Information => "information",
        LogType::Debug => "debug",
        LogType::Subscribe => "subscribe",
        LogType::Unsubscribe => "unsubscribe",
        LogType::WebSockets => "websockets",
        LogType::Internal => "internal",
    }
}

/// `GET /api/v1/log`: the last lines, without debug lines.
pub(super) async fn log(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(After { after }): Query<After>,
) -> Result<Json<Vec<Entry>>, ApiError> {
    caller.require_admin()?;
    let lines = api.broker.log().recent(after);
    Ok(Json(lines.into_iter().map(Entry::from).collect()))
}

/// `GET /api/v1/events`: lines of the log as they are written, as server-sent events.
///
/// The first events are the lines that are still kept.
pub(super) async fn events(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    caller.require_admin()?;
    let log = api.broker.log().clone();
    let changes = log.changes();
    let batches = stream::unfold((log, changes, 0), async |(log, mut changes, last)| {
        loop {
            changes.borrow_and_update();
            let lines = log.recent(last);
            if let Some(newest) = lines.last() {
                let newest = newest.number;
                return Some((lines, (log, changes, newest)));
            }
            changes.changed().await.ok()?;
        }
    });
    let events = batches.flat_map(stream::iter).map(|line| {
        let number = line.number.to_string();
        let event = Event::default().event("log").id(number);
        let data = serde_json::to_string(&Entry::from(line)).unwrap_or_default();
        Ok(event.data(data))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
