//! Where a host is, so that another spelling or name of a place is known as that place.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

/// How long a name may take to be looked up.
const WITHIN: Duration = Duration::from_secs(2);
/// Any port serves to ask which of our addresses would be used.
const ANY_PORT: u16 = 9;

/// One place that a host is at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// This machine, by whichever of its addresses.
    Here,
    At(IpAddr),
    Named(String),
}

/// Everywhere that a name or number leads to, as seen from this machine. A name stands for itself too: it need not be
/// known here.
pub async fn of(host: &str) -> BTreeSet<Place> {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(number) = name.parse::<IpAddr>() {
        return BTreeSet::from([place(number)]);
    }
    if name == "localhost" || name.ends_with(".localhost") {
        return BTreeSet::from([Place::Here]);
    }
    let looking = tokio::net::lookup_host((name.as_str(), ANY_PORT));
    let found = tokio::time::timeout(WITHIN, looking).await;
    let found = found.ok().and_then(Result::ok);
    let mut places: BTreeSet<Place> = found
        .into_iter()
        .flatten()
        .map(|address| place(address.ip()))
        .collect();
    places.insert(Place::Named(name));
    places
}

fn place(number: IpAddr) -> Place {
    let number = number.to_canonical();
    match is_here(number) {
        true => Place::Here,
        false => Place::At(number),
    }
}

/// What is sent to an address of this machine would be sent from that very address. Nothing is sent.
fn is_here(number: IpAddr) -> bool {
    if number.is_loopback() || number.is_unspecified() {
        return true;
    }
    let any: IpAddr = match number {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((number, ANY_PORT))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_loopback_is_here() {
        for host in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "LocalHost.",
            "0.0.0.0",
            "a.localhost",
        ] {
            assert_eq!(of(host).await, BTreeSet::from([Place::Here]), "{host}");
        }
    }

    #[tokio::test]
    async fn other_numbers_are_themselves() {
        let number = "192.0.2.7".parse().unwrap();
        assert_eq!(of("192.0.2.7").await, BTreeSet::from([Place::At(number)]));
        let mapped = of("::ffff:192.0.2.7").await;
        assert_eq!(mapped, BTreeSet::from([Place::At(number)]));
    }

    #[tokio::test]
    async fn a_name_stands_for_itself_too() {
        let places = of("No-Such-Host.invalid.").await;
        assert!(places.contains(&Place::Named("no-such-host.invalid".into())));
    }
}
