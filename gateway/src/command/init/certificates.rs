//! A certificate authority of the gateway's own, and the server certificate that it signs (ECDSA P-256).

use std::net::IpAddr;

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

const AUTHORITY_YEARS: i64 = 10;
/// What Apple's clients accept at most.
const SERVER_DAYS: i64 = 825;
/// Names that always reach a gateway on one's own machine.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// All PEM.
pub(super) struct Certificates {
    pub(super) authority: String,
    pub(super) authority_key: Zeroizing<String>,
    pub(super) server: String,
    pub(super) server_key: Zeroizing<String>,
}

/// Makes both; `hosts` are further names or addresses of the server.
pub(super) fn make(hosts: &[String]) -> anyhow::Result<Certificates> {
    let now = OffsetDateTime::now_utc();
    let authority_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let authority = authority(now)?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let authority_secret = Zeroizing::new(authority_key.serialize_pem());
    let issuer = Issuer::new(authority, authority_key);

    let server_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let server = server(hosts, now)?.signed_by(&server_key, &issuer)?;
    Ok(Certificates {
        // the chain that the server shows, leaf first
        server: format!("{}{authority_pem}", server.pem()),
        server_key: Zeroizing::new(server_key.serialize_pem()),
        authority: authority_pem,
        authority_key: authority_secret,
    })
}

fn authority(now: OffsetDateTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "countersign certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(365 * AUTHORITY_YEARS);
    Ok(params)
}

/// What clients may call the gateway: its own names and those that were asked for.
pub(super) fn names(hosts: &[String]) -> Vec<&str> {
    let asked = hosts.iter().map(String::as_str);
    let mut names = OWN.to_vec();
    names.extend(asked.filter(|host| !OWN.contains(host)));
    names
}

fn server(hosts: &[String], now: OffsetDateTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "countersign");
    for name in names(hosts) {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(
                name.try_into()
                    .with_context(|| format!("`{name}` is no host name"))?,
            ),
        });
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(SERVER_DAYS);
    Ok(params)
}
