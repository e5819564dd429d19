//! A generator's file in words: what the hub understood, a row a fact. For its author, before a callback comes.

use std::time::Duration;

use super::entry::Generator;
use super::scalar::{Confirm, Early, Ingress, Trust};
use super::written::Written;

mod requests;
mod warnings;

/// What belongs together, a row a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    pub title: &'static str,
    /// Label and text.
    pub rows: Vec<(String, String)>,
}

impl Chapter {
    fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    fn say(&mut self, label: impl Into<String>, text: impl Into<String>) {
        self.rows.push((label.into(), text.into()));
    }

    /// Says something where there is something to say.
    fn tell(&mut self, label: &str, text: Option<String>) {
        if let Some(text) = text {
            self.say(label, text);
        }
    }
}

impl Generator {
    /// Every chapter that has something to say.
    #[must_use]
    pub fn explained(&self) -> Vec<Chapter> {
        let chapters = [
            self.proof(),
            self.callbacks(),
            self.event(),
            self.words(),
            self.challenge(),
            self.submission(),
            self.questions(),
            self.cancellation(),
            self.limits(),
            self.contents(),
            self.habits(),
        ];
        chapters.into_iter().filter(|chapter| !chapter.rows.is_empty()).collect()
    }

    fn proof(&self) -> Chapter {
        let mut chapter = Chapter::new("proof");
        let signs = self.written.tables("sign");
        let trust = match self.trust {
            Trust::Verify => "a good signature is needed",
            Trust::Token if signs.is_empty() => "the token in the callback URL is enough",
            Trust::Token => "the token in the callback URL is enough, or, once a secret is set, a good signature",
            Trust::None => "none: whoever knows a task's id can speak for it",
        };
        chapter.say("trust", trust);
        for (at, sign) in signs.iter().enumerate() {
            chapter.say(if at == 0 { "signature" } else { "or" }, signature(sign));
        }
        chapter.tell("bind", self.written.text("bind").map(|_| "the token in the callback URL is needed, too".to_owned()));
        chapter
    }

    fn callbacks(&self) -> Chapter {
        let mut chapter = Chapter::new("callbacks");
        let name = &self.name;
        chapter.say(
            "arrive at",
            match self.ingress() {
                Ingress::Task => format!("/callback/{{task_id}}?generator={name}&attempt={{attempt}}&token={{token}}"),
                Ingress::Shared if self.needs_ingress_token() => {
                    format!("/hooks/{name}?token={{token}}, one URL for all tasks; the running hub shows the token")
                }
                Ingress::Shared => format!("/hooks/{name}, one URL for all tasks"),
            },
        );
        let methods = self.settings.methods.iter().map(|method| method.as_str());
        let is_there = |method: &&str| self.ingress() == Ingress::Task || *method == "POST";
        chapter.say("methods", methods.filter(is_there).collect::<Vec<_>>().join(", "));
        chapter.say("answered", self.accepted().to_string());
        chapter.say(
            "too early",
            match self.early() {
                Early::Reject => "404 while there is no such task".to_owned(),
                Early::Retry => format!("503, to come again after {}, while there is no such task", spoken(self.retry_after())),
                Early::Park => "taken, and kept until there is such a task, a day at most".to_owned(),
            },
        );
        chapter.tell("task", either(&self.written.list("event.task")).map(|place| format!("the id at {place}")));
        chapter.say(
            "same event",
            match self.written.list("event.id").as_slice() {
                [] => "known again by the signed bytes".to_owned(),
                [only] if only == "task" => "known again by its task and what it means".to_owned(),
                list => format!("known again by {}", list.join(", else ")),
            },
        );
        let at = either(&self.written.list("event.at"));
        let unit = self.written.text("event.at_unit").map(|unit| format!(" ({unit})")).unwrap_or_default();
        chapter.tell("its time", at.map(|place| place + &unit));
        let confirmed = match self.confirm() {
            Confirm::Never => "at its word",
            Confirm::Terminal => "an end only after the generator has been asked",
            Confirm::Always => "nothing before the generator has been asked",
        };
        chapter.say("believed", confirmed);
        chapter
    }

    fn event(&self) -> Chapter {
        let mut chapter = Chapter::new("event");
        let written = &self.written;
        chapter.tell("word", either(&written.list("event.state")));
        for rule in written.tables("event.rule") {
            let conditions = rule.list("if").join(" and ");
            chapter.say("rule", format!("{conditions}: {}", rule.text("then").unwrap_or_default()));
        }
        let scale = written.text("event.scale").map(|scale| format!(" ({scale})")).unwrap_or_default();
        chapter.tell("progress", either(&written.list("event.progress")).map(|place| place + &scale));
        let ratio = written.list("event.progress_of");
        chapter.tell("progress", (!ratio.is_empty()).then(|| ratio.join(" of ")));
        for key in ["stage", "message", "error"] {
            chapter.tell(key, either(&written.list(&format!("event.{key}"))));
        }
        chapter.say("result", either(&written.list("event.result")).unwrap_or_else(|| "the whole body".to_owned()));
        chapter.tell("data", either(&written.list("event.data")));
        chapter
    }

