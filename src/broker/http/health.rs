use axum::extract::State;
use axum::http::StatusCode;

use super::state::Api;
use crate::broker::persistence::Persistence;

/// `GET /healthz`: the broker runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the broker accepts everything that clients send.
pub(super) async fn readyz(State(api): State<Api>) -> (StatusCode, &'static str) {
    let store = api.broker.persistence().map(Persistence::health);
    match store.is_some_and(|store| store.has_failed) {
        true => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The store refuses commits.\n",
        ),
        false => (StatusCode::OK, "ready\n"),
    }
}
