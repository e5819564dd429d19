//! One callback for each variation.

use super::*;

const NOW: &str = "1770552000";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// To a generator that signs the body in hex.
fn plain(body: &str, signature: &str) -> Sample {
    Sample::new(PLAIN, body).header("x-signature", signature)
}

/// To one that signs id, timestamp and body.
fn stamped(timestamp: &str, content: &str) -> Sample {
    Sample::new(STAMPED, "{}").header("x-id", "m1").header("x-timestamp", timestamp).header("x-signature", &hmac(content))
}

/// With a right signature over this timestamp.
fn timed(timestamp: &str) -> Sample {
    stamped(timestamp, &format!("m1.{timestamp}.{{}}"))
}

fn bare(value: &str) -> Sample {
    Sample::new(BARE, "{}").header("x-proof", value)
}

/// With the token of another attempt or generator.
fn with_token(attempt: u32, generator: &str) -> Sample {
    let generator = GeneratorName::parse(generator).unwrap();
    let token = keys().mint(Capability { task: &task(), attempt, generator: &generator });
    let sample = Sample::new(&format!("trust = \"token\"\n{PLAIN}"), "{}");
    Sample { raw: sample.raw.with_query("attempt", "1").with_query("token", &token), ..sample }
}

/// A body whose signature has characters of their own in URL-safe base64, or has none of them.
fn body_with(special: bool) -> String {
    let is_special = |body: &String| URL_SAFE.encode(mac(OWN.as_bytes(), body)).contains(['-', '_']);
    (0..).map(|n| format!("{{\"n\":{n}}}")).find(|body| is_special(body) == special).unwrap()
}

pub(super) fn sample(variation: Variation) -> Sample {
    use Variation as V;
    match variation {
        V::OtherHeader | V::PrefixMissing | V::PrefixUnexpected | V::Quoted => misplaced(variation),
        V::Hex | V::Base64 | V::Base64Url | V::Base64OfHex => encoded(variation),
        V::OtherGeneratorsSecret => plain("{}", &hex::encode(mac(OTHERS.as_bytes(), "{}"))).beside(PLAIN, OTHERS),
        V::OtherGenerator => {
            let file =
                "[[sign]]\nscheme = \"hmac\"\nheader = \"y-signature\"\nalg = \"sha512\"\ncontent = \"y{body}\"\n[event]\n";
            let tag = KeyedMac::new(Algorithm::Sha512, OTHERS.as_bytes()).tag(&[b"y{}"]);
            Sample::new(PLAIN, "{}").beside(file, OTHERS).header("y-signature", &hex::encode(tag))
        }
        V::SecretAsText => {
            let file = PLAIN.replace("[event]", "key = \"base64\"\nkey_prefix = \"whsec_\"\n[event]");
            let tag = hex::encode(mac(WHSEC.as_bytes(), "{}"));
            Sample::new(&file, "{}").secret(WHSEC).header("x-signature", &tag)
        }
        V::SecretDecoded => {
            let key = STANDARD.decode(WHSEC.trim_start_matches("whsec_")).unwrap();
            plain("{}", &hex::encode(mac(&key, "{}"))).secret(WHSEC)
        }
        V::SecretPadded => plain("{}", &hex::encode(mac(format!("{OWN}\n").as_bytes(), "{}"))),
        V::SecretTrimmed => plain("{}", &hmac("{}")).secret(&format!("\"{OWN}\"")),
        V::SecretSplit => {
            let whole = format!("{OWN},{OTHERS}");
            plain("{}", &hex::encode(mac(whole.as_bytes(), "{}"))).secret(&whole)
        }
        V::SecretEncoded => bare(&STANDARD.encode(OWN)),
        V::SecretEmpty => plain("{}", &hex::encode(mac(b"", "{}"))),
        V::OtherAlgorithm => plain("{}", &hex::encode(KeyedMac::new(Algorithm::Sha512, OWN.as_bytes()).tag(&[b"{}"]))),
        V::PlainHash => plain("{}", &hex::encode(sha256([OWN.as_bytes(), b"{}"]))),
        V::SignedInstead => bare(&hmac("{}")),
        V::TokenOfOtherAttempt => with_token(2, "x"),
        V::TokenOfOtherGenerator => with_token(1, "default"),
        V::TokenDamaged => {
            let mut sample = with_token(1, "x");
            sample.raw.query[1].1.truncate(40);
            sample
        }
        _ if variation.check() == Check::Timestamp => untimely(variation),
        _ => other_content(variation),
    }
}

