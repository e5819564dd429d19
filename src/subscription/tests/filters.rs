//! What filters can say, and what they cannot do.

use super::*;

const LETTER: &str = r#"{"event":"task.failed","data":{"generator":"replicate","progress":{"percent":40.0},"error":{"code":"NSFW"},
"result":null,"list":[{"n":1,"ok":true},{"n":2,"ok":false}],"big":9007199254740993,"huge":1e400},"timestamp":"2026-02-08T12:00:00Z","metadata":{}}"#;

fn says(filter: &str) -> bool {
    let compiled = Filter::compile(filter).unwrap_or_else(|says| panic!("{filter} {says}"));
    compiled.matches(&Opened::new(LETTER, 1)).unwrap_or_else(|says| panic!("{filter}: {says}"))
}

#[rstest]
#[case("data.error.code == 'NSFW'")]
#[case("event == \"task.failed\" and data.generator in [\"replicate\", \"fal\"]")]
#[case("data.generator in (\"replicate\", \"fal\")")]
#[case("not data.result")]
#[case("not data.nothing.at.all")]
#[case("data.nothing.at.all != 'NSFW'")]
#[case("data.progress.percent > 30 and data.progress.percent <= 40")]
#[case("data.progress.percent|times(2) == 80")]
#[case("data['error']['code']|lower == 'nsfw'")]
#[case("data.list[1].n == 2 and data.list|length == 2")]
#[case("data.list|selectattr('ok')|list|length == 1")]
#[case("2 in data.list|map(attribute='n')")]
#[case("event is startingwith 'task.' and data.result is none and data.x is not defined")]
#[case("{'replicate': true}[data.generator]")]
#[case("data.big == 9007199254740993 and data.big != 9007199254740992")]
#[case("data.huge > 1")]
#[case("'SFW' in data.error.code")]
#[case("data.list")]
fn filters_match(#[case] filter: &str) {
    assert!(says(filter));
    assert!(!says(&format!("not ({filter})")));
}

#[rstest]
#[case("", "is empty")]
#[case("data.x ==", "is no expression")]
#[case("dta.x", "`dta`, which is no variable; there are event, data, timestamp, metadata")]
#[case("data.x|shout", "`shout`, which is no filter")]
#[case("data.x is loud", "`loud`, which is no test")]
#[case("data.x }} y", "`}}`")]
#[case("'abc", "a string that does not end")]
#[case("range(10)", "`range`, which is no variable")]
#[case("data.items()", "calls something")]
#[case("data.x * 2", "|times(2)")]
#[case("[data, data]", "only constants")]
#[case("(data, 1)", "only constants")]
#[case("1, data", "only constants")]
#[case("{'a': [data]}", "only constants")]
#[case("data.x|map('upper') and (1", "is no expression")]
#[case("data.x) or (data.y", "is no expression")]
#[case("data.text[::-1]", "a slice with a step")]
#[case("data.text[1:2][1:][1:][1:][1:][1:][1:][1:][1:]", "more than 8 slices")]
fn faults_are_named_with_their_place(#[case] filter: &str, #[case] part: &str) {
    let says = Filter::compile(filter).expect_err(filter);
    assert!(says.contains(part) && says.contains("(at character "), "{filter} {says}");
}

#[test]
fn a_fault_is_where_it_is_said_to_be() {
    assert!(Filter::compile("event == 'ä' or dta.x").expect_err("a fault").ends_with("(at character 17)"));
    assert!(Filter::compile(&"x".repeat(5000)).expect_err("a fault").starts_with("is longer than"));
}

