//! The queue: workers claim requests under leases, and take over what others let lapse.
//!
//! A claim walks the requests that are pending, and the expired_before leases, from the beginning. Index entries of what is
//! done stay as long as some transaction may still see it, so that while an old snapshot is in use such a scan takes
//! longer and longer. When it is long, a claim looks from where the last one of this backend ended. Something may
//! come to lie before that position: what transactions commit late, with a time in the past, or roll back. Therefore
//! all is walked again as soon as a scan is a small part of the time since the last.

mod scan_cursor;

use crate::access;
use crate::lease_arguments::{checked_count, checked_lease, checked_worker};
use crate::pg::backend;
use crate::pg::clock;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use scan_cursor::{AgentType, QueueCursor, QueuePosition, Scan, ScanCursors};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// A claimed request, as claim_requests() gives it.
type ClaimedRequest = (
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

/// Gives a worker requests to do, of all users, at max_requests so many: the highest priority first, then the
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
        let max_requests = checked_count("max_requests", max_requests)?;
        let claim = Claim { worker, lease, types: distinct_types(agent_types), max_requests };
        spi::as_owner_now(|db| claim.run(db))
    });
    TableIterator::new(rows)
}

/// How many pages a short scan reads at max_requests, for each request that it claims and for each type of agents: some 30
/// are needed to claim one.
const SHORT_SCAN_PAGES: i64 = 64;

/// The types of agents whose queues are asked for, each once.
fn distinct_types(given: Option<Vec<Option<String>>>) -> Vec<AgentType> {
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
    static CURSORS: RefCell<ScanCursors> = RefCell::default();
}

struct Claim<'a> {
    worker: &'a str,
    lease: Interval,
    types: Vec<AgentType>,
    max_requests: i32,
}

impl Claim<'_> {
    fn run(&self, db: &Db) -> Result<Vec<ClaimedRequest>> {
        // Lost after an error, and with it nothing but time.
        let mut cursors = CURSORS.take();
        cursors.limit_queues(&self.types);
        let mut claimed = Vec::new();
        match cursors.is_due(&self.types) {
            true => self.scan_all(db, &mut cursors, &mut claimed)?,
            false => self.resume_scan(db, &mut cursors, &mut claimed)?,
        }
        CURSORS.set(cursors);
        Ok(claimed)
    }

    /// Takes back what has expired_before, and claims what there is.
    fn scan_all(
        &self,
        db: &Db,
        cursors: &mut ScanCursors,
        claimed: &mut Vec<ClaimedRequest>,
    ) -> Result<()> {
        let before = backend::pages_read();
        for agent_type in &self.types {
            check_for_interrupts();
            cursors.queues.insert(agent_type.clone(), QueueCursor::default());
        }
        cursors.expired_before = None;
        let ((), scan) = Scan::timed(|| {
            requeue_expired(db, cursors)?;
            self.claim_by_priority(db, cursors, claimed)
        })?;
        let is_short = backend::pages_read() - before
            <= SHORT_SCAN_PAGES * (claimed.len() + self.types.len()) as i64;
        let all = (cursors.has_scanned && !is_short).then_some(scan);
        for agent_type in &self.types {
            check_for_interrupts();
            cursors.queues.entry(agent_type.clone()).or_default().all = all;
        }
        cursors.has_scanned = true;
        Ok(())
    }

    /// The same from where the last claim ended.
    fn resume_scan(
        &self,
        db: &Db,
        cursors: &mut ScanCursors,
        claimed: &mut Vec<ClaimedRequest>,
    ) -> Result<()> {
        if Scan::is_due(cursors.leases) {
            let ((), scan) = Scan::timed(|| requeue_expired(db, cursors))?;
            cursors.leases = Some(scan);
        }
        self.claim_by_priority(db, cursors, claimed)
    }

    /// Claims from one priority after the other.
    fn claim_by_priority(
        &self,
        db: &Db,
        cursors: &mut ScanCursors,
        claimed: &mut Vec<ClaimedRequest>,
    ) -> Result<()> {
        let mut below = None;
        while (claimed.len() as i32) < self.max_requests {
            let mut next = Vec::new();
            for agent_type in &self.types {
                let Some(queue) = cursors.queues.get(agent_type) else { continue };
                if let Some(found) = next_priority(db, agent_type, &queue.positions, below)? {
                    next.push((found, agent_type));
                }
            }
            let Some(highest) = next.iter().map(|((priority, _), _)| *priority).max() else {
                break;
            };
            next.retain(|((priority, _), _)| *priority == highest);
            next.sort_unstable();
            for ((_, position), agent_type) in next {
                let Some(last) = self.claim_priority(db, agent_type, highest, position, claimed)?
                else {
                    continue;
                };
                let queue = cursors.queues.entry(agent_type.clone()).or_default();
                queue.advance(highest, last);
            }
            below = Some(highest);
        }
        Ok(())
    }

    /// Claims from one priority of a queue, from a position on; the position of the last one.
    fn claim_priority(
        &self,
        db: &Db,
        agent_type: &AgentType,
        priority: i32,
        position: QueuePosition,
        claimed: &mut Vec<ClaimedRequest>,
    ) -> Result<Option<QueuePosition>> {
        let max_requests = self.max_requests - claimed.len() as i32;
        if max_requests == 0 {
            return Ok(None);
        }
        let sql = of_queue!(agent_type, "claim");
        let args = [
            agent_type.clone().into(),
            priority.into(),
            position.run_at()?.into(),
            position.id().into(),
            max_requests.into(),
            self.worker.into(),
            self.lease.into(),
        ];
        let mut rows = db.rows(sql, &args, |row| {
            let id: Uuid = row.need(1)?;
            let position = QueuePosition::of(row.need(12)?, id);
            let claimed: ClaimedRequest = (
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
            Ok((position, claimed))
        })?;
        // An UPDATE returns them in no order.
        rows.sort_unstable_by_key(|(position, _)| *position);
        let last = rows.last().map(|(position, _)| *position);
        claimed.extend(rows.into_iter().map(|(_, one)| one));
        Ok(last)
    }
}

