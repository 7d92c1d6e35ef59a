//! The host of a forward in one spelling, so that no other spelling passes by a rule about it.

use std::net::{IpAddr, Ipv4Addr};

/// A host as rules know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Lower-case without a last dot; a number in its usual form.
    pub(crate) host: String,
    pub(crate) ip: Option<IpAddr>,
    /// The target itself.
    pub(crate) loopback: bool,
    /// It stands for all addresses there are.
    pub(crate) anywhere: bool,
}

impl Address {
    pub(crate) fn of(host: &str) -> Self {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let bare = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&name);
        // a zone says through which interface
        let number = bare.split('%').next().unwrap_or_default();
        let ip = number
            .parse::<IpAddr>()
            .ok()
            .map(|ip| ip.to_canonical())
            .or_else(|| loose(number).map(IpAddr::V4));
        match ip {
            Some(number) => Self {
                host: number.to_string(),
                ip,
                loopback: number.is_loopback() || number.is_unspecified(),
                anywhere: number.is_unspecified(),
            },
            None => Self {
                loopback: LOCAL.contains(&name.as_str()) || name.ends_with(".localhost"),
                anywhere: matches!(name.as_str(), "" | "*"),
                ip,
                host: name,
            },
        }
    }
}

/// The forms that C libraries read beside four decimal numbers: `127.1`, `0x7f000001`, `0177.0.0.1`.
fn loose(text: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u64> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 8 * (4 - leading.len());
    if *last >= 1 << room {
        return None;
    }
    let whole = leading
        .iter()
        .zip([24, 16, 8])
        .fold(*last, |whole, (part, shift)| whole | part << shift);
    Some(Ipv4Addr::from(u32::try_from(whole).ok()?))
}

fn number(part: &str) -> Option<u64> {
    if let Some(hexadecimal) = part.strip_prefix("0x") {
        return u64::from_str_radix(hexadecimal, 16).ok();
    }
    match part.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        Some(_) | None if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse().ok(),
        Some(_) | None => None,
    }
}

/// Names of the target itself; an empty one or `*` listens everywhere.
const LOCAL: &[&str] = &[
    "localhost",
    "ip6-localhost",
    "ip6-loopback",
    "localhost.localdomain",
    "",
    "*",
];
