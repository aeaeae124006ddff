//! The classification of IP addresses.
//!
//! The ranges are those of IANA's registries of special-purpose addresses:
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>.

use std::{
    error, fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// The reason why an address is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restricted {
    /// The unspecified address and its network, which reach this host.
    Unspecified,
    Loopback,
    /// Private networks, unique local and site-local addresses.
    Private,
    /// Addresses shared behind a carrier's NAT, also used by clouds: 100.64.0.0/10.
    Shared,
    /// Link-local addresses, among them the metadata services of clouds.
    LinkLocal,
    Multicast,
    Documentation,
    Benchmark,
    /// IPv6 addresses that contain an IPv4 address of a tunnel: 6to4, Teredo, ISATAP.
    Tunnel,
    /// Every other range that is not routed in the internet.
    Reserved,
}

impl fmt::Display for Restricted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Unspecified => "an unspecified",
            Self::Loopback => "a loopback",
            Self::Private => "a private",
            Self::Shared => "a carrier-grade NAT",
            Self::LinkLocal => "a link-local",
            Self::Multicast => "a multicast",
            Self::Documentation => "a documentation",
            Self::Benchmark => "a benchmark",
            Self::Tunnel => "a tunnel",
            Self::Reserved => "a reserved",
        };
        write!(f, "must not lead to {kind} address: use a public host, or allow the network in the settings")
    }
}

impl error::Error for Restricted {}

type Range4 = (Ipv4Addr, u32, Restricted);
type Range6 = (Ipv6Addr, u32, Restricted);

const RANGES_4: [Range4; 17] = [
    (Ipv4Addr::UNSPECIFIED, 8, Restricted::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Restricted::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Restricted::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Restricted::Loopback),
    // The platform service of Azure's virtual machines has a public address that is not routed.
    (Ipv4Addr::new(168, 63, 129, 16), 32, Restricted::LinkLocal),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Restricted::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Restricted::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Restricted::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Restricted::Documentation),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Restricted::Tunnel),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Restricted::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Restricted::Benchmark),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Restricted::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Restricted::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Restricted::Multicast),
    (Ipv4Addr::BROADCAST, 32, Restricted::Reserved),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Restricted::Reserved),
];

/// The first range that contains an address applies.
const RANGES_6: [Range6; 13] = [
    (Ipv6Addr::UNSPECIFIED, 128, Restricted::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Restricted::Loopback),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Restricted::Private),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Restricted::Tunnel),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Restricted::Benchmark),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Restricted::Reserved),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Restricted::Documentation),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Restricted::Tunnel),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Restricted::Documentation),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Restricted::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Restricted::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Restricted::Private),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Restricted::Multicast),
];

/// The well-known prefix of NAT64. DNS64 makes such an address of every IPv4 address.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// The only range from which public IPv6 addresses are assigned.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Returns the reason why an address is not public, or `None` if it is public.
pub(crate) fn restriction(address: IpAddr) -> Option<Restricted> {
    match address {
        IpAddr::V4(address) => restriction_4(address),
        IpAddr::V6(address) => restriction_6(address),
    }
}

fn restriction_4(address: Ipv4Addr) -> Option<Restricted> {
    RANGES_4
        .iter()
        .find(|(base, prefix, _)| matches_4(address, *base, *prefix))
        .map(|(_, _, restricted)| *restricted)
}

fn restriction_6(address: Ipv6Addr) -> Option<Restricted> {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return restriction_4(mapped);
    }
    let [.., a, b, c, d] = address.octets();
    if matches_6(address, NAT64.0, NAT64.1) {
        return restriction_4(Ipv4Addr::new(a, b, c, d));
    }
    let known = RANGES_6.iter().find(|(base, prefix, _)| matches_6(address, *base, *prefix));
    if let Some((_, _, restricted)) = known {
        return Some(*restricted);
    }
    if !matches_6(address, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1) {
        return Some(Restricted::Reserved);
    }
    // ISATAP marks the interface identifier, in any network.
    let [.., high, low, _, _] = address.segments();
    (matches!(high, 0 | 0x200) && low == 0x5efe).then_some(Restricted::Tunnel)
}

fn matches_4(one: Ipv4Addr, other: Ipv4Addr, prefix: u32) -> bool {
    let mask = u32::MAX.checked_shl(u32::BITS.saturating_sub(prefix)).unwrap_or(0);
    (one.to_bits() ^ other.to_bits()) & mask == 0
}

fn matches_6(one: Ipv6Addr, other: Ipv6Addr, prefix: u32) -> bool {
    let mask = u128::MAX.checked_shl(u128::BITS.saturating_sub(prefix)).unwrap_or(0);
    (one.to_bits() ^ other.to_bits()) & mask == 0
}

/// A network in CIDR notation, such as `10.0.0.0/8`. A single address is a network of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    /// Returns whether the network contains an address. An IPv4-mapped address is the IPv4 address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => matches_4(address, base, self.prefix),
            (IpAddr::V6(base), IpAddr::V6(address)) => matches_6(address, base, self.prefix),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| NetworkError::Syntax)?;
        let bits = if base.is_ipv4() { u32::BITS } else { u128::BITS };
        let prefix = match prefix {
            None => bits,
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok().filter(|prefix| *prefix <= bits).ok_or(NetworkError::Syntax)?
            }
            Some(_) => return Err(NetworkError::Syntax),
        };
        let host_bits = match base {
            IpAddr::V4(base) => u128::from(base.to_bits() & !mask(prefix, bits).0),
            IpAddr::V6(base) if base.to_ipv4_mapped().is_some() => return Err(NetworkError::Mapped),
            IpAddr::V6(base) => base.to_bits() & !mask(prefix, bits).1,
        };
        if host_bits != 0 {
            return Err(NetworkError::HostBits);
        }
        Ok(Self { base, prefix })
    }
}

/// Returns the mask of a prefix for IPv4 and for IPv6; only that of `bits` is meaningful.
fn mask(prefix: u32, bits: u32) -> (u32, u128) {
    let host_bits = bits.saturating_sub(prefix);
    (u32::MAX.checked_shl(host_bits).unwrap_or(0), u128::MAX.checked_shl(host_bits).unwrap_or(0))
}

/// The error of a network in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkError {
    Syntax,
    HostBits,
    Mapped,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "must be a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8",
            Self::HostBits => "must have no bits set after the prefix: write 10.0.0.0/8, not 10.1.2.3/8",
            Self::Mapped => "must be written as IPv4: 10.0.0.0/8, not ::ffff:10.0.0.0/104",
        })
    }
}

impl error::Error for NetworkError {}

#[cfg(test)]
mod tests;