    fn words(&self) -> Chapter {
        let mut chapter = Chapter::new("words");
        for meaning in self.written.keys("event.map") {
            let words = self.written.list(&format!("event.map.{meaning}"));
            chapter.tell(meaning, (!words.is_empty()).then(|| words.join(", ")));
        }
        let other = match self.written.text("event.default").as_deref() {
            Some("refuse") => "refused",
            Some("progress") => "progress, also where there is no word",
            Some("completed") => "completed, also where there is no word",
            Some("event") => "no task's business: stored and handed on as custom events",
            _ => "of no interest: answered and ignored",
        };
        chapter.say("any other", other);
        chapter
    }

    fn challenge(&self) -> Chapter {
        let mut chapter = Chapter::new("handshake");
        chapter.tell("when", self.written.text("handshake.when"));
        chapter.tell("answered with", self.written.text("handshake.reply"));
        let signed = self.written.text("handshake.signed").filter(|signed| signed == "true");
        chapter.tell("proven", signed.map(|_| "by a good signature".to_owned()));
        chapter
    }

    fn limits(&self) -> Chapter {
        let mut chapter = Chapter::new("limits");
        chapter.say("timeout", self.timeout().map_or_else(|| "TASK_TIMEOUT".to_owned(), spoken));
        chapter.say("retries", self.max_retries().to_string());
        let finals = self.written.list("final_errors");
        chapter.tell("no retry after", (!finals.is_empty()).then(|| finals.join(", ")));
        chapter.tell("at a time", self.max_concurrent().map(|most| most.to_string()));
        chapter.tell("results last", self.result_ttl().map(spoken));
        chapter.tell("largest body", self.max_body().map(|bytes| format!("{bytes} bytes")));
        let addresses = |list: &[ipnet::IpNet]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        chapter.tell("addresses", self.allowed_ips().filter(|list| !list.is_empty()).map(addresses));
        let again = self.resubmit_on_timeout().then(|| "submitted again, as after a failure".to_owned());
        chapter.tell("after a timeout", again);
        chapter
    }

    fn contents(&self) -> Chapter {
        let mut chapter = Chapter::new("content");
        for (key, places) in self.places() {
            chapter.tell(&key, either(&places.iter().map(ToString::to_string).collect::<Vec<_>>()));
        }
        chapter
    }

    fn habits(&self) -> Chapter {
        let mut chapter = Chapter::new("sender");
        chapter.tell("waits", self.sender().timeout().map(spoken));
        chapter.tell("tries again", self.sender().retries.map(|times| format!("{times} times")));
        chapter.tell("for", self.sender().window().map(spoken));
        let stops: Vec<String> = self.sender().stops_on().collect();
        chapter.tell("gives up at", (!stops.is_empty()).then(|| stops.join(", ")));
        chapter
    }
}

/// One way of proof in a sentence.
fn signature(sign: &Written) -> String {
    let header = sign.list("header").join(" or ");
    let content = sign.text("content").unwrap_or_else(|| "{body}".to_owned());
    let (what, key) = match sign.text("scheme").as_deref() {
        Some("token") => {
            let prefix = sign.text("strip").map(|strip| format!(" after `{strip}`")).unwrap_or_default();
            return format!("the secret itself{prefix}, in the header {header}");
        }
        Some("none") => return "none".to_owned(),
        Some("ed25519") => {
            let published = sign.text("jwks").map_or_else(String::new, |url| format!("; public keys at {url}"));
            ("Ed25519".to_owned(), published)
        }
        _ => (format!("HMAC-{}", sign.text("alg").unwrap_or_else(|| "sha256".to_owned()).to_uppercase()), key(sign)),
    };
    let encoding = sign.text("encoding").unwrap_or_else(|| "hex or base64".to_owned());
    let is_forgeable = sign.text("covers_body").is_some_and(|covers| covers == "false");
    let uncovered = if is_forgeable { "; the body is not covered" } else { "" };
    let item = match (sign.text("field"), sign.text("field_sep")) {
        (Some(field), Some(sep)) => format!(", behind `{field}{sep}`"),
        _ => String::new(),
    };
    format!("{what} over `{content}`, {encoding}, in the header {header}{item}{key}{}{uncovered}", time(sign))
}

fn key(sign: &Written) -> String {
    let prefix = sign.text("key_prefix").map(|prefix| format!(" (`{prefix}` is left away)")).unwrap_or_default();
    match sign.text("key").as_deref() {
        Some("base64") => format!("; the secret is base64{prefix}"),
        Some("prefixed") => format!("; the secret is base64 where it has its prefix{prefix}, else text"),
        _ => prefix,
    }
}

fn time(sign: &Written) -> String {
    let Some(place) = sign.text("ts") else { return String::new() };
    let plain = |text: String| if text.bytes().all(|byte| byte.is_ascii_digit()) { text + "s" } else { text };
    let tolerance = sign.text("tolerance").map_or_else(|| "CALLBACK_TOLERANCE".to_owned(), plain);
    let future = sign.text("future").map(|future| format!(" (ahead: {future})")).unwrap_or_default();
    let unit = sign.text("ts_unit").unwrap_or_else(|| "s".to_owned());
    format!("; signed at {place} ({unit}), at most {tolerance} off{future}")
}

/// The first that is there counts.
fn either(places: &[String]) -> Option<String> {
    (!places.is_empty()).then(|| places.join(", else "))
}

/// `90s`, `30m`, `1h`.
fn spoken(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let fitting = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}
