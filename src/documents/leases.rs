//! Leases on documents without a text, such as scans and recordings.
//!
//! A worker claims a document, extracts the text elsewhere, and stores it. The text is then processed
//! like any other.

use crate::access;
use crate::lease_arguments::{checked_count, checked_lease, checked_worker, given};
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::single_row;
use crate::pg::spi::{self, Db};
use crate::pg::values::Jsonb;
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;

/// Row of claim_documents().
type ClaimedRow = (
    Uuid,
    Uuid,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
    String,
    Jsonb,
    i32,
    Uuid,
    TimestampWithTimeZone,
);

/// Claims up to `max_documents` documents without a text for a worker, oldest first, and leases them
/// for `lease`.
///
/// Documents of all users are claimed; they become `processing`. No other worker gets a document
/// until its lease expires. Documents locked by other workers are skipped; the call never waits.
/// Callable by services. Errors: 22023 (invalid argument).
#[pg_extern(volatile, parallel_unsafe)]
fn claim_documents(
    worker: Option<&str>,
    max_documents: default!(Option<i32>, "1"),
    lease: default!(Option<Interval>, "'5 minutes'"),
) -> TableIterator<
    'static,
    (
        name!(document_id, Uuid),
        name!(user_id, Uuid),
        name!(filename, String),
        name!(file_type, Option<String>),
        name!(file_size, Option<i64>),
        name!(storage_path, Option<String>),
        name!(language, String),
        name!(metadata, Jsonb),
        name!(attempts, i32),
        name!(lease_token, Uuid),
        name!(lease_expires_at, TimestampWithTimeZone),
    ),
> {
    const CLAIM: &str = include_str!("../../sql/documents/claim_documents.sql");
    let rows = guard(|| {
        access::require_service("claim_documents")?;
        let worker = checked_worker(worker)?;
        let lease = checked_lease("lease", lease)?;
        let max_documents = checked_count("max_documents", max_documents)?;
        spi::as_owner_now(|db| {
            db.rows(CLAIM, &[worker.into(), max_documents.into(), lease.into()], |row| {
                let claimed: ClaimedRow = (
                    row.need(1)?,
                    row.need(2)?,
                    row.need(3)?,
                    row.get(4),
                    row.get(5),
                    row.get(6),
                    row.need(7)?,
                    row.need(8)?,
                    row.need(9)?,
                    row.need(10)?,
                    row.need(11)?,
                );
                Ok(claimed)
            })
        })
    });
    TableIterator::new(rows)
}

/// Stores the text of a claimed document and processes it. Returns its status and number of chunks.
///
/// Ends the lease. A repeated call with the same text returns the same row. Callable by services.
/// Errors: PT409 (lease lost, or the document has another text), PT404 (no such document), PT402
/// (beyond a hard limit), 22023 (null argument).
#[pg_extern(volatile, parallel_unsafe)]
fn set_document_text(
    document_id: Option<Uuid>,
    lease_token: Option<Uuid>,
    content_text: Option<&str>,
) -> single_row::TableIterator<'static, (name!(processing_status, String), name!(chunks, i64))> {
    let row = guard(|| {
        access::require_service("set_document_text")?;
        let lease = DocumentLease::new(document_id, lease_token)?;
        let text = given("content_text", content_text)?;
        spi::as_owner_now(|db| {
            let (status, is_same) = lease.lock(db, |db| {
                db.first(
                    "select processing_status, content_text is not distinct from $2
                    from carrel.documents where id = $1",
                    &[lease.document.into(), text.into()],
                    |row| Ok((row.need::<String>(1)?, row.need::<bool>(2)?)),
                )
            })?;
            match (status.as_str(), is_same) {
                (_, true) => {}
                ("processing", _) => {
                    lease.end(db)?;
                    db.execute(
                        "update carrel.documents set content_text = $2 where id = $1",
                        &[lease.document.into(), text.into()],
                    )?;
                }
                _ => return Err(lease.ended_error(&status)),
            }
            let row = db.first(
                "select processing_status, (select count(*) from carrel.document_chunks as c where c.document_id = d.id)
                from carrel.documents as d where id = $1",
                &[lease.document.into()],
                |row| Ok((row.need(1)?, row.need(2)?)),
            )?;
            row.ok_or_else(|| lease.not_found_error())
        })
    });
    single_row::TableIterator::once(row)
}

