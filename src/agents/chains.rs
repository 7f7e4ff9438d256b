//! Chains of sessions: `request_chain` holds the ids of a session's requests, in the order in which
//! they came into the session.

use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Statements that update the chains after a statement on agent_requests.
struct ChainUpdate {
    lock: &'static str,
    remove: Option<&'static str>,
    append: Option<&'static str>,
}

const ON_INSERT: ChainUpdate = ChainUpdate {
    lock: include_str!("../../sql/agents/chains/lock_added.sql"),
    remove: None,
    append: Some(include_str!("../../sql/agents/chains/append_added.sql")),
};
const ON_DELETE: ChainUpdate = ChainUpdate {
    lock: include_str!("../../sql/agents/chains/lock_removed.sql"),
    remove: Some(include_str!("../../sql/agents/chains/remove_removed.sql")),
    append: None,
};
const ON_UPDATE: ChainUpdate = ChainUpdate {
    lock: include_str!("../../sql/agents/chains/lock_moved.sql"),
    remove: Some(include_str!("../../sql/agents/chains/remove_moved.sql")),
    append: Some(include_str!("../../sql/agents/chains/append_moved.sql")),
};

impl ChainUpdate {
    fn run(&self, db: &Db) -> Result<()> {
        if db.execute(self.lock, &[])? == 0 {
            return Ok(());
        }
        for update in [self.remove, self.append].into_iter().flatten() {
            db.execute(update, &[])?;
        }
        Ok(())
    }
}

/// Trigger AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE of agent_requests: removes requests that
/// left a session from its chain, and appends those that came into it.
///
/// Locks the sessions in the order of their ids before reading their chains. An INSERT has locked
/// them earlier, in the order of its rows, and deleting a session locks it before its requests.
/// Concurrent statements of these kinds can deadlock. Errors: 40P01 (deadlock; retry the
/// transaction).
#[pg_trigger]
fn keep_request_chains<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        let operation = trigger::operation(trigger);
        if operation == pg_sys::TRIGGER_EVENT_UPDATE && !moves_requests(trigger)? {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| {
            if operation == pg_sys::TRIGGER_EVENT_TRUNCATE {
                let empty = "update carrel.agent_sessions set request_chain = '[]' where request_chain <> '[]'";
                return db.execute(empty, &[]).map(|_| ());
            }
            db.register_trigger_data(trigger)?;
            match operation {
                pg_sys::TRIGGER_EVENT_INSERT => ON_INSERT.run(db),
                pg_sys::TRIGGER_EVENT_DELETE => ON_DELETE.run(db),
                _ => ON_UPDATE.run(db),
            }
        })
    })
}

/// Tells if an UPDATE moves a request between sessions, into one, or out of one.
fn moves_requests(trigger: &PgTrigger) -> Result<bool> {
    let session = trigger::column(trigger, c"session_id")?;
    let id = trigger::column(trigger, c"id")?;
    let mut sessions_before = Vec::new();
    trigger::each_old(trigger, |row| {
        sessions_before.push((row.need::<Uuid>(id)?, row.get::<Uuid>(session)));
        Ok(())
    })?;
    let (mut before, mut moves) = (sessions_before.into_iter(), false);
    // Both transition tables have the rows in the order of the update.
    trigger::each_new(trigger, |row| {
        moves |= before.next() != Some((row.need::<Uuid>(id)?, row.get::<Uuid>(session)));
        Ok(())
    })?;
    Ok(moves)
}
