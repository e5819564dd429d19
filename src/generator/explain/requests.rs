//! What the hub will ask of a generator, in words.

use super::{Chapter, either};
use crate::generator::entry::Generator;
use crate::generator::needs::without_password;
use crate::generator::outgoing::NoSubmit;

impl Generator {
    pub(super) fn submission(&self) -> Chapter {
        let mut chapter = Chapter::new("submit");
        let by = match self.can_submit() {
            Ok(()) => "by the hub",
            Err(NoSubmit::Missing(setting)) => {
                chapter.say("submitted", format!("by the hub once {setting} is set"));
                ""
            }
            Err(NoSubmit::NoSection) => "by your own code (`submit` is false): there is no [submit] section",
        };
        if !by.is_empty() {
            chapter.say("submitted", by);
        }
        let written = &self.written;
        chapter.tell("request", self.route("submit", "POST"));
        let body = |text: String| match text.as_str() {
            "form" => "`input` as a form",
            "multipart" => "`input` as a multipart form",
            _ => "`input` as JSON",
        };
        chapter.tell("body", written.has("submit.url").then(|| body(written.text("submit.body").unwrap_or_default()).to_owned()));
        let params = written.list("submit.params");
        chapter.tell("params", (!params.is_empty()).then(|| params.join(", ")));
        chapter.tell("key as", written.text("submit.auth"));
        chapter.tell("callback URL", written.text("submit.callback"));
        let extra: Vec<&str> =
            ["submit.extra", "submit.callback_extra"].into_iter().flat_map(|path| written.keys(path)).collect();
        chapter.tell("sent along", (!extra.is_empty()).then(|| extra.join(", ")));
        chapter.tell("taken if", written.text("submit.ok"));
        chapter.tell("its id", either(&written.list("submit.remote_id")));
        chapter.tell("repeatable by", written.text("submit.idempotency"));
        chapter.tell("looked up at", written.text("submit.lookup"));
        chapter
    }

    pub(super) fn questions(&self) -> Chapter {
        let mut chapter = Chapter::new("poll");
        let written = &self.written;
        if !written.has("poll") {
            return chapter;
        }
        chapter.tell("request", self.route("poll", "GET"));
        chapter.tell("how", written.text("poll.mode").map(|_| "the submission is repeated".to_owned()));
        for rule in written.tables("poll.rule") {
            let conditions = rule.list("if").join(" and ");
            chapter.say("rule", format!("{conditions}: {}", rule.text("then").unwrap_or_default()));
        }
        for (label, key) in
            [("word", "state"), ("progress", "progress"), ("stage", "stage"), ("message", "message"), ("error", "error")]
        {
            chapter.tell(label, either(&written.list(&format!("poll.{key}"))));
        }
        for meaning in written.keys("poll.map") {
            let words = written.list(&format!("poll.map.{meaning}"));
            chapter.tell(meaning, (!words.is_empty()).then(|| words.join(", ")));
        }
        chapter.tell("result from", self.address("poll.result_url").or_else(|| command(&written.list("poll.result_command"))));
        chapter.tell("result", either(&written.list("poll.result")));
        let times =
            ["first_after", "every", "max"].map(|key| written.text(&format!("poll.{key}")).map(|time| format!("{key} {time}")));
        let times: Vec<String> = times.into_iter().flatten().collect();
        chapter.tell("times", (!times.is_empty()).then(|| times.join(", ")));
        chapter
            .tell("unknown job", written.text("poll.gone_as").filter(|word| word == "failed").map(|_| "has failed".to_owned()));
        chapter
    }

    pub(super) fn cancellation(&self) -> Chapter {
        let mut chapter = Chapter::new("cancel");
        chapter.tell("request", self.route("cancel", "POST"));
        chapter.tell("done if", self.written.text("cancel.ok"));
        chapter
    }

    fn route(&self, section: &str, method: &str) -> Option<String> {
        let method = self.written.text(&format!("{section}.method")).unwrap_or_else(|| method.to_owned());
        let url = self.address(&format!("{section}.url")).map(|url| format!("{method} {url}"));
        url.or_else(|| command(&self.written.list(&format!("{section}.command"))))
    }

    /// A URL as the settings redirect it.
    fn address(&self, path: &str) -> Option<String> {
        let url = self.written.text(path)?;
        Some(self.outgoing.base_url().map_or_else(|| url.clone(), |base| url.replace("{base_url}", &without_password(base))))
    }
}

/// A command line for reading, not for a shell.
fn command(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" "))
}
