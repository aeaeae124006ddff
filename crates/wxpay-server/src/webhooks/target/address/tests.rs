use super::*;

fn of(text: &str) -> Option<Restricted> {
    restriction(text.parse().unwrap())
}

/// The first and the last address of each range, and the neighbours outside, which are public unless stated.
#[test]
fn ipv4_ranges_begin_and_end_where_the_registry_says() {
    use Restricted::{
        Benchmark, Documentation, LinkLocal, Loopback, Multicast, Private, Reserved, Shared, Tunnel,
        Unspecified,
    };
    for (before, first, last, after, expected) in [
        (None, "0.0.0.0", "0.255.255.255", Some("1.0.0.0"), Unspecified),
        (Some("9.255.255.255"), "10.0.0.0", "10.255.255.255", Some("11.0.0.0"), Private),
        (Some("100.63.255.255"), "100.64.0.0", "100.127.255.255", Some("100.128.0.0"), Shared),
        (Some("126.255.255.255"), "127.0.0.0", "127.255.255.255", Some("128.0.0.0"), Loopback),
        (Some("168.63.129.15"), "168.63.129.16", "168.63.129.16", Some("168.63.129.17"), LinkLocal),
        (Some("169.253.255.255"), "169.254.0.0", "169.254.255.255", Some("169.255.0.0"), LinkLocal),
        (Some("172.15.255.255"), "172.16.0.0", "172.31.255.255", Some("172.32.0.0"), Private),
        (Some("191.255.255.255"), "192.0.0.0", "192.0.0.255", Some("192.0.1.0"), Reserved),
        (Some("192.0.1.255"), "192.0.2.0", "192.0.2.255", Some("192.0.3.0"), Documentation),
        (Some("192.88.98.255"), "192.88.99.0", "192.88.99.255", Some("192.88.100.0"), Tunnel),
        (Some("192.167.255.255"), "192.168.0.0", "192.168.255.255", Some("192.169.0.0"), Private),
        (Some("198.17.255.255"), "198.18.0.0", "198.19.255.255", Some("198.20.0.0"), Benchmark),
        (Some("198.51.99.255"), "198.51.100.0", "198.51.100.255", Some("198.51.101.0"), Documentation),
        (Some("203.0.112.255"), "203.0.113.0", "203.0.113.255", Some("203.0.114.0"), Documentation),
        (Some("223.255.255.255"), "224.0.0.0", "239.255.255.255", None, Multicast),
        (None, "240.0.0.0", "255.255.255.255", None, Reserved),
    ] {
        assert_eq!(of(first), Some(expected), "{first}");
        assert_eq!(of(last), Some(expected), "{last}");
        for outside in [before, after].into_iter().flatten() {
            assert_eq!(of(outside), None, "{outside}");
        }
    }
}

#[test]
fn ipv6_addresses_are_classified() {
    use Restricted::{
        Benchmark, Documentation, LinkLocal, Loopback, Multicast, Private, Reserved, Tunnel, Unspecified,
    };
    for (address, expected) in [
        ("::", Some(Unspecified)),
        ("::1", Some(Loopback)),
        ("::2", Some(Reserved)),
        ("::127.0.0.1", Some(Reserved)),
        ("100::1", Some(Reserved)),
        ("64:ff9b:1::1", Some(Private)),
        ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Some(Private)),
        ("64:ff9b:2::1", Some(Reserved)),
        ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
        ("2000::", None),
        ("2001::1", Some(Tunnel)),
        ("2001:0:ffff::1", Some(Tunnel)),
        ("2001:1::1", Some(Reserved)),
        ("2001:2::1", Some(Benchmark)),
        ("2001:2:1::1", Some(Reserved)),
        ("2001:20::1", Some(Reserved)),
        ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
        ("2001:200::", None),
        ("2001:db8::1", Some(Documentation)),
        ("2001:db9::1", None),
        ("2001:4860:4860::8888", None),
        ("2002::1", Some(Tunnel)),
        ("2002:7f00:1::", Some(Tunnel)),
        ("2002:808:808::1", Some(Tunnel)),
        ("2003::1", None),
        ("2408:4003::1", None),
        ("3ffe::1", None),
        ("3fff::1", Some(Documentation)),
        ("3fff:fff:ffff::1", Some(Documentation)),
        ("3fff:1000::1", None),
        ("4000::", Some(Reserved)),
        ("5f00::1", Some(Reserved)),
        ("fbff::1", Some(Reserved)),
        ("fc00::1", Some(Private)),
        ("fd00:ec2::254", Some(Private)),
        ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Private)),
        ("fe00::1", Some(Reserved)),
        ("fe80::1", Some(LinkLocal)),
        ("febf::1", Some(LinkLocal)),
        ("fec0::1", Some(Private)),
        ("ff02::1", Some(Multicast)),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Multicast)),
    ] {
        assert_eq!(of(address), expected, "{address}");
    }
}

