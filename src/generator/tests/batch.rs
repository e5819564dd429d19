//! Many callbacks under one signature.

use super::*;
use crate::domain::event::{Claim, Event, Found};
use crate::generator::payload::{decode_batch, decode_stored};
use crate::generator::token::Capability;

fn batch(body: &str) -> Result<Vec<Result<TaskEvent, Refusal>>, Refusal> {
    let generator = built_in("default", &with_secrets("default", &[SECRET]));
    let raw = RawCallback { task: None, ..raw(body) };
    let items = decode_batch(&proven(raw.signed(&generator, SECRET), &generator))?;
    Ok(items.into_iter().map(|item| item.decoded.map(Decoded::task_event)).collect())
}

#[test]
fn each_item_stands_for_itself() {
    let items = batch(
        r#"{"callbacks": [ {"task_id":"a","event":"completed","result":{"n":1}}, {"task_id":7,"event":"progress"},
            {"event":"progress"}, {"task_id":"not an id","event":"progress"}, 5, {"task_id":"b","event":"nonsense"} ]}"#,
    )
    .unwrap();
    let codes: Vec<_> = items.iter().map(|item| item.as_ref().err().map(|refusal| refusal.code)).collect();
    let invalid = Some(Code::InvalidEvent);
    assert_eq!(codes, [None, None, invalid, invalid, Some(Code::MalformedBody), Some(Code::UnknownEvent)]);
    assert_eq!(items[2].as_ref().unwrap_err().errors[0].field, "task_id");

    let first = items[0].as_ref().unwrap();
    assert_eq!(first.task.as_ref().unwrap().as_str(), "a");
    assert_eq!(&first.body[..], br#"{"task_id":"a","event":"completed","result":{"n":1}}"#);
    let Event::Completed(Some(Found::InBody(span))) = &first.event else { panic!("{:?}", first.event) };
    assert_eq!(&first.body[span.clone()], br#"{"n":1}"#);
    assert_eq!(first.claim, Claim::default(), "nothing is adopted in a batch");
    assert_eq!(items[1].as_ref().unwrap().task.as_ref().unwrap().as_str(), "7");
}

#[test]
fn an_items_fingerprint_is_that_of_its_bytes_alone() {
    let alone = batch(r#"{"callbacks":[{"task_id":"a","event":"failed"}]}"#).unwrap().remove(0).unwrap();
    let among = batch(r#"{"callbacks":[{"task_id":"b","event":"failed"},{"task_id":"a","event":"failed"}]}"#).unwrap();
    assert_eq!(among[1].as_ref().unwrap().fingerprint, alone.fingerprint);
    assert_ne!(among[0].as_ref().unwrap().fingerprint, alone.fingerprint);
}

#[test]
fn what_is_no_batch_is_malformed() {
    let many = |count: usize| format!(r#"{{"callbacks":[{}]}}"#, vec!["{}"; count].join(","));
    for body in ["{}", r#"{"callbacks":null}"#, r#"{"callbacks":{}}"#, &many(1_001)] {
        let refusal = batch(body).unwrap_err();
        assert_eq!((refusal.code, refusal.errors[0].field.as_str()), (Code::MalformedBody, "callbacks"));
    }
    assert_eq!(batch("[]").unwrap_err().code, Code::MalformedBody);
    assert_eq!(batch(&many(1_000)).unwrap().len(), 1_000);
    assert_eq!(batch(&many(0)).unwrap().len(), 0);
}

#[test]
fn a_token_proves_nothing_on_a_batch() {
    let generator = built_in("content-creator", &Overrides::default());
    let token = keys().mint(Capability { task: &task(), attempt: 1, generator: generator.name() });
    let raw = RawCallback { task: None, ..raw(r#"{"callbacks":[]}"#).with_query("token", &token) };
    assert_eq!(verdict(raw, &generator), Err(Code::SignatureInvalid));
}

#[test]
fn a_stored_callback_is_read_with_todays_words_and_its_own_claim() {
    let generator = built_in("default", &Overrides::default());
    let claim = Claim { token: Some(2), ..Claim::default() };
    let stored =
        decode_stored(&generator, &raw(r#"{"event":"failed","taskId":"g-1"}"#), claim.clone(), false).unwrap().task_event();
    assert_eq!(stored.claim, Claim { named: Some("g-1".to_owned()), ..claim });
}
