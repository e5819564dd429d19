//! Contents: read for review, and lent to publishers. What is decided about them enters through the journal.

use std::collections::HashMap;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use uuid::Uuid;

use super::backend::Backend;
use super::backend::Writing;
use super::entity::content::{self, Column as C};
use super::error::StoreError;
use super::transaction::{conclude, repeated};
use super::windows::looked_at;
use super::{Store, backend};
use crate::domain::review::{Content, Document, Review};
use crate::domain::task::{Lease, TaskId};
use crate::domain::time::Timestamp;

/// A content with its title, text and pictures.
#[derive(Clone, Debug)]
pub struct ContentRecord {
    pub content: Content,
    pub document: Document,
}

/// What a list of contents is narrowed to. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentFilter {
    pub review: Option<String>,
    /// In the pool.
    pub stage: Option<String>,
    /// In the pool at all.
    pub approved: bool,
    /// Not in the pool.
    pub draft: bool,
    pub task: Option<TaskId>,
    pub generator: Option<String>,
}

/// How often a content is looked at again whose text was taken away meanwhile.
const LOOKS: usize = 3;

/// Of the documents that one claim gives out; a larger one goes alone.
const MOST_BYTES: usize = 32 << 20;

impl Store {
    /// # Errors
    /// Whatever the database says.
    pub async fn content(&self, id: Uuid) -> Result<Option<ContentRecord>, StoreError> {
        let mut looks = 0;
        loop {
            let row = content::Entity::find_by_id(id).one(&self.reader).await.map_err(backend::error)?;
            let Some(row) = row else { return Ok(None) };
            let mut texts = self.payloads(vec![row.document]).await?;
            // an edit may fall between the two reads, and takes the old text away
            if let (None, true) = (texts.get(&row.document), looks < LOOKS) {
                looks += 1;
                continue;
            }
            let document = texts.remove(&row.document).map(|bytes| super::write::document(&bytes)).unwrap_or_default();
            return Ok(Some(ContentRecord { content: row.try_into()?, document }));
        }
    }

    /// Newest first, older than `before`; and where looking has ended, if there may be more behind it: what no index holds
    /// apart is looked for among a [window](crate::store::WINDOW) of contents at a time.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn contents(
        &self,
        filter: &ContentFilter,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<(Vec<Content>, Option<Uuid>), StoreError> {
        let ground = filter.ground();
        let mut looked_to = None;
        if ground != *filter {
            looked_to = self.window_end(ground.among(before), C::Id).await?;
        }
        let rows = filter.page(before, looked_to, limit).all(&self.reader).await.map_err(backend::error)?;
        let contents = rows.into_iter().map(TryInto::try_into).collect::<Result<_, StoreError>>()?;
        Ok((contents, looked_to))
    }

