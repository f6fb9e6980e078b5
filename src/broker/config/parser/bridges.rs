//! Bridges: the beginning of a block, and what only whole blocks show.

use super::{Block, Parser};
use crate::broker::config::diagnostic::Severity;
use crate::broker::config::model::Bridge;
use crate::broker::config::value::{Argument, Wrong};
use crate::protocol::ProtocolVersion;

impl Parser {
    /// Reads `connection`.
    pub(super) fn read_bridge(&mut self, argument: &Argument<'_>) -> Result<(), Wrong> {
        let name = argument.word();
        let is_known = |name: &String| self.bridges.iter().any(|bridge| bridge.name == *name);
        let is_duplicate = name.as_ref().is_ok_and(is_known);
        self.current.bridge = Some(Block::Bridge(self.bridges.len()));
        // The lines of a block with a wrong name are read all the same.
        let taken = name.as_ref().map_or_else(|_| String::new(), String::clone);
        self.bridges.push(Bridge::new(taken));
        match name {
            Ok(name) if is_duplicate => Err(Wrong::new(format!(
                "Error: Duplicate bridge name '{name}'."
            ))),
            name => name.map(drop),
        }
    }

    /// Finds bridges that lack something, and options of bridges that contradict each other.
    pub(super) fn check_bridges(&mut self) {
        let bridges = std::mem::take(&mut self.bridges);
        for (index, bridge) in bridges.iter().enumerate() {
            self.check_bridge(bridge, Block::Bridge(index));
            let id = bridge.local_client_id("");
            let is_taken = |other: &Bridge| other.local_client_id("") == id;
            if !bridge.name.is_empty() && bridges[..index].iter().any(is_taken) {
                let id = bridge.local_clientid.as_ref().unwrap_or(&id);
                self.error(Wrong::new(format!(
                    "Error: Bridge local_clientid '{id}' is not unique. Try changing or setting \
                     the local_clientid value for one of the bridges."
                )));
            }
        }
        self.bridges = bridges;
    }

    fn check_bridge(&mut self, bridge: &Bridge, block: Block) {
        let name = &bridge.name;
        let about = format!("It is about the bridge '{name}'.");
        // A bad line of its own has told the reason already.
        let is_given = |parser: &Self, option| parser.seen.contains_key(&(option, block));
        if bridge.addresses.is_empty() && !is_given(self, "address") {
            self.error(
                Wrong::new("Error: Invalid bridge configuration: no remote addresses defined.")
                    .hint(about.clone()),
            );
        }
        if bridge.topics.is_empty() && !is_given(self, "topic") {
            self.error(
                Wrong::new("Error: Invalid bridge configuration: no topics defined.")
                    .hint(about.clone()),
            );
        }
        let tls = &bridge.tls;
        if tls.certfile.is_some() != tls.keyfile.is_some() {
            self.error(
                Wrong::new(
                    "Error: Both bridge_certfile and bridge_keyfile must be provided if one of \
                     them is set.",
                )
                .hint(about.clone()),
            );
        }
        let needs_username = bridge.protocol_version != ProtocolVersion::V5;
        if bridge.remote_password.is_some() && bridge.remote_username.is_none() && needs_username {
            self.error(
                Wrong::new("Error: The 'remote_password' option requires 'remote_username'.")
                    .hint(format!("{about} Only MQTT 5 has passwords without a name.")),
            );
        }
        self.warn_of_bridge(bridge);
    }

    fn warn_of_bridge(&mut self, bridge: &Bridge) {
        let (name, tls) = (&bridge.name, &bridge.tls);
        if tls.is_on() && tls.insecure {
            let message = format!("Warning: Bridge '{name}' using insecure mode.");
            self.report(Severity::Warning, message, None);
        }
        let is_certificate_unused = tls.certfile.is_some() && !tls.is_on();
        if is_certificate_unused {
            let message = format!(
                "Warning: Bridge '{name}' has a certificate and is not encrypted: \
                 bridge_cafile, bridge_capath or bridge_tls_use_os_certs turns TLS on."
            );
            self.report(Severity::Warning, message, None);
        }
        let forgets = bridge.protocol_version == ProtocolVersion::V5
            && !bridge.cleansession
            && bridge.session_expiry_interval == 0
            && bridge.topics.iter().any(|topic| topic.direction.is_in());
        if forgets {
            let message = format!(
                "Warning: Bridge '{name}' loses what is published on the remote broker while it \
                 is not connected: cleansession false needs bridge_session_expiry_interval with \
                 MQTT 5."
            );
            self.report(Severity::Warning, message, None);
        }
    }
}
