use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate as Made, CertificateParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::crypto::ring::default_provider;

use super::*;

/// A certificate with its key.
struct Identity {
    params: CertificateParams,
    certificate: Made,
    key: KeyPair,
}

fn params(name: &str, years: (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Identity {
    fn authority(name: &str, years: (i32, i32)) -> Self {
        let mut params = params(name, years);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            params,
            certificate,
            key,
        }
    }

    fn sign(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer()).unwrap();
        Self {
            params,
            certificate,
            key,
        }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    fn intermediate(&self, name: &str, years: (i32, i32)) -> Self {
        let mut params = params(name, years);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self.sign(params)
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }
}

fn check(trusted: &[&Identity]) -> ChainCheck {
    let mut authorities = Authorities::default();
    for identity in trusted {
        authorities.add(identity.der(), Origin::User).unwrap();
    }
    ChainCheck {
        authorities,
        algorithms: default_provider().signature_verification_algorithms,
        purpose: Purpose::Clients,
        revoked: Vec::new(),
        checks_time: true,
    }
}

/// The user has named the authority.
const OK: Result<Vouched, CertificateFault> = Ok(Vouched {
    for_common_name: true,
});

fn year(year: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_556_952))
}

#[test]
fn an_authority_counts_in_its_own_time_only() {
    let root = Identity::authority("root", (2020, 2030));
    let client = root.sign(params("client", (2010, 2040)));
    let check = check(&[&root]);
    let at = |now| check.verify(&client.der(), &[], year(now));
    assert_eq!(at(2025), OK);
    let name = || Some("root".to_owned());
    assert!(matches!(
        at(2031),
        Err(CertificateFault::AuthorityExpired { name: told, .. }) if told == name()
    ));
    assert!(matches!(
        at(2015),
        Err(CertificateFault::AuthorityNotYetValid { name: told, .. }) if told == name()
    ));
    assert!(matches!(at(2041), Err(CertificateFault::Expired(_))));
    assert!(matches!(at(2005), Err(CertificateFault::NotYetValid(_))));
}

#[test]
fn an_intermediate_that_has_expired_is_told_from_the_peers_own_certificate() {
    let root = Identity::authority("root", (2000, 2090));
    let between = root.intermediate("between", (2020, 2024));
    let client = between.sign(params("client", (2020, 2090)));
    let fault = check(&[&root])
        .verify(&client.der(), &[between.der()], year(2026))
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "comes from an authority whose own certificate (between) expired on 2024-01-01"
    );
}

#[test]
fn another_way_to_an_authority_that_is_good_is_found() {
    let old = Identity::authority("old", (2000, 2010));
    let new = Identity::authority("new", (2000, 2090));
    let key = KeyPair::generate().unwrap();
    let mut intermediate = params("between", (2000, 2090));
    intermediate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let between = |authority: &Identity| {
        let issuer = authority.issuer();
        intermediate.signed_by(&key, &issuer).unwrap()
    };
    let (by_old, by_new) = (between(&old), between(&new));
    let own_key = KeyPair::generate().unwrap();
    let client = params("client", (2000, 2090))
        .signed_by(&own_key, &Issuer::from_params(&intermediate, &key))
        .unwrap();
    let intermediates = [by_old.der().clone(), by_new.der().clone()];
    let both = check(&[&old, &new]);
    assert_eq!(both.verify(client.der(), &intermediates, year(2026)), OK);
}

#[test]
fn where_the_time_does_not_count_a_chain_is_checked_as_of_a_common_moment() {
    let root = Identity::authority("root", (2000, 2010));
    let between = root.intermediate("between", (2005, 2012));
    let client = between.sign(params("client", (2001, 2008)));
    let check = ChainCheck {
        checks_time: false,
        ..check(&[&root])
    };
    let stranger = Identity::authority("root", (2000, 2010));
    let forged = stranger.sign(params("client", (2001, 2008)));
    for now in [1990, 2007, 2026] {
        let verify = |client: &Identity| check.verify(&client.der(), &[between.der()], year(now));
        assert_eq!(verify(&client), OK, "{now}");
        assert_eq!(
            verify(&forged),
            Err(CertificateFault::UnknownIssuer),
            "{now}"
        );
    }
}

#[test]
fn an_authoritys_own_certificate_is_good_where_it_is_trusted_itself() {
    let own = Identity::authority("own", (2020, 2030));
    let other = Identity::authority("own", (2020, 2030));
    let check_own = check(&[&own]);
    assert_eq!(check_own.verify(&own.der(), &[], year(2025)), OK);
    assert!(matches!(
        check_own.verify(&own.der(), &[], year(2031)),
        Err(CertificateFault::Expired(_))
    ));
    assert_eq!(
        check(&[&other]).verify(&own.der(), &[], year(2025)),
        Err(CertificateFault::Authority)
    );
}

#[test]
fn a_certificate_for_another_purpose_is_refused() {
    let root = Identity::authority("root", (2020, 2030));
    let mut server = params("server", (2020, 2030));
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server = root.sign(server);
    let mut own = params("own", (2020, 2030));
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = own.self_signed(&key).unwrap();
    let own = Identity {
        params: own,
        certificate,
        key,
    };
    let mut check = check(&[&root, &own]);
    for (purpose, expected) in [
        (Purpose::Clients, Err(CertificateFault::WrongPurpose)),
        (Purpose::Servers, OK),
    ] {
        check.purpose = purpose;
        for certificate in [server.der(), own.der()] {
            assert_eq!(check.verify(&certificate, &[], year(2025)), expected);
        }
    }
}

/// Takes the version out of a certificate, which makes it version 1 and its signature wrong.
fn without_version(certificate: &CertificateDer<'_>) -> CertificateDer<'static> {
    const VERSION_3: &[u8] = &[0xa0, 3, 2, 1, 2];
    let mut der = certificate.to_vec();
    assert_eq!(&der[8..13], VERSION_3);
    der.drain(8..13);
    for at in [2, 6] {
        let length = u16::from_be_bytes([der[at], der[at + 1]]) - 5;
        der[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    der.into()
}

#[test]
fn a_version_1_certificate_has_no_extensions() {
    let root = Identity::authority("root", (2020, 2030));
    // Long enough for lengths of two bytes.
    let name = "client".repeat(30);
    let plain = root.sign(params(&name, (2020, 2030)));
    let mut with_usage = params(&name, (2020, 2030));
    with_usage.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let with_usage = root.sign(with_usage);
    let check = check(&[&root]);
    let verify = |identity: &Identity| {
        let certificate = without_version(&identity.der());
        check.verify(&certificate, &[], year(2025))
    };
    assert_eq!(verify(&plain), Err(CertificateFault::UnknownIssuer));
    assert_eq!(verify(&with_usage), Err(CertificateFault::Unreadable));
}
