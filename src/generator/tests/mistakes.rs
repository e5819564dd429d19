//! Where a mistake in a file stands, and how many are told at once.

use super::catalog::mistake;

const SIGN: &str = "[[sign]]\nscheme = \"hmac\"\nheader = \"x-signature\"\n";

#[test]
fn a_mistake_in_a_list_of_tables_names_the_line_of_its_key() {
    let found = mistake(&format!("[event]\n{SIGN}\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"\n\n\ncontent = \"{{bdy}}\"\n"));
    assert!(found.starts_with("generators/x.toml:11: `sign.content` has `{bdy}`"), "{found}");
    let found = mistake("[event]\n[[sign]]\nheader = \"h\"\nscheme = \"ed25519\"\n\nalg = \"sha256\"\n");
    assert!(found.starts_with("generators/x.toml:6: `sign.alg` says nothing for Ed25519"), "{found}");
    let found = mistake("[event]\n[[sign]]\nscheme = \"hmac\"\nheader = \"h\"\ncovers_body = false\ncontent = \"a\"\n");
    assert!(found.starts_with("generators/x.toml:5: `sign.covers_body` is false"), "{found}");
    // what is not there stands nowhere
    let found = mistake("[event]\n[[sign]]\nscheme = \"hmac\"\n");
    assert!(found.starts_with("generators/x.toml:2: `sign.header` must say"), "{found}");
}

#[test]
fn mistakes_that_have_nothing_to_do_with_each_other_are_all_named() {
    let text = "trust = \"token\"\nmax_retires = 1\n[event]\nstaet = \"json:a\"\nstage = 7\n\n[[event.rule]]\nif = \"json:a\"\n\
                then = \"complete\"\n[[sign]]\nschem = \"hmac\"\n[submit]\nextra = { a = 1 }\nbody = \"josn\"\nurll = \"x\"\n";
    let told = mistake(text);
    let lines: Vec<&str> = told.lines().collect();
    for (line, fact) in [
        (2, "`max_retires` is no key here; did you mean `max_retries`?"),
        (4, "`event.staet` is no key here; did you mean `state`?"),
        (5, "`event.stage` must be"),
        (8, "`event.rule.if` may not be `json:a`"),
        (9, "`event.rule.then` may not be `complete`; did you mean `completed`?"),
        (11, "`sign.schem` is no key here; did you mean `scheme`?"),
        (14, "`submit.body` may not be `josn`; did you mean `json`?"),
        (15, "`submit.urll` is no key here; did you mean `url`?"),
    ] {
        let start = format!("generators/x.toml:{line}: {fact}");
        assert!(lines.iter().any(|told| told.starts_with(&start)), "{start} is not in\n{told}");
    }
    assert_eq!(lines.len(), 8, "{told}");
    let many: String = (0..99).map(|n| format!("zzz{n} = 1\n")).collect();
    assert_eq!(mistake(&format!("{many}[event]\n")).lines().count(), 10);
}
