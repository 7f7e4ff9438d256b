//! The queue: workers claim requests under leases, and take over what others let lapse.
//!
//! A claim walks the requests that are pending, and the lapsed leases, from the beginning. Index entries of what is
//! done stay as long as some transaction may still see it, so that while an old snapshot is in use such a walk takes
//! longer and longer. When it is long, a claim looks from where the last one of this backend ended. Something may
//! come to lie before that place: what transactions commit late, with a time in the past, or roll back. Therefore
//! all is walked again as soon as a walk is a small part of the time since the last.

mod scan_cursor;

use crate::access;
use crate::lease_arguments::{checked_count, checked_lease, checked_worker};
use crate::pg::backend;
use crate::pg::clock;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use scan_cursor::{AgentType, Place, Progress, Walk, Walked};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A claimed request, as claim_requests() gives it.
type Claimed = (
    Uuid,
    Uuid,
    Option<Uuid>,
    String,
    String,
    i32,
    Uuid,
    TimestampWithTimeZone,
    i32,
    i32,
    TimestampWithTimeZone,
);

/// Gives a worker requests to do, of all users, at most so many: the highest priority first, then the
/// oldest run_at; of these types of agents (of one priority, type by type, the one with the oldest first), or of all.
/// Nobody else is given them until their leases lapse, which a heartbeat puts off; then they are given to others,
/// which counts as an attempt. Requests that were tried as often as they may be have failed. Waits for nobody. For services. Bad arguments: 22023.
#[pg_extern(volatile, parallel_unsafe)]
fn claim_requests(
    worker: Option<&str>,
    max_requests: default!(Option<i32>, "1"),
    agent_types: default!(Option<Vec<Option<String>>>, "null"),
    lease: default!(Option<Interval>, "'30 seconds'"),
) -> TableIterator<
    'static,
    (
        name!(id, Uuid),
        name!(user_id, Uuid),
        name!(session_id, Option<Uuid>),
        name!(agent_type, String),
        name!(content, String),
        name!(attempts, i32),
        name!(lease_token, Uuid),
        name!(lease_expires_at, TimestampWithTimeZone),
        name!(priority, i32),
        name!(max_attempts, i32),
        name!(created_at, TimestampWithTimeZone),
    ),
> {
    let rows = guard(|| {
        access::require_service("claim_requests")?;
        let worker = checked_worker(worker)?;
        let lease = checked_lease("lease", lease)?;
        let most = checked_count("max_requests", max_requests)?;
        let claim = Claim { worker, lease, types: types(agent_types), most };
        spi::as_owner_now(|db| claim.requests(db))
    });
    TableIterator::new(rows)
}

/// How many pages a short walk reads at most, for each request that it claims and for each type of agents: some 30
/// are needed to claim one.
const SHORT: i64 = 64;

/// The types of agents whose queues are asked for, each once.
fn types(given: Option<Vec<Option<String>>>) -> Vec<AgentType> {
    let Some(mut types) = given else { return vec![None] };
    types.sort_unstable();
    types.dedup();
    types.retain(Option::is_some);
    types
}

/// Statement on the pending requests of all agent types, or, with the suffix `_of_type`, of one: each
/// variant has its own index.
macro_rules! of_queue {
    ($agent_type:expr, $name:literal) => {
        match $agent_type {
            None => include_str!(concat!("../../../sql/agents/queue/", $name, ".sql")),
            Some(_) => include_str!(concat!("../../../sql/agents/queue/", $name, "_of_type.sql")),
        }
    };
}

thread_local! {
    static PROGRESS: RefCell<Progress> = RefCell::default();
}

struct Claim<'a> {
    worker: &'a str,
    lease: Interval,
    types: Vec<AgentType>,
    most: i32,
}

