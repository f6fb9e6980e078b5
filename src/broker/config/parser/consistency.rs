//! What only whole listeners show.

use std::net::IpAddr;

use super::{Block, Parser, Wrong};
use crate::broker::config::diagnostic::Severity;
use crate::broker::config::model::{ListenAddress, Listener, Protocol, SocketDomain};
use crate::transport::proxy::ProxyVersion;

/// Something about the option of a listener that the line itself does not show.
struct Finding {
    option: &'static str,
    wrong: Wrong,
}

impl Finding {
    fn new(option: &'static str, message: &str, hint: &str) -> Self {
        Self {
            option,
            wrong: Wrong::new(message).hint(hint),
        }
    }

    /// An option that restricts, on a listener that lacks what it needs.
    fn unenforceable(option: &'static str, needed: &str) -> Self {
        let message = format!("Error: The '{option}' option cannot be enforced without {needed}.");
        let hint = "Add what it needs to this listener. Without the line the listener is open to \
                    clients that the line was to keep out.";
        Self::new(option, &message, hint)
    }
}

impl Parser {
    /// Finds options of listeners that contradict each other, those that are without
    /// effect, and listeners that are in each other's place.
    pub(super) fn check_listeners(&mut self) {
        let numbered = self.listeners.iter().cloned().enumerate();
        let listeners: Vec<_> = numbered
            .map(|(index, listener)| (Block::Listener(index), listener))
            .chain(
                self.default_listener
                    .clone()
                    .map(|listener| (Block::DefaultListener, listener)),
            )
            .collect();
        for (index, (block, listener)) in listeners.iter().enumerate() {
            let found = contradictions(listener).into_iter();
            for Finding { option, wrong } in found.chain(unenforceable(listener)) {
                let location = self.location_of(option, *block);
                self.error_at(location, wrong);
            }
            self.report_unused_revocations(listener, *block);
            self.refuse_same_address(&listeners[..index], *block, listener);
        }
    }

    /// Warns of a list of revoked certificates where nobody is asked for a certificate.
    fn report_unused_revocations(&mut self, listener: &Listener, block: Block) {
        if listener.tls.require_certificate {
            return;
        }
        if let Some(location) = self.location_of("crlfile", block) {
            let message = format!(
                "Warning: The 'crlfile' option has no effect without require_certificate true \
                 ({location})."
            );
            self.report(Severity::Warning, message, None);
        }
    }

    fn refuse_same_address(
        &mut self,
        earlier: &[(Block, Listener)],
        block: Block,
        listener: &Listener,
    ) {
        // One with a wrong line of its own was told already, and has no address.
        let Some(here) = self.address_location(block) else {
            return;
        };
        let clash = earlier
            .iter()
            .filter(|(_, other)| is_in_the_way(other, listener))
            .find_map(|(other, _)| self.address_location(*other));
        if let Some(there) = clash {
            let wrong = Wrong::new("Error: Address already in use.").hint(format!(
                "The listener at {there} has it, too. Give one of them another port or address."
            ));
            self.error_at(Some(here), wrong);
        }
    }
}

fn contradictions(listener: &Listener) -> Vec<Finding> {
    const PAIR: &str =
        "Error: Both certfile and keyfile must be provided to enable a TLS listener.";
    const ONE_TLS: &str = "The proxy speaks TLS with the clients, and this listener does not.";
    let tls = &listener.tls;
    let mut found = Vec::new();
    match (&tls.certfile, &tls.keyfile) {
        (Some(_), None) => found.push(Finding::new(
            "certfile",
            PAIR,
            "Add the certificate's key to this listener by a 'keyfile' line.",
        )),
        (None, Some(_)) => found.push(Finding::new(
            "keyfile",
            PAIR,
            "Add the key's certificate to this listener by a 'certfile' line.",
        )),
        (None, None) => {
            let hint = "Add the listener's own certificate by 'certfile' and 'keyfile' lines.";
            if tls.cafile.is_some() {
                let message = "Error: cafile specified without certfile and keyfile.";
                found.push(Finding::new("cafile", message, hint));
            }
            if tls.capath.is_some() {
                let message = "Error: capath specified without certfile and keyfile.";
                found.push(Finding::new("capath", message, hint));
            }
        }
        (Some(_), Some(_)) => {}
    }
    if listener.proxy_protocol == Some(ProxyVersion::V2) {
        if tls.certfile.is_some() {
            found.push(Finding::new(
                "enable_proxy_protocol",
                "Error: certfile and keyfile cannot be used with `enable_proxy_protocol 2`.",
                ONE_TLS,
            ));
        }
        if tls.use_subject_as_username {
            found.push(Finding::new(
                "use_subject_as_username",
                "Error: use_subject_as_username cannot be used with `enable_proxy_protocol 2`.",
                "The proxy tells the common name only: use_identity_as_username takes it.",
            ));
        }
    }
    found
}