fn misplaced(variation: Variation) -> Sample {
    match variation {
        Variation::OtherHeader => Sample::new(PLAIN, "{}").header("x-hub-signature", &hmac("{}")),
        Variation::PrefixMissing => {
            let file = PLAIN.replace("encoding", "field_sep = \"=\"\nfield = \"v1\"\nencoding");
            Sample::new(&file, "{}").header("x-signature", &hmac("{}"))
        }
        Variation::PrefixUnexpected => plain("{}", &format!("v1={}", hmac("{}"))),
        _ => plain("{}", &format!("\"{}\"", hmac("{}"))),
    }
}

fn encoded(variation: Variation) -> Sample {
    let (plain_body, special) = (body_with(false), body_with(true));
    match variation {
        Variation::Hex => Sample::new(IN_BASE64, "{}").header("x-signature", &hmac("{}")),
        Variation::Base64 => plain(&plain_body, &STANDARD.encode(mac(OWN.as_bytes(), &plain_body))),
        Variation::Base64Url => plain(&special, &URL_SAFE.encode(mac(OWN.as_bytes(), &special))),
        _ => plain("{}", &STANDARD.encode(hmac("{}"))),
    }
}

fn other_content(variation: Variation) -> Sample {
    use Variation as V;
    match variation {
        V::JavaScriptJson => plain("{\"ratio\": 8.0}", &hmac("{\"ratio\":8}")),
        V::PythonJson => plain("{\"b\":1,\"a\":8.0}", &hmac("{\"a\": 8.0, \"b\": 1}")),
        V::RawBody => {
            let file = PLAIN.replace("[event]", "content = \"{json:sorted,compact,ascii}\"\n[event]");
            Sample::new(&file, "{ \"b\":1,\"a\" :2}").header("x-signature", &hmac("{ \"b\":1,\"a\" :2}"))
        }
        V::CrlfAdded => plain("{\n}", &hmac("{\r\n}")),
        V::CrlfRemoved => plain("{\r\n}", &hmac("{\n}")),
        V::LineBreaksRemoved => plain("{\n  \"a\": 1\r\n}", &hmac("{  \"a\": 1}")),
        V::NewlineAdded => plain("{}", &hmac("{}\n")),
        V::NewlineStripped => plain("{}\n", &hmac("{}")),
        V::UrlDecoded => plain("payload=%7B%22a%22%3A1%7D", &hmac("{\"a\":1}")),
        V::UrlEncoded => plain("{\"a\":1}", &hmac("%7B%22a%22%3A1%7D")),
        V::WithoutId => stamped(NOW, &format!("{NOW}.{{}}")),
        V::WithoutTimestamp => stamped(NOW, "m1.{}"),
        V::BodyOnly => stamped(NOW, "{}"),
        V::WithTimestamp => plain("{}", &hmac(&format!("{NOW}.{{}}"))).header("x-timestamp", NOW),
        V::OtherSeparator => stamped(NOW, &format!("m1:{NOW}:{{}}")),
        V::BodyHashed => plain("{}", &hmac(&digest("{}"))),
        V::BodyNotHashed => {
            let file = PLAIN.replace("[event]", "content = \"{body_sha256}\"\n[event]");
            Sample::new(&file, "{}").header("x-signature", &hmac("{}"))
        }
        V::NothingSigned => plain("{}", &hmac("")),
        _ => panic!("{variation:?} has no sample"),
    }
}

fn untimely(variation: Variation) -> Sample {
    use Variation as V;
    let in_millis = STAMPED.replace("ts = ", "ts_unit = \"ms\"\nts = ");
    match variation {
        V::TimestampElsewhere => {
            let sample = Sample::new(STAMPED, "{}").header("x-id", "m1").header("x-sent-at", NOW);
            sample.header("x-signature", &hmac(&format!("m1.{NOW}")))
        }
        V::TimestampMissing => Sample::new(STAMPED, "{}").header("x-id", "m1").header("x-signature", &hmac("m1..")),
        V::TimestampInMillis => timed("1770552000000"),
        V::TimestampInMicros => timed("1770552000000000"),
        V::TimestampInSeconds => Sample { file: in_millis, ..timed(NOW) },
        V::TimestampAsDate => timed("2026-02-08T12:00:00Z"),
        V::TimestampFraction => timed("1770552000.5"),
        V::TimestampUnreadable => timed("noon"),
        V::TimestampInLocalTime => timed("1770548390"),
        V::TimestampOld => timed("1770551000"),
        V::TimestampAhead => timed("1770553000"),
        _ => panic!("{variation:?} has no sample"),
    }
}
