//! Listeners with `protocol http_api`: a page, metrics, and an API for the running broker.
//!
//! A request passes `guard` (host, origin, forged requests) and `login` (Basic authentication,
//! access rules), and then a route: `mosquitto` has those that Mosquitto 2.1 has too, `metrics`
//! and `health` are for machines, the others are the API. MQTT over WebSocket on the same
//! port goes another way: it is a client like any other.

mod api_error;
mod clients;
mod guard;
mod health;
mod log;
mod login;
mod messages;
mod metrics;
mod mosquitto;
mod page;
mod page_of;
mod session;
mod state;
mod subscriptions;
mod time;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};
use bytes::{Bytes, BytesMut};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, join, split};

use self::api_error::ApiError;
use self::state::Api;
pub(super) use self::state::Origin;
use super::Broker;
use crate::transport::http::Request;
use crate::transport::socket::Socket;

/// Time in which a peer has to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Serves the requests of one connection, whose first head was read already.
pub(super) async fn serve(socket: Socket, first: Request, origin: Origin, broker: Arc<Broker>) {
    let mut read = BytesMut::from(&first.bytes[..]);
    read.extend_from_slice(&first.rest);
    let (reader, writer) = split(socket);
    let stream = join(Cursor::new(Bytes::from(read)).chain(reader), writer);
    let service = TowerToHyperService::new(router(Api { broker }, origin));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A peer that breaks off is nothing to report.
    let _ = connection.await;
}

/// Routes that change something.
fn changes(api: Api) -> Router<Api> {
    Router::new()
        .route("/api/v1/clients/{client_id}", delete(clients::remove))
        .route("/api/v1/topics", delete(messages::clear))
        .route("/api/v1/publish", post(messages::publish))
        .route_layer(from_fn_with_state(api, guard::require_token))
}

fn router(api: Api, origin: Origin) -> Router {
    Router::new()
        .route("/api/v1/version", get(mosquitto::version))
        .route("/api/v1/listeners", get(mosquitto::listeners))
        .route("/api/v1/systree", get(mosquitto::systree))
        .route("/api/v1/session", get(session::session))
        .route("/api/v1/clients", get(clients::list))
        .route("/api/v1/clients/{client_id}", get(clients::show))
        .route("/api/v1/topics", get(messages::list))
        .route("/api/v1/log", get(log::log))
        .route("/api/v1/events", get(log::events))
        .route("/api/v1/subscriptions", get(subscriptions::list))
        .merge(changes(api.clone()))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .fallback(page::file)
        .layer(from_fn_with_state(api.clone(), login::check))
        .layer(from_fn_with_state(api.clone(), guard::check))
        .layer(axum::Extension(origin))
        .with_state(api)
}
