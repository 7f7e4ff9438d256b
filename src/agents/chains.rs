//! The chains of sessions: a session's request_chain is the ids of its requests, in the order in which they
//! came to be in it.

use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// Statements that keep the chains of the sessions that a statement on agent_requests changed.
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

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of agent_requests: takes the ids of those that left a session out of its chain,
/// and appends those that came. Each session is locked before its chain is read, so that none is lost, and those of
/// a statement in one order. (An INSERT has locked them before, in the order of its rows; and who deletes a session
/// locks it before its requests. Statements that meet so deadlock: 40P01, and one of them is to be tried again.)
#[pg_trigger]
fn keep_request_chains<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        let operation = trigger::operation(trigger);
        if operation == pg_sys::TRIGGER_EVENT_UPDATE && !moves(trigger)? {
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

/// Whether an UPDATE moves a request from one session to another, into one, or out of one.
fn moves(trigger: &PgTrigger) -> Result<bool> {
    let session = trigger::column(trigger, c"session_id")?;
    let id = trigger::column(trigger, c"id")?;
    let mut places = Vec::new();
    trigger::each_old(trigger, |row| {
        places.push((row.need::<Uuid>(id)?, row.get::<Uuid>(session)));
        Ok(())
    })?;
    let (mut before, mut moves) = (places.into_iter(), false);
    // Both tables have the rows in the order in which they were updated.
    trigger::each_new(trigger, |row| {
        moves |= before.next() != Some((row.need::<Uuid>(id)?, row.get::<Uuid>(session)));
        Ok(())
    })?;
    Ok(moves)
}

/// BEFORE UPDATE of agent_sessions: version counts the changes of context_state, and nothing else.
#[pg_trigger]
fn count_session_version<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        let Some(old) = row.old.filter(|_| !trigger::restoring()) else { return Ok(()) };
        let version: i64 = old.need(c"version")?;
        let counted = version.saturating_add(row.changes(c"context_state")?.into());
        // To set a column copies the row, which a long chain makes large.
        if row.new.need::<i64>(c"version")? != counted {
            row.set(c"version", counted);
        }
        Ok(())
    })
}
