//! The chains of sessions: a session's request_chain is the ids of its requests, in the order in which they
//! came to be in it.

use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

/// The rows of a transition table that came into a session, or left one.
macro_rules! only_in {
    ($table:literal, $other:literal) => {
        concat!(
            "(
                select r.user_id, r.session_id, r.id, r.created_at from ",
            $table,
            " as r
                where r.session_id is not null and not exists (
                    select from ",
            $other,
            " as o where o.id = r.id and o.session_id = r.session_id
                )
            )"
        )
    };
}
macro_rules! lock {
    ($changed:expr) => {
        concat!(
            "select from carrel.agent_sessions
            where (user_id, id) in (select user_id, session_id from ",
            $changed,
            " as changed where session_id is not null)
            order by id for no key update"
        )
    };
}
macro_rules! append {
    ($joined:expr) => {
        concat!(
            "update carrel.agent_sessions as s set request_chain = s.request_chain || n.ids
            from (
                select user_id, session_id, jsonb_agg(id order by created_at, id) as ids from ",
            $joined,
            " as joined where session_id is not null group by user_id, session_id
            ) as n
            where s.user_id = n.user_id and s.id = n.session_id"
        )
    };
}
macro_rules! remove {
    ($left:expr) => {
        concat!(
            "update carrel.agent_sessions as s set request_chain = (
                select coalesce(jsonb_agg(link.id order by link.place), '[]')
                from jsonb_array_elements(s.request_chain) with ordinality as link (id, place)
                left join ",
            $left,
            " as gone on gone.session_id = s.id and to_jsonb(gone.id) = link.id
                where gone.id is null
            )
            where (s.user_id, s.id) in (
                select user_id, session_id from ",
            $left,
            " as gone where session_id is not null
            )"
        )
    };
}

/// AFTER INSERT, UPDATE, DELETE or TRUNCATE of agent_requests: takes the ids of those that left a session out of its chain,
/// and appends those that came. Each session is locked before its chain is read, so that none is lost, and those of
/// a statement in one order. (An INSERT has locked them before, in the order of its rows; and who deletes a session
/// locks it before its requests. Statements that meet so deadlock: 40P01, and one of them is to be tried again.)
#[pg_trigger]
fn keep_request_chains<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
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
                pg_sys::TRIGGER_EVENT_INSERT => {
                    change(db, lock!("added"), None, Some(append!("added")))
                }
                pg_sys::TRIGGER_EVENT_DELETE => {
                    change(db, lock!("removed"), Some(remove!("removed")), None)
                }
                _ => change(
                    db,
                    lock!("(select * from added union all select * from removed)"),
                    Some(remove!(only_in!("removed", "added"))),
                    Some(append!(only_in!("added", "removed"))),
                ),
            }
        })
    })
}

fn change(
    db: &Db,
    lock: &'static str,
    remove: Option<&'static str>,
    append: Option<&'static str>,
) -> Result<()> {
    if db.execute(lock, &[])? == 0 {
        return Ok(());
    }
    for update in [remove, append].into_iter().flatten() {
        db.execute(update, &[])?;
    }
    Ok(())
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
        let is_restored = trigger::restoring()?;
        let Some(old) = row.old.filter(|_| !is_restored) else { return Ok(()) };
        let version: i64 = old.need(c"version")?;
        let counted = version.saturating_add(row.changes(c"context_state")?.into());
        // To set a column copies the row, which a long chain makes large.
        if row.new.need::<i64>(c"version")? != counted {
            row.set(c"version", counted);
        }
        Ok(())
    })
}