    /// Title, text and pictures of each; empty where they have just been erased.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn with_documents(&self, contents: Vec<Content>) -> Result<Vec<ContentRecord>, StoreError> {
        self.with_documents_by(&self.reader, contents).await
    }

    async fn with_documents_by(
        &self,
        connection: &impl ConnectionTrait,
        contents: Vec<Content>,
    ) -> Result<Vec<ContentRecord>, StoreError> {
        let documents: Vec<Uuid> = contents.iter().map(|content| content.document).collect();
        let texts: HashMap<Uuid, Vec<u8>> = self.payloads_by(connection, &documents).await?;
        let record = |content: Content| {
            let document = texts.get(&content.document).map(|bytes| super::write::document(bytes)).unwrap_or_default();
            ContentRecord { content, document }
        };
        Ok(contents.into_iter().map(record).collect())
    }

    /// Lends entries that wait to be published: the most urgent first, and of those the ones that have waited for longest;
    /// so many at most, and fewer where their documents are large.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn claim_pool(&self, lease: Lease, now: Timestamp, limit: u64) -> Result<Vec<ContentRecord>, StoreError> {
        repeated(|| self.claim_once(lease, now, limit)).await
    }

    /// What cannot be read is not lent: nobody would hear of it, and it would have used a try.
    async fn claim_once(&self, lease: Lease, now: Timestamp, limit: u64) -> Result<Vec<ContentRecord>, StoreError> {
        let transaction = self.begin().await?;
        let claiming = async {
            let lent = self.lend(&transaction, lease, now, limit).await?;
            self.with_documents_by(&*transaction, lent).await
        };
        let claimed = claiming.await;
        conclude(transaction, claimed).await
    }

    async fn lend(&self, transaction: &Writing, lease: Lease, now: Timestamp, limit: u64) -> Result<Vec<Content>, StoreError> {
        transaction.execute_raw(expiring(self.backend, now)).await.map_err(backend::error)?;
        let (mut lent, mut bytes) = (Vec::new(), 0_usize);
        'priorities: for priority in 1..=10 {
            let left = limit - lent.len() as u64;
            if left == 0 {
                break;
            }
            let values: [Value; 3] = [priority.into(), now.micros().into(), i64::try_from(left).unwrap_or(i64::MAX).into()];
            let due = self.backend.statement(&self.backend.texts().due_contents, values);
            let due = content::Model::find_by_statement(due).all(transaction).await.map_err(backend::error)?;
            let documents: Vec<Uuid> = due.iter().map(|row| row.document).collect();
            let sizes = self.payload_sizes(transaction, &documents).await?;
            for row in due {
                bytes = bytes.saturating_add(sizes.get(&row.document).copied().unwrap_or(0));
                if bytes > MOST_BYTES && !lent.is_empty() {
                    break 'priorities;
                }
                let id = row.id;
                let read: Result<Content, StoreError> = row.try_into();
                let Ok(mut content) =
                    read.inspect_err(|error| tracing::error!(%error, content = %id, "a content cannot be read"))
                else {
                    continue;
                };
                if let Review::Approved(entry) = &mut content.review {
                    entry.lend(lease);
                }
                lent.push(content);
            }
        }
        if !lent.is_empty() {
            let rows: Vec<_> = lent.iter().map(content::Model::of).collect();
            for update in self.backend.update(&content::TABLE, rows) {
                transaction.execute_raw(update).await.map_err(backend::error)?;
            }
        }
        Ok(lent)
    }

    /// Ends leases that are over: their entries wait again, or are given up.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn expire_pool(&self, now: Timestamp) -> Result<u64, StoreError> {
        let over = C::Stage.eq("publishing").and(C::LeasedUntil.lt(now.micros()));
        // looking costs no writer
        if content::Entity::find().filter(over).one(&self.reader).await.map_err(backend::error)?.is_none() {
            return Ok(0);
        }
        let transaction = self.begin().await?;
        let ended = transaction.execute_raw(expiring(self.backend, now)).await.map_err(backend::error);
        conclude(transaction, ended.map(|ended| ended.rows_affected())).await
    }
}

impl ContentFilter {
    /// That much of it that one index tells apart.
    pub(super) fn ground(&self) -> Self {
        let none = Self::default();
        if self.task.is_some() {
            Self { task: self.task.clone(), ..none }
        } else if self.stage.is_some() {
            Self { stage: self.stage.clone(), ..none }
        } else {
            Self { review: self.review.clone(), ..none }
        }
    }

    /// Of what an index tells apart, those that are older.
    pub(super) fn among(&self, before: Option<Uuid>) -> Select<content::Entity> {
        let given = [
            self.task.as_ref().map(|task| C::TaskId.eq(task.as_str())),
            self.stage.as_ref().map(|stage| C::Stage.eq(stage.as_str())),
            self.review.as_ref().map(|review| C::Review.eq(review.as_str())),
            before.map(|id| C::Id.lt(id)),
        ];
        given.into_iter().flatten().fold(content::Entity::find(), QueryFilter::filter)
    }

    /// Down to the end of the window.
    pub(super) fn page(&self, before: Option<Uuid>, end: Option<Uuid>, limit: u64) -> Select<content::Entity> {
        let ground = self.ground();
        let review = self.review.as_deref().filter(|_| ground.review.is_none());
        let stage = self.stage.as_deref().filter(|_| ground.stage.is_none());
        let given = [
            review.map(|review| looked_at(C::Review).eq(review)),
            stage.map(|stage| looked_at(C::Stage).eq(stage)),
            self.approved.then(|| looked_at(C::Stage).is_not_null()),
            self.draft.then(|| looked_at(C::Stage).is_null()),
            self.generator.as_deref().map(|generator| C::Generator.eq(generator)),
            end.map(|id| C::Id.gte(id)),
        ];
        let select = given.into_iter().flatten().fold(ground.among(before), QueryFilter::filter);
        select.order_by_desc(C::Id).limit(limit)
    }
}

/// A publisher that has said nothing in time has used a try.
fn expiring(backend: Backend, now: Timestamp) -> sea_orm::Statement {
    let most = i32::try_from(crate::domain::review::MOST_TRIES).unwrap_or(i32::MAX);
    backend.statement(&backend.parts().expire_pool, [now.micros().into(), most.into()])
}
