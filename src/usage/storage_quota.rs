//! What users have stored: documents and their bytes, drawn from hard limits as they come and go.

use super::accounts::{Accounts, Fact};
use super::refusals::Asked;
use super::{limits, reckoning};
use crate::pg::clock;
use crate::pg::spi::PassingRow;
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of documents: draws what the statement adds to what a user
/// has stored from what is left of hard limits, and refuses what is beyond: PT402.
#[pg_trigger]
fn count_documents<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        if trigger::operation(trigger) == pg_sys::TRIGGER_EVENT_TRUNCATE {
            return reckoning(|db| {
                db.execute("delete from carrel.usage_allowances where period = 'stored'", &[])
                    .map(|_| ())
            });
        }
        let columns = [c"user_id", c"file_size", c"content_text"];
        let [user, size, text] = columns.map(|name| trigger::column(trigger, name));
        let (user, size, text) = (user?, size?, text?);
        let now = clock::now()?;
        let mut stored: BTreeMap<[u8; 16], (i64, i128)> = BTreeMap::new();
        let mut add = |row: &PassingRow, sign: i64| {
            let bytes = row.get::<i64>(size).unwrap_or(0).max(row.raw_size(text)?.unwrap_or(0));
            let sum = stored.entry(*row.need::<Uuid>(user)?.as_bytes()).or_default();
            *sum = (sum.0 + sign, sum.1 + i128::from(sign) * i128::from(bytes));
            Ok(())
        };
        trigger::each_new(trigger, |row| add(row, 1))?;
        trigger::each_old(trigger, |row| add(row, -1))?;
        stored.retain(|_, sum| *sum != (0, 0));
        if stored.is_empty() {
            return Ok(());
        }
        let users: Vec<Uuid> = stored.keys().map(|user| Uuid::from_bytes(*user)).collect();
        let facts: Vec<Fact> = stored
            .into_iter()
            .map(|(user, (documents, bytes))| {
                let mut fact = Fact::of(Uuid::from_bytes(user), "*".to_owned(), now);
                (fact.documents, fact.bytes) = (documents, bytes);
                fact
            })
            .collect();
        let dues = Accounts::keep(&users)?.dues(&facts)?;
        if !dues.is_empty() {
            limits::take(dues, Asked::Used)?;
            limits::has_counted();
        }
        Ok(())
    })
}