impl Claim<'_> {
    fn requests(&self, db: &Db) -> Result<Vec<Claimed>> {
        // Lost after an error, and with it nothing but time.
        let mut progress = PROGRESS.take();
        progress.make_room(&self.types);
        let mut claimed = Vec::new();
        match progress.is_due(&self.types) {
            true => self.walk_all(db, &mut progress, &mut claimed)?,
            false => self.walk_on(db, &mut progress, &mut claimed)?,
        }
        PROGRESS.set(progress);
        Ok(claimed)
    }

    /// Takes back what has lapsed, and claims what there is.
    fn walk_all(&self, db: &Db, progress: &mut Progress, claimed: &mut Vec<Claimed>) -> Result<()> {
        let before = backend::pages_read();
        for agent_type in &self.types {
            check_for_interrupts();
            progress.queues.insert(agent_type.clone(), Walked::default());
        }
        progress.lapsed = None;
        let ((), walk) = Walk::timed(|| {
            take_back(db, progress)?;
            self.priorities(db, progress, claimed)
        })?;
        let is_short =
            backend::pages_read() - before <= SHORT * (claimed.len() + self.types.len()) as i64;
        let all = (progress.has_walked && !is_short).then_some(walk);
        for agent_type in &self.types {
            check_for_interrupts();
            progress.queues.entry(agent_type.clone()).or_default().all = all;
        }
        progress.has_walked = true;
        Ok(())
    }

    /// The same from where the last claim ended.
    fn walk_on(&self, db: &Db, progress: &mut Progress, claimed: &mut Vec<Claimed>) -> Result<()> {
        if Walk::is_due(progress.leases) {
            let ((), walk) = Walk::timed(|| take_back(db, progress))?;
            progress.leases = Some(walk);
        }
        self.priorities(db, progress, claimed)
    }

    /// Claims from one priority after the other.
    fn priorities(
        &self,
        db: &Db,
        progress: &mut Progress,
        claimed: &mut Vec<Claimed>,
    ) -> Result<()> {
        let mut below = None;
        while (claimed.len() as i32) < self.most {
            let mut next = Vec::new();
            for agent_type in &self.types {
                let Some(queue) = progress.queues.get(agent_type) else { continue };
                if let Some(found) = next_priority(db, agent_type, &queue.places, below)? {
                    next.push((found, agent_type));
                }
            }
            let Some(highest) = next.iter().map(|((priority, _), _)| *priority).max() else {
                break;
            };
            next.retain(|((priority, _), _)| *priority == highest);
            next.sort_unstable();
            for ((_, place), agent_type) in next {
                let Some(last) = self.priority(db, agent_type, highest, place, claimed)? else {
                    continue;
                };
                let queue = progress.queues.entry(agent_type.clone()).or_default();
                queue.go_on(highest, last);
            }
            below = Some(highest);
        }
        Ok(())
    }

    /// Claims from one priority of a queue, from a place on; the place of the last one.
    fn priority(
        &self,
        db: &Db,
        agent_type: &AgentType,
        priority: i32,
        place: Place,
        claimed: &mut Vec<Claimed>,
    ) -> Result<Option<Place>> {
        let most = self.most - claimed.len() as i32;
        if most == 0 {
            return Ok(None);
        }
        let sql = of_queue!(agent_type, "claim");
        let args = [
            agent_type.clone().into(),
            priority.into(),
            place.run_at()?.into(),
            place.id().into(),
            most.into(),
            self.worker.into(),
            self.lease.into(),
        ];
        let mut rows = db.rows(sql, &args, |row| {
            let id: Uuid = row.need(1)?;
            let place = Place::of(row.need(12)?, id);
            let claimed: Claimed = (
                id,
                row.need(2)?,
                row.get(3),
                row.need(4)?,
                row.need(5)?,
                row.need(6)?,
                row.need(7)?,
                row.need(8)?,
                row.need(9)?,
                row.need(10)?,
                row.need(11)?,
            );
            Ok((place, claimed))
        })?;
        // An UPDATE returns them in no order.
        rows.sort_unstable_by_key(|(place, _)| *place);
        let last = rows.last().map(|(place, _)| *place);
        claimed.extend(rows.into_iter().map(|(_, one)| one));
        Ok(last)
    }
}