/// Neither seconds nor gigabytes: they are refused, or run out of fuel.
#[rstest]
#[case("'x' * 1000000000")]
#[case("[[[1] * 1000] * 1000] * 1000 == [1]")]
#[case("range(1000000000)|length")]
#[case("10 ** 100000000")]
#[case("data.text|replace('x', data.text)")]
#[case("data.text|join(data.text)")]
#[case("data.many|join(data.text)")]
#[case("'%1000000000d'|format(1)")]
#[case("data.text|indent(1000000000)")]
#[case("data.text|center(1000000000)")]
#[case("data.many|batch(1, data)|list|length")]
#[case("data.many|map('default', data)|list|string|length")]
#[case("data.many|map(attribute='x', default=data)|list|string|length")]
#[case("data.many|sum(start='')")]
#[case("data.crowd|length and data.crowd[0]")]
#[case("data.crowd < data.crowd[1:]")]
#[case("data.crowds|min")]
fn bombs_do_not_go_off(#[case] filter: &str) {
    let (text, many, crowd) = ("x".repeat(1_000_000), vec![0; 90_000], vec![0; 100_001]);
    let crowds = [&crowd, &crowd];
    let letter = json!({"event": "e", "data": {"text": text, "many": many, "crowd": crowd, "crowds": crowds}}).to_string();
    let refused = Filter::compile(filter).and_then(|compiled| compiled.matches(&Opened::new(&letter, 1)));
    assert!(refused.is_err(), "{filter}: {refused:?}");
}

/// What looks at everything for everything: all of it is paid for.
#[rstest]
#[case("data.many|select('in', data.many)|list|length")]
#[case("data.many|reject('in', data.others)|list|length")]
#[case("data.many|select('eq', data.others)|list|length")]
#[case("data.many|selectattr('x', 'in', data.others)|list|length")]
#[case("data.many|map(attribute='x')|list in data.others")]
#[case("data.others|min == data.many|max")]
#[case("data.many|string|length > data.others|tojson|length")]
#[case("data.text|replace('', data.text)")]
#[case("data.text|replace('x', 'xxxxxxxx')|upper|lower|title|trim")]
#[case("data.text[5:-5] ~ data.text[1:] == data.text[:-1]")]
#[case("data.many[1:] == data.others[:-1]")]
#[case("(data.many + data.others + data.many)|select('in', data.many)|list")]
#[case("data.many|map(attribute='x')|join(', ')|length")]
fn nothing_takes_long(#[case] filter: &str) {
    let (many, others): (Vec<_>, Vec<_>) = (0..50_000).map(|n| (json!({"x": n}), json!({"x": n + 7}))).unzip();
    let letter = json!({"event": "e", "data": {"text": "xy".repeat(1_000_000), "many": many, "others": others}}).to_string();
    let compiled = Filter::compile(filter).unwrap_or_else(|says| panic!("{filter} {says}"));
    let before = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
    let said = compiled.matches(&Opened::new(&letter, 1));
    let after = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
    let took = Duration::from(after) - Duration::from(before);
    assert!(took < Duration::from_secs(3), "{filter}: {took:?}, {said:?}");
}

#[test]
fn what_is_put_together_is_no_larger_than_a_few_letters() {
    let sums = |count| format!("({} ~ 'x')|length > 0", vec!["data"; count].join(" ~ "));
    assert!(says(&sums(16)));
    assert!(Filter::compile(&sums(17)).is_err());
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("data[", "]")] {
        let filter = format!("{}1{}", open.repeat(700), close.repeat(700));
        if let Ok(compiled) = Filter::compile(&filter) {
            drop(compiled.matches(&Opened::new(LETTER, 1)));
        }
    }
    let deep = format!(r#"{{"event":"e","data":{}7{}}}"#, "[".repeat(130), "]".repeat(130));
    let path = format!("data{} == 7", "[0]".repeat(130));
    assert!(Filter::compile(&path).expect("a filter").matches(&Opened::new(&deep, 1)).expect("a value"));
}

proptest! {
    #[test]
    fn any_words_in_any_order_end_well(words in prop::collection::vec(
        prop::sample::select(vec!["data", "event", ".x", "|", "lower", "length", "default", "(", ")", "[", "]", "{", "}", ",", ":", "'a'",
            "1", "==", "<", "in", "is", "not", "and", "if", "else", "+", "~", "-", "none", "list", "=", "/", "%", "selectattr", "tojson"]), 0..12)) {
        if let Ok(filter) = Filter::compile(&words.join(" ")) {
            let _ = filter.matches(&Opened::new(LETTER, 1));
        }
    }
}
