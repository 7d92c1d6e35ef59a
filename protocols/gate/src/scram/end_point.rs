//! The hash of a certificate that channel binding `tls-server-end-point` (RFC 5929) compares.

use aws_lc_rs::digest::{self, Algorithm};

/// Hashes a certificate (DER) with the hash of its own signature, or SHA-256 where that is MD5 or SHA-1.
///
/// `None` where the signature names no such hash (Ed25519, RSASSA-PSS with parameters of its own): offer no binding then.
pub fn hash(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = algorithm(certificate)?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// Certificate ::= SEQUENCE { SEQUENCE tbsCertificate, SEQUENCE { OBJECT IDENTIFIER, .. } signatureAlgorithm, .. }
fn algorithm(certificate: &[u8]) -> Option<&'static Algorithm> {
    let (outer, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(outer, SEQUENCE)?;
    let (signature, _) = element(rest, SEQUENCE)?;
    let (identifier, _) = element(signature, OBJECT_IDENTIFIER)?;
    ALGORITHMS
        .iter()
        .find_map(|(known, algorithm)| (*known == identifier).then_some(*algorithm))
}

/// Contents of the first element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit)),
                rest,
            )
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// 1.2.840.113549.1.1 (RSA), 1.2.840.10045.4 (ECDSA)
const ALGORITHMS: &[(&[u8], &Algorithm)] = &[
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", &digest::SHA256), // MD5 with RSA
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", &digest::SHA256), // SHA-1 with RSA
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", &digest::SHA256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", &digest::SHA384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", &digest::SHA512),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", &digest::SHA256), // SHA-1 with ECDSA
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", &digest::SHA256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", &digest::SHA384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", &digest::SHA512),
];
