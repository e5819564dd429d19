//! Senders that take the line breaks out of a body before they sign it.

use super::vectors::{Vector, named};
use super::*;
use crate::domain::event::{Event, Found};

/// The sender's own lines, and any others.
fn with_body(vector: &Vector, body: impl Into<String>) -> RawCallback {
    RawCallback { body: body.into().into(), ..vector.raw() }
}

#[test]
fn line_breaks_are_no_part_of_what_is_signed_and_blanks_are() {
    let vector = named("mindee");
    let (generator, body) = (vector.generator(), vector.text("body"));
    let one_line = body.replace('\n', "");
    for same in [one_line.clone(), body.replace('\n', "\r"), format!("\r\n{one_line}\n\n"), body.replacen("j-1", "j\n-\r1", 1)] {
        assert_eq!(verdict(with_body(&vector, same.as_str()), &generator), Ok(None), "{same}");
    }
    for other in
        [one_line.replace(' ', ""), body.replace('\n', "\n "), body.replace('\n', "\u{2028}"), body.replace("i-1", "i-2")]
    {
        assert_eq!(verdict(with_body(&vector, other.as_str()), &generator), Err(Code::SignatureInvalid), "{other}");
    }
}

/// A line break inside of a word or a text would make another body of it, or none: what was sent is proven by nothing.
#[test]
fn what_is_signed_is_what_is_read() {
    let file = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\ncontent = \"{body_without_line_breaks}\"\n[event]\n\
                state = \"json:s\"\nresult = \"json:r\"\n[event.map]\ncompleted = \"done\"\n";
    let generator = written(file);
    let signed = raw(r#"{"s":"done","r":true}"#).signed(&generator, SECRET);
    let broken = RawCallback { body: "{\r\n\"s\":\"do\nne\",\"r\":tr\rue}\n".into(), ..signed.clone() };
    let verified = proven(broken, &generator);
    assert_eq!(verified.raw().body, signed.body);
    let event = decode(&verified).unwrap();
    let Event::Completed(Some(Found::InBody(span))) = event.event else { panic!("{event:?}") };
    assert_eq!((&event.body[span], &event.body), (&b"true"[..], &signed.body));
    // and so it is the same event
    assert_eq!(event.fingerprint, decode(&proven(signed, &generator)).unwrap().fingerprint);
}
