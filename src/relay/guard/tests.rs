use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use reqwest::dns::Resolve;
use rstest::rstest;

use super::*;

const PUBLIC: &str = "93.184.216.34";

fn strict() -> Guard {
    Guard::new(Vec::new())
}

/// As the setting would say it.
fn allowing(words: &[&str]) -> Guard {
    let allowed = |word: &&str| match (word.parse(), word.parse::<IpAddr>()) {
        _ if *word == "private" => Allowed::Private,
        (Ok(network), _) => Allowed::Network(network),
        (_, Ok(address)) => Allowed::Network(address.into()),
        _ => Allowed::Host((*word).to_owned()),
    };
    Guard::new(words.iter().map(allowed).collect())
}

fn url(address: &str) -> String {
    if address.contains(':') { format!("http://[{address}]/") } else { format!("http://{address}/") }
}

#[rstest]
#[case("http://2130706433/")]
#[case("http://017700000001/")]
#[case("http://0x7f.1/")]
#[case("http://0X7F000001")]
#[case("http://127.1/")]
#[case("http://127.0.0.1./")]
#[case("http://127.255.255.254:8080/")]
#[case("http://%31%32%37.0.0.1/")]
#[case("http://%6c%6fcalhost/")]
#[case("http://１２７.０.０.１/")]
#[case("http://①②⑦.⓪.⓪.①/")]
#[case("http://127。0。0。1/")]
#[case("http:127.0.0.1")]
#[case("http:\\\\127.0.0.1\\")]
#[case("ht\ntp://12\t7.0.0.1/")]
#[case("https://[::1]/")]
#[case("http://[0:0:0:0:0:0:0:1]/")]
#[case("http://[::ffff:127.0.0.1]/")]
#[case("http://[::ffff:7f00:1]/")]
#[case("http://localhost/")]
#[case("http://LOCALHOST./")]
#[case("http://LocalHost..:8080/")]
#[case("http://ｌｏｃａｌｈｏｓｔ/")]
#[case("http://hub.localhost/")]
fn this_machine_is_refused_in_every_spelling(#[case] url: &str) {
    let refused = strict().read(url).expect_err(url);
    assert!(matches!(refused, Forbidden::Address { .. }), "{url}: {refused}");
    assert!(refused.to_string().contains("loopback") && refused.to_string().contains("DELIVERY_ALLOWED_NETWORKS"), "{refused}");
}

#[rstest]
#[case("0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 169.254.1.1 172.16.0.1 172.31.255.255")]
#[case("192.0.0.1 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7")]
#[case("224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255")]
#[case(":: ::1 ::2 ::127.0.0.1 ::93.184.216.34 ::ffff:10.0.0.1 ::ffff:0:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::7f00:1")]
#[case("64:ff9b:1::93.184.216.34 100::1 100:0:0:1::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:a00:1::1")]
#[case("2002:5db8:d822::1 3fff::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 febf::1 fec0::1 ff02::1 4000::1 1::1")]
fn what_not_everybody_can_reach_is_refused(#[case] addresses: &str) {
    for address in addresses.split(' ') {
        let refused = strict().read(&url(address)).expect_err(address);
        assert!(matches!(refused, Forbidden::Address { .. }), "{address}: {refused}");
        let parsed = address.parse().expect(address);
        assert!(strict().permits("hooks.example", parsed).is_err(), "{address}");
        let named = allowing(&[address]);
        assert!(named.read(&url(address)).is_ok(), "{address} is named");
    }
}

#[rstest]
#[case("1.1.1.1 8.8.8.8 93.184.216.34 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1 223.255.255.255")]
#[case("2606:4700::1111 2a00:1450::1 2001:200::1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2003::1 3ffe::1")]
fn what_everybody_can_reach_is_fine(#[case] addresses: &str) {
    for address in addresses.split(' ') {
        assert_eq!(strict().read(&url(address)).err(), None, "{address}");
    }
}

#[rstest]
#[case("169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16")]
#[case("::ffff:169.254.169.254 ::169.254.169.254 ::ffff:0:169.254.169.254 64:ff9b::169.254.169.254 fe80::a9fe:a9fe")]
#[case("64:ff9b:1::a9fe:a9fe 64:ff9b:1:a9fe:a9:fe00:: 2002:a9fe:a9fe::1 2001:0:a9fe:a9fe::1 2001:0:808:808::5601:5601")]
#[case("fd00:ec2::254 fd00:ec2::23 fd20:ce::254 2a00:1450::a9fe:a9fe")]
fn where_a_machines_credentials_are_handed_out_is_never_allowed(#[case] addresses: &str) {
    let guard = allowing(&["private", "0.0.0.0/0", "::/0", "hooks.example", "169.254.169.254"]);
    for address in addresses.split(' ') {
        for refused in [
            guard.read(&url(address)).map(drop).expect_err(address),
            guard.permits("hooks.example", address.parse().expect(address)).expect_err(address),
        ] {
            assert!(matches!(refused, Forbidden::Metadata(_)), "{address}: {refused}");
            assert!(refused.to_string().contains("never"), "{refused}");
        }
    }
}

#[rstest]
#[case("http://metadata.google.internal/computeMetadata/v1/")]
#[case("http://METADATA.google.internal./")]
#[case("http://metadata.goog/")]
#[case("http://0xa9fea9fe/latest/meta-data/")]
#[case("http://2852039166/")]
fn nor_is_it_under_other_names(#[case] url: &str) {
    let guard = allowing(&["private", "metadata.google.internal", "metadata.goog", "0.0.0.0/0"]);
    assert!(matches!(guard.read(url), Err(Forbidden::Metadata(_))), "{url}");
}