#[test]
fn embedded_ipv4_addresses_are_checked_as_ipv4() {
    for (inner, expected) in [
        ("127.0.0.1", Some(Restricted::Loopback)),
        ("10.0.0.1", Some(Restricted::Private)),
        ("169.254.169.254", Some(Restricted::LinkLocal)),
        ("100.100.100.200", Some(Restricted::Shared)),
        ("0.0.0.0", Some(Restricted::Unspecified)),
        ("255.255.255.255", Some(Restricted::Reserved)),
        ("8.8.8.8", None),
    ] {
        assert_eq!(of(inner), expected, "{inner}");
        assert_eq!(of(&format!("::ffff:{inner}")), expected, "mapped {inner}");
        assert_eq!(of(&format!("64:ff9b::{inner}")), expected, "NAT64 {inner}");
    }
    for isatap in ["2400:1::5efe:7f00:1", "2400:1::200:5efe:808:808"] {
        assert_eq!(of(isatap), Some(Restricted::Tunnel), "{isatap}");
    }
    assert_eq!(of("2400:1::100:5efe:808:808"), None);
}

#[test]
fn every_address_that_the_standard_library_calls_local_is_restricted() {
    // A check against another implementation, over addresses spread over the whole of IPv4.
    for step in 0..(1_u32 << 16) {
        let address = Ipv4Addr::from_bits(step.wrapping_mul(0x9e37_79b1));
        let is_local = address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified();
        assert!(!is_local || restriction(address.into()).is_some(), "{address}");
        assert_eq!(restriction(address.to_ipv6_mapped().into()), restriction(address.into()), "{address}");
    }
}

#[test]
fn network_contains_its_addresses_only() {
    for (network, inside, outside) in [
        (
            "10.0.0.0/8",
            vec!["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"],
            vec!["11.0.0.0", "9.255.255.255"],
        ),
        ("10.1.2.3", vec!["10.1.2.3"], vec!["10.1.2.2", "10.1.2.4"]),
        ("192.168.4.0/22", vec!["192.168.4.0", "192.168.7.255"], vec!["192.168.8.0", "192.168.3.255"]),
        ("0.0.0.0/0", vec!["127.0.0.1", "255.255.255.255"], vec!["::1", "64:ff9b::7f00:1"]),
        ("::/0", vec!["::1", "fd00::1"], vec!["127.0.0.1", "::ffff:127.0.0.1"]),
        ("fd00:1::/32", vec!["fd00:1::", "fd00:1:ffff::1"], vec!["fd00:2::", "::ffff:10.0.0.1"]),
        ("::1", vec!["::1"], vec!["::2", "127.0.0.1"]),
    ] {
        let parsed: Network = network.parse().unwrap();
        for address in inside {
            assert!(parsed.contains(address.parse().unwrap()), "{network} {address}");
        }
        for address in outside {
            assert!(!parsed.contains(address.parse().unwrap()), "{network} {address}");
        }
    }
}

#[test]
fn malformed_network_is_refused() {
    for (text, error) in [
        ("", NetworkError::Syntax),
        ("10.0.0.0/", NetworkError::Syntax),
        ("10.0.0.0/33", NetworkError::Syntax),
        ("10.0.0.0/+8", NetworkError::Syntax),
        ("10.0.0.0/255.0.0.0", NetworkError::Syntax),
        ("fd00::/129", NetworkError::Syntax),
        ("10.0.0/8", NetworkError::Syntax),
        ("shop.example.com", NetworkError::Syntax),
        ("10.0.0.1/8", NetworkError::HostBits),
        ("0.0.0.1/0", NetworkError::HostBits),
        ("fd00::1/64", NetworkError::HostBits),
        ("::ffff:10.0.0.0/104", NetworkError::Mapped),
    ] {
        assert_eq!(text.parse::<Network>(), Err(error), "{text}");
    }
}
