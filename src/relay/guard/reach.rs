//! Who can be reached at an address: anybody, one's own network, nobody; or who hands out a machine's credentials.
//!
//! After IANA's registries of special-purpose addresses. Of IPv6 only what is handed out as global unicast counts as
//! reachable; addresses that stand for IPv4 ones are judged as those, where a translator may take them for that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Anybody,
    /// Somebody's own network, and what it is.
    Own(&'static str),
    /// Nobody is to be found there, and what it is.
    Nobody(&'static str),
    Metadata,
}

use Reach::{Anybody, Nobody, Own};

const LOOPBACK: Reach = Own("a loopback address");
const PRIVATE: Reach = Own("a private address");
const LINK_LOCAL: Reach = Own("a link-local address");
const SHARED: Reach = Own("an address behind a provider's NAT");
const UNSPECIFIED: Reach = Nobody("an unspecified address");
const RESERVED: Reach = Nobody("a reserved address");
const MULTICAST: Reach = Nobody("a multicast address");
const DOCUMENTATION: Reach = Nobody("an address for documentation");
const BENCHMARK: Reach = Nobody("an address for benchmarks");
const TUNNEL: Reach = Nobody("an address that hides an IPv4 one");

/// The first that fits counts; the rest is reachable.
const V4: [(Ipv4Net, Reach); 16] = [
    (v4(0, 0, 0, 0, 8), UNSPECIFIED),
    (v4(10, 0, 0, 0, 8), PRIVATE),
    (v4(100, 64, 0, 0, 10), SHARED),
    (v4(127, 0, 0, 0, 8), LOOPBACK),
    (v4(169, 254, 0, 0, 16), LINK_LOCAL),
    (v4(172, 16, 0, 0, 12), PRIVATE),
    (v4(192, 0, 0, 0, 24), RESERVED),
    (v4(192, 0, 2, 0, 24), DOCUMENTATION),
    (v4(192, 88, 99, 0, 24), TUNNEL),
    (v4(192, 168, 0, 0, 16), PRIVATE),
    (v4(198, 18, 0, 0, 15), BENCHMARK),
    (v4(198, 51, 100, 0, 24), DOCUMENTATION),
    (v4(203, 0, 113, 0, 24), DOCUMENTATION),
    (v4(224, 0, 0, 0, 4), MULTICAST),
    (v4(255, 255, 255, 255, 32), Nobody("the broadcast address")),
    (v4(240, 0, 0, 0, 4), RESERVED),
];

/// The first that fits counts; the rest is reserved, as 100::/64 (discard), 5f00::/16 (segment routing) and ::/96 are.
const V6: [(Ipv6Net, Reach); 13] = [
    (v6([0; 8], 128), UNSPECIFIED),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), LOOPBACK),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), TUNNEL),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), PRIVATE),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LINK_LOCAL),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Own("a site-local address")),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), MULTICAST),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), TUNNEL),
    // protocols, benchmarks, ORCHID
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), RESERVED),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), DOCUMENTATION),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), TUNNEL),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), DOCUMENTATION),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), Anybody),
];

/// Prefixes whose last 32 bits are what is really reached: mapped, translated, NAT64.
const TRANSLATED: [Ipv6Net; 3] =
    [v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96)];

/// Of clouds: AWS and most others, AWS' containers, Scaleway, Tencent, Alibaba, Oracle's older machines, Azure's fabric.
const METADATA_V4: [Ipv4Addr; 8] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 42, 42),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// AWS, its containers, Google, Scaleway. OpenStack's ends like the one of IPv4.
const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

pub(super) fn reach(address: IpAddr) -> Reach {
    if is_metadata(address) {
        return Reach::Metadata;
    }
    match translated(address) {
        IpAddr::V4(address) => V4.iter().find(|(net, _)| net.contains(&address)).map_or(Anybody, |(_, reach)| *reach),
        IpAddr::V6(address) => V6.iter().find(|(net, _)| net.contains(&address)).map_or(RESERVED, |(_, reach)| *reach),
    }
}

/// The IPv4 address that an IPv6 one stands for, if it is of a kind that is passed on as such.
pub(super) fn translated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if TRANSLATED.iter().any(|net| net.contains(&v6)) => last(v6.octets()).into(),
        address => address,
    }
}

fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => METADATA_V4.contains(&address),
        IpAddr::V6(address) => METADATA_V6.contains(&address) || hidden(address).iter().any(|v4| METADATA_V4.contains(v4)),
    }
}

/// Every IPv4 address that somebody might see in an IPv6 one. In the last 32 bits under any prefix: networks choose their
/// own for NAT64.
fn hidden(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let bytes = address.octets();
    let at = |places: [usize; 4]| Ipv4Addr::from(places.map(|place| bytes[place]));
    let mut found = vec![last(bytes)];
    match address.segments() {
        // 6to4
        [0x2002, ..] => found.push(at([2, 3, 4, 5])),
        // Teredo: its server, and its client upside down
        [0x2001, 0, ..] => found.extend([at([4, 5, 6, 7]), Ipv4Addr::from_bits(!last(bytes).to_bits())]),
        // NAT64 within a network: RFC 6052 leaves out byte 8
        [0x64, 0xff9b, 1, ..] => found.extend([at([6, 7, 9, 10]), at([7, 9, 10, 11]), at([9, 10, 11, 12])]),
        _ => {}
    }
    found
}

fn last([.., a, b, c, d]: [u8; 16]) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}