#[rstest]
#[case("ftp://hooks.example/", "`ftp`")]
#[case("file:///etc/passwd", "`file`")]
#[case("gopher://hooks.example:70/", "`gopher`")]
#[case("javascript:alert(1)", "`javascript`")]
#[case("http://user@hooks.example/", "user name")]
#[case("http://:hush@hooks.example/", "user name")]
#[case("http://hooks.example:22/", "port 22")]
#[case("https://hooks.example:25/", "port 25")]
#[case("http://hooks.example:6000/", "port 6000")]
#[case("http://hooks.example:0/", "port 0")]
#[case("http://", "host")]
#[case("http://?x", "host")]
#[case("/hooks", "URL")]
#[case("http://1.2.3.4.5/", "IPv4")]
#[case("http://[::1", "IPv6")]
#[case("http://[fe80::1%25eth0]/", "IPv6")]
fn what_is_no_destination_is_told_by_the_part_at_fault(#[case] url: &str, #[case] part: &str) {
    let sentence = allowing(&["private"]).read(url).expect_err(url).to_string();
    assert!(sentence.contains(part) && !sentence.contains("hush"), "{url}: {sentence}");
}

#[test]
fn what_is_allowed_is_allowed_and_no_more() {
    let reads = |words: &[&str], url: &str| allowing(words).read(url).is_ok();
    assert!(reads(&["10.0.0.0/8"], "http://10.1.2.3/") && !reads(&["10.0.0.0/8"], "http://11.0.0.1:22/"));
    assert!(!reads(&["10.0.0.0/8"], "http://192.168.0.1/") && !reads(&["10.0.0.0/8"], "http://127.0.0.1/"));
    assert!(reads(&["10.0.0.0/8"], "http://[::ffff:10.1.2.3]/"), "it is the same address");
    assert!(reads(&["fd00::/8"], "http://[fd00::1]/") && !reads(&["fd00::/8"], "http://[fc00::1]/"));
    for near in ["127.0.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "[::1]", "[fd00::1]", "[fe80::1]", "localhost"] {
        assert!(reads(&["private"], &format!("http://{near}/")), "{near}");
    }
    for odd in ["0.0.0.0", "224.0.0.1", "203.0.113.1", "240.0.0.1", "[::]", "[ff02::1]", "[2002:a00:1::]"] {
        assert!(!reads(&["private"], &format!("http://{odd}/")), "{odd}");
    }
    assert!(reads(&["localhost"], "http://localhost:8080/") && !reads(&["localhost"], "http://127.0.0.1:8080/"));
    assert!(reads(&["127.0.0.1/32"], "http://localhost/") && reads(&["::1/128"], "http://localhost/"));
    let guard = allowing(&["Hooks.Internal."]);
    let near = [10, 0, 0, 1].into();
    assert_eq!(guard.permits("hooks.internal", near), Ok(()));
    assert_eq!(guard.permits("HOOKS.internal.", near), Ok(()));
    for other in ["a.hooks.internal", "hooks.internal.example", "xhooks.internal"] {
        assert!(guard.permits(other, near).is_err(), "{other}");
    }
}

/// Answers one question after the other.
struct Scripted(Mutex<VecDeque<io::Result<Vec<SocketAddr>>>>);

impl Lookup for Scripted {
    fn addresses(&self, _: &str) -> Looking {
        let next = self.0.lock().expect("nobody panics").pop_front().expect("no more questions are asked");
        Box::pin(async { next })
    }
}

/// A guard to which names have these addresses, one question after the other.
fn hearing(allowed: Vec<Allowed>, answers: &[&str]) -> Guard {
    let addresses = |answer: &&str| match *answer {
        "?" => Err(io::Error::other("failed to lookup address information: Name or service not known")),
        list => Ok(list.split_whitespace().map(|address| SocketAddr::new(address.parse().expect(address), 0)).collect()),
    };
    Guard::asking(allowed, Arc::new(Scripted(Mutex::new(answers.iter().map(addresses).collect()))))
}

#[tokio::test]
async fn a_name_is_judged_by_all_of_its_addresses() {
    let check = async |answer| hearing(Vec::new(), &[answer]).check("https://hooks.example/x").await;
    assert_eq!(check(PUBLIC).await, Ok(()));
    assert_eq!(check("?").await, Ok(()), "it may resolve later");
    let refused = check("93.184.216.34 10.0.0.1").await.expect_err("one of them is private");
    assert!(refused.to_string().contains("hooks.example (10.0.0.1)"), "{refused}");
    assert!(check("2606:4700::1111 ::1").await.is_err());
    let host = || vec![Allowed::Host("hooks.example".to_owned())];
    assert_eq!(hearing(host(), &["10.0.0.1 ::1"]).check("https://hooks.example").await, Ok(()));
    let refused = hearing(host(), &["10.0.0.1 169.254.169.254"]).check("https://hooks.example").await;
    assert!(matches!(refused, Err(Forbidden::Metadata(_))));
}

#[tokio::test]
async fn what_is_connected_to_is_what_was_judged() {
    let resolver = Resolver(hearing(Vec::new(), &[PUBLIC, "127.0.0.1", "93.184.216.34 169.254.169.254", "", "?"]));
    let resolve = async || resolver.resolve("hooks.example".parse().expect("a name")).await;
    let found = resolve().await.map(Iterator::collect::<Vec<_>>);
    assert_eq!(found.expect("a public address"), [SocketAddr::new(PUBLIC.parse().expect("an address"), 0)]);
    for _ in 0..2 {
        let refused = resolve().await.err().expect("the name has turned");
        assert!(refused.is::<Forbidden>(), "{refused}");
    }
    for sentence in ["DNS: the name has no address", "DNS: Name or service not known"] {
        assert_eq!(resolve().await.err().expect("no address").to_string(), sentence);
    }
}