/// Marks a claimed document as failed, because its text cannot be extracted.
///
/// Ends the lease; `reason` becomes processing_error. A repeated call with the same reason does
/// nothing. Callable by services. Errors: PT409 (lease lost, or the document has a text), PT404 (no
/// such document), 22023 (null argument).
#[pg_extern(volatile, parallel_unsafe)]
fn fail_document(document_id: Option<Uuid>, lease_token: Option<Uuid>, reason: Option<&str>) {
    guard(|| {
        access::require_service("fail_document")?;
        let lease = DocumentLease::new(document_id, lease_token)?;
        let reason = given("reason", reason)?;
        spi::as_owner_now(|db| {
            let (status, is_same) = lease.lock(db, |db| {
                db.first(
                    "select processing_status, coalesce(content_text is null and processing_error = $2, false)
                    from carrel.documents where id = $1",
                    &[lease.document.into(), reason.into()],
                    |row| Ok((row.need::<String>(1)?, row.need::<bool>(2)?)),
                )
            })?;
            match (status.as_str(), is_same) {
                ("failed", true) => Ok(()),
                ("processing", _) => {
                    lease.end(db)?;
                    db.execute(
                        "update carrel.documents set processing_status = 'failed', processing_error = $2 where id = $1",
                        &[lease.document.into(), reason.into()],
                    )
                    .map(|_| ())
                }
                _ => Err(lease.ended_error(&status)),
            }
        })
    })
}

/// Lease on a document, as a worker presents it.
struct DocumentLease {
    document: Uuid,
    token: Uuid,
}

impl DocumentLease {
    fn new(document: Option<Uuid>, token: Option<Uuid>) -> Result<Self> {
        let document = given("document_id", document)?;
        Ok(Self { document, token: given("lease_token", token)? })
    }

    /// Locks the document's row, and returns the result of `read`. Fails with PT404 or PT409.
    fn lock<T>(&self, db: &Db, read: impl FnOnce(&Db) -> Result<Option<T>>) -> Result<T> {
        let args = [self.document.into(), self.token.into()];
        let lock = "select from carrel.documents where id = $1 for no key update";
        if db.execute(lock, &args[..1])? == 0 {
            return Err(self.not_found_error());
        }
        let own = "select from carrel.document_leases where document_id = $1 and lease_token = $2";
        if db.execute(own, &args)? == 0 {
            return Err(self.lost_error(db)?);
        }
        read(db)?.ok_or_else(|| self.not_found_error())
    }

    /// Ends the lease. Its row stays, so that a repeated call gets the same answer.
    fn end(&self, db: &Db) -> Result<()> {
        db.execute(
            "update carrel.document_leases set lease_expires_at = clock_timestamp() where document_id = $1",
            &[self.document.into()],
        )
        .map(|_| ())
    }

    /// Error PT404.
    fn not_found_error(&self) -> Error {
        Error::not_found("document", self.document)
    }

    /// Error PT409: another worker has the lease, or nobody.
    fn lost_error(&self, db: &Db) -> Result<Error> {
        let holder = db.first(
            "select format('It is held by worker %s since %s, until %s.', quote_literal(lease_owner), leased_at, lease_expires_at)
            from carrel.document_leases where document_id = $1",
            &[self.document.into()],
            |row| row.need::<String>(1),
        )?;
        let message = format!("document {} is not leased by token {}", self.document, self.token);
        let detail = holder.unwrap_or_else(|| "Nobody holds it.".to_owned());
        Ok(Error::new(SqlState::Conflict, message).detail(detail))
    }

    /// Error PT409: the lease ended with another result.
    fn ended_error(&self, status: &str) -> Error {
        let message = format!("document {} is {status}: its lease has ended", self.document);
        Error::new(SqlState::Conflict, message)
    }
}
