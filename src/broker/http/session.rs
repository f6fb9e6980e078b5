use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;

use super::login::Caller;
use super::state::Api;

/// Answer of `/api/v1/session`.
#[derive(Serialize)]
pub(super) struct LoginSession {
    username: Option<String>,
    is_admin: bool,
    /// The value of `X-MQ-Token` in requests that change something.
    token: String,
    version: &'static str,
}

/// `GET /api/v1/session`: the user and the token of requests that change something.
pub(super) async fn session(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
) -> Json<LoginSession> {
    Json(LoginSession {
        username: caller.identity.username.as_ref().map(ToString::to_string),
        is_admin: caller.is_admin,
        token: api.token().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    })
}
