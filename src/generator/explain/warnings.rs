//! What is allowed in a generator's file and yet likely to disappoint.

use crate::generator::entry::Generator;
use crate::generator::recipe::Recipe;
use crate::generator::scalar::{Bind, Confirm, Early, Ingress, Trust};

impl Generator {
    /// One sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let checks = [
            self.gives_up_early(),
            self.never_completes(),
            self.is_not_asked(),
            self.cannot_be_asked(),
            self.is_transferable(),
            self.is_ageless(),
            self.takes_the_body_for_the_result(),
        ];
        checks.into_iter().flatten().collect()
    }

    fn gives_up_early(&self) -> Option<String> {
        let loses = self.early() == Early::Reject && self.sender().stops_at(404);
        loses.then(|| {
            "This sender gives up for ever at a 404, which is what `reply.early = \"reject\"` answers to a callback that comes \
             before its task is known: `retry` and `park` would not lose it"
                .to_owned()
        })
    }

    fn never_completes(&self) -> Option<String> {
        let written = &self.written;
        let says = written.has("event.map.completed")
            || written.text("event.default").is_some_and(|word| word == "completed" || word == "event");
        let rules = || written.tables("event.rule").iter().any(|rule| rule.text("then").is_some_and(|then| then == "completed"));
        (!says && !self.is_silent() && !rules()).then(|| {
            let asked = if written.has("poll") { "only asking completes a task" } else { "no task is ever completed" };
            format!("No word and no rule means completed ([event.map]): {asked}")
        })
    }

    fn is_not_asked(&self) -> Option<String> {
        let speaks_of_tasks = self.written.text("event.default").is_none_or(|word| word != "event");
        (!self.written.has("poll") && speaks_of_tasks)
            .then(|| "There is no [poll] section: a task whose callback gets lost runs into its deadline".to_owned())
    }

    fn cannot_be_asked(&self) -> Option<String> {
        let learns = self.written.has("submit.remote_id") || self.written.has("submit.lookup") || self.written.has("event.task");
        (self.needs_external_id() && self.written.has("submit") && !learns).then(|| {
            "[poll] asks by the generator's own id, and nothing says where the hub would learn it: `submit.remote_id`, or `event.task`"
                .to_owned()
        })
    }

    /// Whether a good callback of one task would also be one of another.
    fn is_transferable(&self) -> Option<String> {
        let signed = self.trust == Trust::Verify && self.bind == Bind::No && self.ingress() == Ingress::Task;
        let names = self.written.list("event.task").iter().any(|place| place != "path");
        let urls = || {
            self.written.tables("sign").iter().all(|sign| sign.text("content").is_some_and(|content| content.contains("{url}")))
        };
        (signed && !names && !urls()).then(|| {
            "What is signed names no task (`event.task`), so that a good callback of one task could be sent again for another: \
             `bind = \"token\"` asks for the token in the callback URL, too"
                .to_owned()
        })
    }

    /// Whether an old callback could be sent again with a new time.
    fn is_ageless(&self) -> Option<String> {
        self.recipes.iter().any(Recipe::leaves_out_its_time).then(|| {
            "A timestamp is read (`sign.ts`), and no `{ts}` in `sign.content` says that it is signed: anybody could make an old \
             callback young again"
                .to_owned()
        })
    }

    /// Whether a callback that says completed keeps the hub from fetching the result.
    fn takes_the_body_for_the_result(&self) -> Option<String> {
        let fetched = ["poll.result_url", "poll.result_command"].into_iter().find(|key| self.written.has(key))?;
        let is_told = self.written.has("event.result") || self.confirm() != Confirm::Never;
        (!is_told && !self.is_silent()).then(|| {
            format!(
                "The result is fetched (`{fetched}`) where asking finds a completed job; but a callback that says completed is \
                 taken at its word, and its whole body for the result: `event.result` says where in it the result is, and \
                 `confirm = \"terminal\"` lets the hub ask"
            )
        })
    }

    /// Who never calls is asked, and that is all.
    fn is_silent(&self) -> bool {
        self.written.has("poll") && !self.written.has("sign") && !self.written.has("submit.callback")
    }
}
