//! Retries: events whose idempotency key another event of the user has.

use super::insert::Entry;
use super::window::check_window;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi::as_owner_now;
use pgrx::datum::Uuid;

impl Entry<'_> {
    /// Tells if the event is a retry, outside of the time window, of an event that is recorded.
    /// Fails with PT422 for a new event outside of the window.
    pub fn is_late(&self) -> Result<bool> {
        let Err(error) = check_window(self.at) else { return Ok(false) };
        let sql = "select from carrel.usage_events where user_id = $1 and idempotency_key = $2";
        let is_used =
            as_owner_now(|db| db.execute(sql, &[self.user.into(), self.idempotency_key.into()]))?;
        if is_used > 0 { Ok(true) } else { Err(error) }
    }
}

/// Returns the id of the event with the key of `entry`. Fails with PT409 if it has another
/// payload.
pub fn first_with_key(entry: &Entry) -> Result<Uuid> {
    let (id, first_hash) = as_owner_now(|db| {
        db.first(
            "select id, payload_hash from carrel.usage_events where user_id = $1 and idempotency_key = $2",
            &[entry.user.into(), entry.idempotency_key.into()],
            |row| Ok((row.need::<Uuid>(1)?, row.get::<Vec<u8>>(2))),
        )
    })?
    .ok_or_else(|| {
        Error::new(SqlState::NoDataFound, "the event was not recorded")
            .detail("A trigger of usage_events kept it out, or the first event of its key is gone.")
    })?;
    match first_hash == entry.payload_hash {
        true => Ok(id),
        false => Err(reused(entry.idempotency_key, id)),
    }
}

/// Error PT409: the idempotency key was used with another payload.
pub fn reused(key: Option<&str>, first: Uuid) -> Error {
    let key = key.unwrap_or_default();
    Error::new(
        SqlState::Conflict,
        format!("idempotency key \"{key}\" was used with another payload"),
    )
    .detail(format!("The first one is {first}."))
    .hint("Use a new key for a new event, and the same arguments for a retry.")
}
