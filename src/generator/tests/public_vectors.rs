//! Every byte of a signature that somebody else made, and of what it signs.

use super::vectors::Vector;
use super::*;

/// What a byte of a header becomes: a sign that stands in no signature, and one that does.
fn others(byte: u8) -> [u8; 2] {
    [b'~', if byte.eq_ignore_ascii_case(&b'a') { b'b' } else { b'a' }]
}

/// Verdicts over the vector's callback after each of the changes.
fn verdicts(vector: &Vector, changes: impl Iterator<Item = RawCallback>) -> Vec<Result<Option<u32>, Code>> {
    let generator = vector.generator();
    changes.map(|raw| verdict(raw, &generator)).collect()
}

#[test]
fn each_says_where_it_comes_from() {
    for vector in Vector::all() {
        assert!(vector.text("source").len() > 10, "{}", vector.text("dialect"));
    }
}

#[test]
fn no_byte_of_a_body_may_change() {
    for vector in Vector::all().into_iter().filter(Vector::covers_body) {
        let body = vector.raw().body;
        let changed = (0..body.len()).map(|at| {
            let mut bytes = body.to_vec();
            bytes[at] ^= 1;
            RawCallback { body: bytes.into(), ..vector.raw() }
        });
        let found = verdicts(&vector, changed);
        assert!(!found.is_empty() && found.iter().all(|one| *one == Err(Code::SignatureInvalid)), "{}", vector.text("source"));
        let cut = (0..body.len()).map(|length| RawCallback { body: body.slice(..length), ..vector.raw() });
        assert!(verdicts(&vector, cut).iter().all(Result::is_err), "{}", vector.text("source"));
    }
}

#[test]
fn no_byte_of_a_header_may_change() {
    for vector in Vector::all() {
        for (header, (name, value)) in vector.raw().headers.into_iter().enumerate() {
            // a decoy that may be anything
            let counts = value.windows(4).position(|four| four == b",v0=").unwrap_or(value.len());
            // the last letter of base64 has bits that are left unused, and may be followed by what only fills up
            let meaningful = counts.saturating_sub(2);
            let changes = (0..meaningful).flat_map(|at| others(value[at]).map(|byte| (at, byte)));
            let changed = changes.map(|(at, byte)| {
                let mut raw = vector.raw();
                raw.headers[header].1[at] = byte;
                raw
            });
            let found = verdicts(&vector, changed);
            let refused = |one: &Result<_, Code>| matches!(one, Err(Code::SignatureInvalid | Code::TimestampOutOfTolerance));
            assert!(!found.is_empty() && found.iter().all(refused), "{name} of {}: {found:?}", vector.text("source"));
        }
    }
}

/// A captured callback is not made younger: a timestamp that is within bounds is still the one that was signed.
#[test]
fn a_timestamp_is_signed_to_the_second() {
    for vector in Vector::all().into_iter().filter(Vector::has_clock) {
        let now = vector.0["now"].as_i64().unwrap();
        for second in [now - 1, now + 1, now + 299] {
            let mut raw = vector.raw();
            raw.arrived = Timestamp::from_secs(second);
            for (_, value) in &mut raw.headers {
                *value = String::from_utf8_lossy(value).replace(&now.to_string(), &second.to_string()).into_bytes();
            }
            assert_ne!(raw.headers, vector.raw().headers, "the timestamp is in a header of {}", vector.text("source"));
            assert_eq!(verdict(raw, &vector.generator()), Err(Code::SignatureInvalid), "{}", vector.text("source"));
        }
    }
}

#[test]
fn no_letter_of_a_secret_may_change() {
    let shared = |vector: &Vector| vector.0["sign"]["scheme"] == "hmac";
    for vector in Vector::all().into_iter().filter(shared) {
        let secret = vector.text("secret");
        let first = vector.0["sign"]["key_prefix"].as_str().filter(|prefix| secret.starts_with(prefix)).map_or(0, str::len);
        for at in first..secret.len() - 2 {
            let mut other = secret.to_owned().into_bytes();
            other[at] = others(other[at])[1];
            let generator = vector.generator_with(std::str::from_utf8(&other).unwrap());
            assert_eq!(verdict(vector.raw(), &generator), Err(Code::SignatureInvalid), "{}", vector.text("source"));
        }
    }
}

#[test]
fn a_signed_url_counts() {
    let square = Vector::all().into_iter().find(|vector| vector.text("dialect") == "square").unwrap();
    for url in ["https://example.com/webhooks", "http://example.com/webhook", "https://example.com/webhook?a=b", ""] {
        let raw = RawCallback { url: url.to_owned(), ..square.raw() };
        assert_eq!(verdict(raw, &square.generator()), Err(Code::SignatureInvalid), "{url}");
    }
}