/// The highest priority of a queue below another one, or of all, that something is pending of, or was claimed of
/// before, and the position where to go on in it.
fn next_priority(
    db: &Db,
    agent_type: &AgentType,
    positions: &BTreeMap<i32, QueuePosition>,
    below: Option<i32>,
) -> Result<Option<(i32, QueuePosition)>> {
    check_for_interrupts();
    let known = match below {
        Some(below) => positions.range(..below).next_back(),
        None => positions.last_key_value(),
    };
    let known = known.map(|(priority, position)| (*priority, *position));
    let below = below.map_or(i64::from(i32::MAX) + 1, i64::from);
    let above = known.map_or(i64::from(i32::MIN) - 1, |(known, _)| known.into());
    // What is of a priority in between.
    let first = db.first(
        of_queue!(agent_type, "next_priority"),
        &[agent_type.clone().into(), below.into(), above.into()],
        |row| Ok((row.need::<i32>(1)?, QueuePosition::of(row.need(2)?, row.need(3)?))),
    )?;
    Ok(first.or(known))
}

/// Takes back what workers have let lapse, but what was looked at already: to be done again, unless it was tried as
/// often as it may be, or is not wanted any more.
fn requeue_expired(db: &Db, cursors: &mut ScanCursors) -> Result<()> {
    const BATCH: usize = 1000;
    let until = clock::wall()?;
    let requeued = db.rows(
        include_str!("../../../sql/agents/queue/requeue_expired.sql"),
        &[cursors.expired_before.into(), until.into(), (BATCH as i64).into()],
        |row| {
            Ok((
                row.need::<String>(1)?,
                row.need(2)?,
                QueuePosition::of(row.need(3)?, row.need(4)?),
            ))
        },
    )?;
    if requeued.len() < BATCH {
        cursors.expired_before = Some(until);
    }
    for (_, priority, position) in requeued.into_iter().filter(|(status, ..)| status == "pending") {
        cursors.move_back(priority, position);
    }
    Ok(())
}

/// When there will be something to claim, of these types of agents or of all: in the past, if there is now; null:
/// nothing is known of. For workers that wait. It looks where claims of this session look: when those don't scan over
/// all, it says when the next one will. For services.
#[pg_extern(stable, parallel_unsafe)]
fn next_wakeup(
    agent_types: default!(Option<Vec<Option<String>>>, "null"),
) -> Option<TimestampWithTimeZone> {
    guard(|| {
        access::require_service("next_wakeup")?;
        let types = distinct_types(agent_types);
        CURSORS.with_borrow(|cursors| {
            spi::as_owner(Access::Read, |db| {
                db.read_by_index(|| next_due_time(db, &types, cursors))
            })
        })
    })
}

/// The first time of what is pending, of leases that lapse, and of the next scan over all.
fn next_due_time(
    db: &Db,
    types: &[AgentType],
    cursors: &ScanCursors,
) -> Result<Option<TimestampWithTimeZone>> {
    let mut next: Option<i64> = None;
    let mut sooner = |time: i64| next = Some(next.map_or(time, |next| next.min(time)));
    let is_due = cursors.is_due(types);
    let nothing = QueueCursor::default();
    for agent_type in types {
        let queue = cursors.queues.get(agent_type).filter(|_| !is_due).unwrap_or(&nothing);
        if let Some(wait) = queue.all.map(Scan::due) {
            sooner(i64::from(clock::wall()?).saturating_add(wait.as_micros() as i64));
        }
        let mut below = None;
        while let Some((priority, position)) =
            next_priority(db, agent_type, &queue.positions, below)?
        {
            let first: Option<TimestampWithTimeZone> = db.first(
                of_queue!(agent_type, "next_run_at"),
                &[
                    agent_type.clone().into(),
                    priority.into(),
                    position.run_at()?.into(),
                    position.id().into(),
                ],
                |row| row.need(1),
            )?;
            first.into_iter().for_each(|time| sooner(time.into()));
            below = Some(priority);
        }
    }
    let named: Option<Vec<String>> = types.iter().cloned().collect();
    let expired_before = cursors.expired_before.filter(|_| !is_due);
    let first: Option<TimestampWithTimeZone> = db.first(
        include_str!("../../../sql/agents/queue/next_expiry.sql"),
        &[named.into(), expired_before.into()],
        |row| row.need(1),
    )?;
    first.into_iter().for_each(|time| sooner(time.into()));
    next.map(clock::timestamp).transpose()
}
