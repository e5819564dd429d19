//! What filters may cost while everybody waits: those of one event share what there is.

use std::sync::LazyLock;

use super::*;

fn with(number: u128, filter: &str) -> Webhook {
    Webhook { filter: Some(filter.to_owned()), ..webhook(number, &["*"]) }
}

/// Six megabytes: a long text, and long lists.
static LARGE: LazyLock<String> = LazyLock::new(|| {
    let rows: Vec<_> = (0..20_000).map(|n| json!({"n": n, "name": format!("row {n}")})).collect();
    let texts: Vec<_> = (0..150).map(|n| format!("{}{n:03}", "x".repeat(10_000))).collect();
    json!({"text": "xy".repeat(1_500_000), "accents": "é".repeat(250_000), "rows": rows, "texts": texts, "few": [1, 2, 3]})
        .to_string()
});

fn told(filters: &[&str], result: &str) -> (Vec<Addressee>, u64) {
    let news = news(Topic::Completed, Some(completed()));
    let texts = Texts { result: Some(result), ..Texts::default() };
    let webhooks = (0..).zip(filters).map(|(number, filter)| with(number, filter));
    let addressed = Subscriptions::new(7, webhooks).address(Occasion { news: &news, texts }, None);
    (addressed.mail.map(|mail| mail.addressees).unwrap_or_default(), addressed.steps)
}

/// As long as a filter may be.
fn longest(begin: &str, again: &str) -> String {
    let mut filter = begin.to_owned();
    while filter.len() + again.len() <= 4096 {
        filter.push_str(again);
    }
    filter
}

#[rstest]
#[case(longest("data.result.text == 1", " or data.result.text == data.result.texts"))]
#[case(longest("event == 1", " or data.result.text < data.result.text"))]
#[case("event == 1 or data.result.text[1:] ~ data.result.text[:-1] == data.result.accents[1:]".to_owned())]
#[case(longest("event == 1", " or data.result.accents == event"))]
#[case(longest("event == 1", " or 'xyyx' in data.result.text"))]
#[case(longest("event == 1", " or data.result.rows == data.result.texts"))]
#[case(longest("event == 1", " or data.result.rows|map(attribute='name')|list == 1"))]
#[case(longest("data.result.texts|select('in', data.result.texts|map(attribute='x'))|list", " or event"))]
#[case("data.result.texts|list|select('in', data.result.texts|list)|list|length == 0".to_owned())]
#[case("data.result.rows|selectattr('n', 'in', data.result.rows|map(attribute='n'))|list|length == 0".to_owned())]
#[case("data.result.rows[1:][1:][1:][1:][1:][1:][1:][1:]|list|length == 0".to_owned())]
#[case("data.result|string|length == 0 or data.result|tojson|length == 0".to_owned())]
#[case("data.result ~ data.result ~ data.result ~ data.result == 0".to_owned())]
#[case("data.result.text|upper|lower|upper|lower|length == 0".to_owned())]
fn fifty_nasty_filters_of_a_large_result_cost_little_more_than_one(#[case] filter: String) {
    assert!(Filter::compile(&filter).is_ok(), "{:?}", Filter::compile(&filter));
    let cpu = || Duration::from(nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock"));
    let result = LARGE.as_str();
    let began = cpu();
    let (addressees, steps) = told(&vec![filter.as_str(); 50], result);
    let took = cpu() - began;
    println!("{} told, {steps} steps, {took:?}: {filter:.60}", addressees.len());
    assert!(took < Duration::from_secs(3), "{took:?}, where nothing is optimised, and alone it takes a tenth of a second");
}

#[test]
fn what_is_left_over_by_nobody_matches_and_says_so() {
    let filters = vec!["data.result.text == data.result.texts"; 20];
    let (addressees, _) = told(&filters, &LARGE);
    let notes: Vec<_> = addressees.iter().filter_map(|to| to.note.as_deref()).collect();
    assert!(!notes.is_empty() && notes.len() == addressees.len(), "the others have said no");
    assert!(
        notes.iter().all(|note| note.starts_with("the filter could not be evaluated: the filters of this event")),
        "{notes:?}"
    );
}

#[test]
fn a_thousand_plain_filters_are_asked_whatever_the_result_is() {
    let (yes, no) = ("data.generator == 'default' and data.result.few|length == 3", "data.status in ['failed', 'cancelled']");
    let filters: Vec<_> = (0..1000).map(|number| if number % 2 == 0 { yes } else { no }).collect();
    for result in [LARGE.as_str(), r#"{"few": [1, 2, 3]}"#] {
        let (addressees, steps) = told(&filters, result);
        assert!(addressees.iter().all(|to| to.note.is_none()), "{:?}", addressees.iter().find(|to| to.note.is_some()));
        assert_eq!(addressees.len(), 500);
        println!("{steps} steps");
    }
}

#[test]
fn one_that_fails_at_every_event_takes_nothing_from_the_others() {
    let mut filters = vec!["data.result.few + 'x'"; 100];
    filters.push("data.status == 'failed'");
    let (addressees, _) = told(&filters, r#"{"few": 1}"#);
    assert_eq!(addressees.len(), 100);
    assert!(addressees.iter().all(|to| to.note.as_ref().is_some_and(|note| !note.contains("together"))));
}

#[test]
fn one_that_fails_at_a_large_letter_takes_nothing_from_the_others() {
    let failing = format!("data.result.few + 'x' {}", "and data.status == 'a' ".repeat(5));
    let filters = [failing.as_str(), failing.as_str(), "data.status == 'failed'"];
    let large = format!(r#"{{"few": 1, "text": "{}"}}"#, "x".repeat(400_000));
    let (addressees, _) = told(&filters, &large);
    assert_eq!(addressees.len(), 2, "only those that fail");
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        "[a\"\\\\{}\\[\\],: é\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a\"\\\\{}:]{0,4}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_passed_over_is_passed_over_as_a_whole(document in documents()) {
        for text in [document.to_string(), serde_json::to_string_pretty(&document).expect("JSON")] {
            let found = skip::entries(&text).map(|(name, value)| {
                (name.map(tree::string), serde_json::from_str::<Value>(&text[value]).expect("a whole value"))
            });
            match &document {
                Value::Array(list) => {
                    let found: Vec<_> = found.map(|(_, value)| value).collect();
                    prop_assert_eq!(&found, list);
                }
                Value::Object(map) => {
                    let found: serde_json::Map<_, _> = found.map(|(name, value)| (name.expect("a name"), value)).collect();
                    prop_assert_eq!(&found, map);
                }
                _ => {}
            }
        }
    }
}
