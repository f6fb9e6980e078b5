use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::ground::random_bytes;
use crate::broker::listener::{ListenerContext, Peer};
use crate::protocol::Text;

/// State that all requests share.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) broker: Arc<Broker>,
}

impl Api {
    /// Returns the token of requests that change something.
    pub(super) fn token(&self) -> &str {
        self.broker.http_token.get_or_init(|| {
            let token = u128::from_ne_bytes(random_bytes());
            format!("{token:032x}")
        })
    }
}

/// Connection by which a request came in.
#[derive(Clone)]
pub(in crate::broker) struct Origin {
    pub(in crate::broker) listener: Arc<ListenerContext>,
    pub(in crate::broker) peer: Peer,
    /// The user name that the client's certificate gives it.
    pub(in crate::broker) certified_name: Option<Text>,
}
