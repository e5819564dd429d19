//! Plans of lists, as operators narrow them.

use std::time::Duration;

use sea_orm::{ConnectionTrait, EntityTrait, QueryTrait, Select};
use uuid::Uuid;

use super::{Named, Plan};
use crate::domain::delivery;
use crate::domain::task::{Status, TaskId};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::{ContentFilter, DeliveryFilter, Page, ReceiptFilter, Store, TaskFilter, revival};

/// Items of a page.
const PAGE: u64 = 50;
/// Where a page begins, and where its window ends.
const BEFORE: Uuid = Uuid::from_u128(0xf8 << 120);
const END: Uuid = Uuid::from_u128(0xf0 << 120);

impl Store {
    /// The plans of the statements by which lists are read. Each page is the second one, and down to the end of its window,
    /// where its rows are looked for; that end is found by a statement of its own.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn explain_lists(&self, now: Timestamp) -> Result<Vec<Plan>, StoreError> {
        let mut lists = self.lists_of_tasks(now);
        lists.extend(self.lists_of_receipts());
        lists.extend(self.lists_of_deliveries(now));
        lists.extend(self.lists_of_contents());
        self.explain_all(&lists, &[]).await
    }

    fn listing<E: EntityTrait>(&self, name: &'static str, select: &Select<E>) -> Named {
        (name, select.build(self.reader.get_database_backend()))
    }

    fn lists_of_tasks(&self, now: Timestamp) -> Vec<Named> {
        let none = TaskFilter::default();
        let state = |status| TaskFilter { status: vec![status], ..none.clone() };
        let generator = Some("g".to_owned());
        let page = Page { limit: PAGE, after: Some((now, "t".to_owned())) };
        let since = TaskFilter { settled_after: Some(now.plus(Duration::from_secs(1))), ..none.clone() };
        let filters = [
            ("tasks", none.clone()),
            ("completed tasks", state(Status::Completed)),
            ("failed tasks", state(Status::Failed)),
            ("a generator's tasks", TaskFilter { generator: generator.clone(), ..none.clone() }),
            ("a generator's completed tasks", TaskFilter { generator: generator.clone(), ..state(Status::Completed) }),
            ("a generator's failed tasks", TaskFilter { generator, ..state(Status::Failed) }),
            ("many overdue tasks", TaskFilter { overdue_at: Some(now), ..none.clone() }),
            ("many tasks settled since", since.clone()),
        ];
        let end = (now.minus(Duration::from_secs(1)), "t".to_owned());
        let pages = filters.iter().map(|(name, filter)| {
            let end = Some(&end).filter(|_| filter.is_found_by_looking());
            self.listing(name, &filter.of_window(&page, end))
        });
        let windows = [("a window of tasks", 0), ("a window of failed tasks", 2), ("a window of a generator's tasks", 3)];
        let windows = windows.map(|(name, filter)| self.listing(name, &filters[filter].1.window_end(&page)));
        let mut lists: Vec<Named> = pages.chain(windows).collect();
        let database = self.reader.get_database_backend();
        let found: [(TaskFilter, &[&str]); 4] = [
            (TaskFilter { external_id: Some("job".to_owned()), ..none.clone() }, &["an external id's task"]),
            (TaskFilter { prefix: Some("pre".to_owned()), ..none.clone() }, &["tasks by a prefix", "external ids by a prefix"]),
            (state(Status::Pending), &["due tasks", "pending tasks"]),
            (since, &["settled tasks"]),
        ];
        for (filter, names) in &found {
            let finders = filter.finders().into_iter().flatten();
            lists.extend(names.iter().zip(finders).map(|(name, mut finder)| (*name, database.build(finder.limit(PAGE)))));
            let few = self.backend.is_among(r#"["a", "b"]"#.to_owned());
            lists.push(self.listing("few tasks", &filter.of_few(few, &page)));
        }
        lists
    }

    fn lists_of_receipts(&self) -> Vec<Named> {
        let of_event = ReceiptFilter { event: Some("progress".to_owned()), ..ReceiptFilter::default() };
        vec![
            self.listing("receipts", &ReceiptFilter::default().page(Some(BEFORE), None, PAGE)),
            self.listing("receipts of an event", &of_event.page(Some(BEFORE), Some(END), PAGE)),
        ]
    }

    fn lists_of_deliveries(&self, now: Timestamp) -> Vec<Named> {
        use delivery::Status::{Dead, Delivered, Pending};
        let none = DeliveryFilter::default();
        let state = |status| DeliveryFilter { status: vec![status], ..none.clone() };
        let (webhook, event) = (Some(Uuid::max()), Some("rare".to_owned()));
        let day = Duration::from_secs(24 * 3600);
        let of_a_time = DeliveryFilter { created_after: Some(now.minus(day)), created_before: Some(now), ..none.clone() };
        let filters = [
            ("a task's deliveries", DeliveryFilter { task: TaskId::parse("t").ok(), ..none.clone() }),
            ("a webhook's deliveries", DeliveryFilter { webhook, ..none.clone() }),
            ("a webhook's dead deliveries", DeliveryFilter { webhook, ..state(Dead) }),
            ("a webhook's pending deliveries", DeliveryFilter { webhook, ..state(Pending) }),
            ("a webhook's deliveries of an event", DeliveryFilter { webhook, event: event.clone(), ..none.clone() }),
            ("an event's deliveries", DeliveryFilter { event, ..none.clone() }),
            ("deliveries of a time", of_a_time.clone()),
            ("dead deliveries of a time", DeliveryFilter { status: vec![Dead], ..of_a_time.clone() }),
            ("dead deliveries", state(Dead)),
            ("pending deliveries", state(Pending)),
            ("delivered deliveries", state(Delivered)),
        ];
        let mut lists: Vec<Named> = Vec::new();
        for (name, filter) in &filters {
            let end = Some(END).filter(|_| filter.is_found_by_looking());
            lists.push(self.listing(name, &filter.page(Some(BEFORE), end, PAGE)));
        }
        let bulk = |name, filter: &DeliveryFilter| self.listing(name, &revival::part(filter, Some(Uuid::nil())));
        lists.push(bulk("dead deliveries to be retried", &none));
        lists.push(bulk("a webhook's to be retried", &DeliveryFilter { webhook, ..none.clone() }));
        lists.push(bulk("dead deliveries of a time to be retried", &of_a_time));
        lists
    }

    fn lists_of_contents(&self) -> Vec<Named> {
        let none = ContentFilter::default();
        let (review, stage) = (Some("approved".to_owned()), Some("pending".to_owned()));
        let filters = [
            ("contents", none.clone()),
            ("contents of a state", ContentFilter { review: review.clone(), ..none.clone() }),
            ("contents of a stage", ContentFilter { stage: stage.clone(), ..none.clone() }),
            ("contents of a state and a stage", ContentFilter { review, stage, ..none.clone() }),
            ("a task's content", ContentFilter { task: TaskId::parse("t").ok(), ..none.clone() }),
            ("a generator's contents", ContentFilter { generator: Some("g".to_owned()), ..none.clone() }),
            ("contents in the pool", ContentFilter { approved: true, ..none.clone() }),
            ("contents that are not in it", ContentFilter { draft: true, ..none }),
        ];
        let mut lists: Vec<Named> = Vec::new();
        for (name, filter) in &filters {
            let end = Some(END).filter(|_| filter.ground() != *filter);
            lists.push(self.listing(name, &filter.page(Some(BEFORE), end, PAGE)));
        }
        lists
    }
}
