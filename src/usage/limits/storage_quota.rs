//! Limits on storage: documents and their bytes, charged as documents are written and deleted.

use super::admission::{set_counted, try_debit};
use super::refusals::ChargeKind;
use crate::pg::clock;
use crate::pg::error::Result;
use crate::pg::spi::{PassingRow, as_owner_now};
use crate::pg::trigger::{self, Returned};
use crate::usage::accounts::Accounts;
use crate::usage::amounts::UsageDelta;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// Stored documents and bytes by user.
type Stored = BTreeMap<[u8; 16], (i64, i128)>;

/// Trigger AFTER INSERT, UPDATE, DELETE or TRUNCATE of documents: charges the stored documents and
/// bytes against hard limits. Errors: PT402 (beyond a hard limit).
#[pg_trigger]
fn count_documents<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        if trigger::operation(trigger) == pg_sys::TRIGGER_EVENT_TRUNCATE {
            return as_owner_now(|db| {
                db.execute("delete from carrel.usage_allowances where period = 'stored'", &[])
                    .map(|_| ())
            });
        }
        let stored = changes(trigger)?;
        if stored.is_empty() {
            return Ok(());
        }
        let now = clock::now()?;
        let users: Vec<Uuid> = stored.keys().map(|user| Uuid::from_bytes(*user)).collect();
        let deltas: Vec<UsageDelta> = stored
            .into_iter()
            .map(|(user, (documents, bytes))| {
                let mut delta = UsageDelta::zero(Uuid::from_bytes(user), "*".to_owned(), now);
                (delta.documents, delta.bytes) = (documents, bytes);
                delta
            })
            .collect();
        let charges = Accounts::keep(&users)?.charges(&deltas)?;
        if !charges.is_empty() {
            try_debit(charges, ChargeKind::Use)?;
            set_counted();
        }
        Ok(())
    })
}

/// Sums up the statement's changes of stored documents and bytes.
fn changes(trigger: &PgTrigger) -> Result<Stored> {
    let columns = [c"user_id", c"file_size", c"content_text"];
    let [user, size, text] = columns.map(|name| trigger::column(trigger, name));
    let (user, size, text) = (user?, size?, text?);
    let mut stored = Stored::new();
    let mut add = |row: &PassingRow, sign: i64| {
        let bytes = row.get::<i64>(size).unwrap_or(0).max(row.raw_size(text)?.unwrap_or(0));
        let sum = stored.entry(*row.need::<Uuid>(user)?.as_bytes()).or_default();
        *sum = (sum.0 + sign, sum.1 + i128::from(sign) * i128::from(bytes));
        Ok(())
    };
    trigger::each_new(trigger, |row| add(row, 1))?;
    trigger::each_old(trigger, |row| add(row, -1))?;
    stored.retain(|_, sum| *sum != (0, 0));
    Ok(stored)
}