/// Options that restrict and that this listener cannot enforce. To start all the same would
/// leave somebody believing in a protection that is not there.
fn unenforceable(listener: &Listener) -> Vec<Finding> {
    const TLS: &str = "certfile and keyfile";
    const CERTIFICATES: &str = "certfile and keyfile (or `enable_proxy_protocol 2`)";
    let tls = &listener.tls;
    let is_encrypted = tls.certfile.is_some() || tls.keyfile.is_some();
    let is_by_proxy = listener.proxy_protocol == Some(ProxyVersion::V2);
    let is_websocket = listener.protocol == Protocol::WebSockets;
    let about_tls = [
        ("crlfile", tls.crlfile.is_some()),
        ("tls_version", tls.tls_version.is_some()),
        ("ciphers", tls.ciphers.is_some()),
        ("ciphers_tls1.3", tls.ciphers_tls1_3.is_some()),
    ];
    let about_certificates = [
        ("require_certificate", tls.require_certificate),
        ("use_identity_as_username", tls.use_identity_as_username),
        ("use_subject_as_username", tls.use_subject_as_username),
    ];
    let mut found = Vec::new();
    let mut refuse = |option, is_set, needed| {
        if is_set {
            found.push(Finding::unenforceable(option, needed));
        }
    };
    for (option, is_set) in about_tls {
        refuse(option, is_set && !is_encrypted, TLS);
    }
    for (option, is_set) in about_certificates {
        refuse(
            option,
            is_set && !is_encrypted && !is_by_proxy,
            CERTIFICATES,
        );
    }
    refuse(
        "proxy_protocol_v2_require_tls",
        listener.proxy_protocol_v2_require_tls && !is_by_proxy,
        "`enable_proxy_protocol 2`",
    );
    refuse(
        "websockets_origin",
        !listener.websockets_origins.is_empty() && !is_websocket,
        "`protocol websockets`",
    );
    found
}

/// Whether two listeners cannot both be opened.
fn is_in_the_way(one: &Listener, other: &Listener) -> bool {
    if let (ListenAddress::Unix(one), ListenAddress::Unix(other)) = (&one.address, &other.address) {
        return one == other;
    }
    // The addresses of an interface are only known when it is looked at.
    let by_address = one.bind_interface.is_none() && other.bind_interface.is_none();
    by_address
        && one.port == other.port
        && [true, false].into_iter().any(|is_ipv4| {
            opens(one, is_ipv4) && opens(other, is_ipv4) && overlap(&one.address, &other.address)
        })
}

/// Whether the listener opens addresses of the family.
fn opens(listener: &Listener, is_ipv4: bool) -> bool {
    let by_domain = match listener.socket_domain {
        SocketDomain::Any => true,
        SocketDomain::Ipv4 => is_ipv4,
        SocketDomain::Ipv6 => !is_ipv4,
    };
    by_domain
        && match &listener.address {
            ListenAddress::Unix(_) | ListenAddress::InProcess => false,
            ListenAddress::Any | ListenAddress::Loopback => true,
            ListenAddress::Host(host) => host
                .parse::<IpAddr>()
                .map_or(true, |address| address.is_ipv4() == is_ipv4),
        }
}

/// Whether addresses of one family are the same, or one of them is all; names are not
/// resolved.
fn overlap(one: &ListenAddress, other: &ListenAddress) -> bool {
    let is_all = |address: &ListenAddress| match address {
        ListenAddress::Any => true,
        ListenAddress::Host(host) => host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_unspecified()),
        ListenAddress::Loopback | ListenAddress::Unix(_) | ListenAddress::InProcess => false,
    };
    one == other || is_all(one) || is_all(other)
}
