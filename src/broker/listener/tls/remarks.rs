//! What is worth knowing about certificates that can be used.

use std::path::Path;

use rustls::pki_types::{CertificateDer, UnixTime};

use crate::broker::config::TlsOptions;
use crate::transport::tls::certificate::{parse, validity};
use crate::transport::tls::fault::day;
use crate::transport::tls::identity::Gap;
use crate::transport::tls::revocation::RevocationList;

/// Warns of lists of revoked certificates that are out of date.
pub(super) fn on_revocation(options: &TlsOptions, lists: &[RevocationList]) -> Vec<String> {
    let Some(file) = &options.crlfile else {
        return Vec::new();
    };
    let now = UnixTime::now();
    let ended = lists.iter().filter_map(|list| list.has_ended(now));
    let warn = |ended| {
        format!(
            "Warning: The list of revoked certificates in \"{}\" expired on {}: a client whose \
             certificate comes from its authority is refused. Get a newer list.",
            file.display(),
            day(ended)
        )
    };
    ended.map(warn).collect()
}

/// Warns of the listener's own certificates that are not valid today.
pub(super) fn on_time(certfile: &Path, chain: &[CertificateDer<'_>]) -> Vec<String> {
    let now = UnixTime::now();
    let faults = chain
        .iter()
        .filter_map(|certificate| validity(&parse(certificate)?).check(now).err());
    let warn = |fault| {
        format!(
            "Warning: A certificate in \"{}\" {fault}. Clients refuse it.",
            certfile.display()
        )
    };
    faults.map(warn).collect()
}

/// Says what a chain lacks.
pub(super) fn on_gap(certfile: &Path, gap: &Gap) -> String {
    let file = certfile.display();
    match gap {
        Gap::Issuer(name) => format!(
            "Warning: The certificate in \"{file}\" is signed by \"{name}\", whose own certificate is \
             not there. A client that does not have it refuses the broker. Append it to the file, \
             or name its file with cafile."
        ),
        Gap::Order(at) => format!(
            "Warning: In \"{file}\" certificate {at} is not signed by certificate {}, so that clients \
             may refuse the broker. Each certificate must be followed by its authority's.",
            at + 1
        ),
    }
}