/// The highest priority of a queue below another one, or of all, that something is pending of, or was claimed of
/// before, and the place where to go on in it.
fn next_priority(
    db: &Db,
    agent_type: &AgentType,
    places: &BTreeMap<i32, Place>,
    below: Option<i32>,
) -> Result<Option<(i32, Place)>> {
    check_for_interrupts();
    let known = match below {
        Some(below) => places.range(..below).next_back(),
        None => places.last_key_value(),
    };
    let known = known.map(|(priority, place)| (*priority, *place));
    let below = below.map_or(i64::from(i32::MAX) + 1, i64::from);
    let above = known.map_or(i64::from(i32::MIN) - 1, |(known, _)| known.into());
    // What is of a priority in between.
    let first = db.first(
        of_queue!(agent_type, "next_priority"),
        &[agent_type.clone().into(), below.into(), above.into()],
        |row| Ok((row.need::<i32>(1)?, Place::of(row.need(2)?, row.need(3)?))),
    )?;
    Ok(first.or(known))
}

/// Takes back what workers have let lapse, but what was looked at already: to be done again, unless it was tried as
/// often as it may be, or is not wanted any more.
fn take_back(db: &Db, progress: &mut Progress) -> Result<()> {
    const MOST: usize = 1000;
    let until = clock::wall()?;
    let taken = db.rows(
        include_str!("../../../sql/agents/queue/requeue_expired.sql"),
        &[progress.lapsed.into(), until.into(), (MOST as i64).into()],
        |row| Ok((row.need::<String>(1)?, row.need(2)?, Place::of(row.need(3)?, row.need(4)?))),
    )?;
    if taken.len() < MOST {
        progress.lapsed = Some(until);
    }
    for (_, priority, place) in taken.into_iter().filter(|(status, ..)| status == "pending") {
        progress.go_back(priority, place);
    }
    Ok(())
}

/// When there will be something to claim, of these types of agents or of all: in the past, if there is now; null:
/// nothing is known of. For workers that wait. It looks where claims of this session look: when those don't walk over
/// all, it says when the next one will. For services.
#[pg_extern(stable, parallel_unsafe)]
fn next_wakeup(
    agent_types: default!(Option<Vec<Option<String>>>, "null"),
) -> Option<TimestampWithTimeZone> {
    guard(|| {
        access::require_service("next_wakeup")?;
        let types = types(agent_types);
        PROGRESS.with_borrow(|progress| {
            spi::as_owner(Access::Read, |db| db.read_by_index(|| next_time(db, &types, progress)))
        })
    })
}

/// The first time of what is pending, of leases that lapse, and of the next walk over all.
fn next_time(
    db: &Db,
    types: &[AgentType],
    progress: &Progress,
) -> Result<Option<TimestampWithTimeZone>> {
    let mut next: Option<i64> = None;
    let mut sooner = |time: i64| next = Some(next.map_or(time, |next| next.min(time)));
    let is_due = progress.is_due(types);
    let nothing = Walked::default();
    for agent_type in types {
        let queue = progress.queues.get(agent_type).filter(|_| !is_due).unwrap_or(&nothing);
        if let Some(wait) = queue.all.map(Walk::due) {
            sooner(i64::from(clock::wall()?).saturating_add(wait.as_micros() as i64));
        }
        let mut below = None;
        while let Some((priority, place)) = next_priority(db, agent_type, &queue.places, below)? {
            let first: Option<TimestampWithTimeZone> = db.first(
                of_queue!(agent_type, "next_run_at"),
                &[
                    agent_type.clone().into(),
                    priority.into(),
                    place.run_at()?.into(),
                    place.id().into(),
                ],
                |row| row.need(1),
            )?;
            first.into_iter().for_each(|time| sooner(time.into()));
            below = Some(priority);
        }
    }
    let named: Option<Vec<String>> = types.iter().cloned().collect();
    let lapsed = progress.lapsed.filter(|_| !is_due);
    let first: Option<TimestampWithTimeZone> = db.first(
        include_str!("../../../sql/agents/queue/next_expiry.sql"),
        &[named.into(), lapsed.into()],
        |row| row.need(1),
    )?;
    first.into_iter().for_each(|time| sooner(time.into()));
    next.map(clock::timestamp).transpose()
}
