//! Sessions: the chains of their requests.

use crate::spi::{self, Access};
use crate::trigger::{self, Returned};
use pgrx::prelude::*;

/// AFTER INSERT of agent_requests: appends their ids to their sessions' chains. Each session is
/// locked before its chain is read, in one order, so that none is lost and statements don't deadlock.
#[pg_trigger]
fn append_to_request_chain<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    change_chains(
        trigger,
        "update carrel.agent_sessions as s set request_chain = s.request_chain || n.ids
        from (
            select user_id, session_id, jsonb_agg(id order by created_at, id) as ids
            from changed where session_id is not null group by user_id, session_id
        ) as n
        where s.user_id = n.user_id and s.id = n.session_id",
    )
}

/// AFTER DELETE of agent_requests: takes their ids out of their sessions' chains.
#[pg_trigger]
fn remove_from_request_chain<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    change_chains(
        trigger,
        "update carrel.agent_sessions as s set request_chain = (
            select coalesce(jsonb_agg(link.id order by link.place), '[]')
            from jsonb_array_elements(s.request_chain) with ordinality as link (id, place)
            left join changed as c on to_jsonb(c.id) = link.id
            where c.id is null
        )
        where (s.user_id, s.id) in (
            select user_id, session_id from changed where session_id is not null
        )",
    )
}

fn change_chains<'a>(trigger: &'a PgTrigger<'a>, update: &'static str) -> Returned<'a> {
    trigger::after_statement(|| {
        if trigger::restoring() {
            return Ok(());
        }
        spi::as_owner(Access::Write, |db| {
            // SAFETY: this call's data.
            unsafe { db.register_trigger_data(trigger::data(trigger)) }?;
            let sessions = db.execute(
                "select from carrel.agent_sessions
                where (user_id, id) in (
                    select user_id, session_id from changed where session_id is not null
                )
                order by id for no key update",
                &[],
            )?;
            if sessions > 0 {
                db.execute(update, &[])?;
            }
            Ok(())
        })
    })
}

