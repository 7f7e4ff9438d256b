//! Work queue: claiming requests, and requeueing requests whose lease expired.
//!
//! A claim scans the index of pending requests in priority order, and the index of leases. Dead
//! index entries cannot be removed while an old snapshot is open, and make each scan slower. After
//! a slow scan, each backend therefore remembers where its last scan ended and resumes there. Rows
//! can later appear before that position (late commits, rollbacks, back-dated `run_at`), so the
//! scan restarts from the head regularly: full scans take at most 1 % of the time, or one is
//! made each minute.

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

/// Row of claim_requests().
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

/// Claims up to `max_requests` pending requests for a worker and leases them for `lease`.
///
/// Order: highest priority first, then oldest `run_at`. With several `agent_types`, requests of one
/// priority come type by type, starting with the type that has the oldest. Rows locked by other
/// workers are skipped; the call never waits. A request whose lease expires is requeued and counts
/// as one attempt; after `max_attempts` it has failed. heartbeat_request() extends a lease.
/// Callable by services. Errors: 22023 (invalid argument).
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

/// Maximum number of pages that a short scan reads for each claimed request and each agent type.
/// Claiming one takes about 30.
const SHORT_SCAN_PAGES: i64 = 64;

/// Agent types to claim from, without duplicates and nulls; [None]: all.
fn distinct_types(agent_types: Option<Vec<Option<String>>>) -> Vec<AgentType> {
    let Some(mut types) = agent_types else { return vec![None] };
    types.sort_unstable();
    types.dedup();
    types.retain(Option::is_some);
    types
}

/// Statement on the pending requests of all agent types, or, with the suffix `_of_type`, of one:
/// each variant has its own index.
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
        // An error drops the cursors, which only costs a full scan.
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

    /// Requeues expired leases and claims, both from the head of the indexes.
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
        let full_scan = (cursors.has_scanned && !is_short).then_some(scan);
        for agent_type in &self.types {
            check_for_interrupts();
            cursors.queues.entry(agent_type.clone()).or_default().full_scan = full_scan;
        }
        cursors.has_scanned = true;
        Ok(())
    }

    /// Requeues expired leases and claims, both from the positions where the last claim ended.
    fn resume_scan(
        &self,
        db: &Db,
        cursors: &mut ScanCursors,
        claimed: &mut Vec<ClaimedRequest>,
    ) -> Result<()> {
        if Scan::is_due(cursors.lease_scan) {
            let ((), scan) = Scan::timed(|| requeue_expired(db, cursors))?;
            cursors.lease_scan = Some(scan);
        }
        self.claim_by_priority(db, cursors, claimed)
    }

    /// Claims requests priority by priority.
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

    /// Claims requests of one priority of a queue, from a position on. Returns the position of the
    /// last one.
    fn claim_priority(
        &self,
        db: &Db,
        agent_type: &AgentType,
        priority: i32,
        position: QueuePosition,
        claimed: &mut Vec<ClaimedRequest>,
    ) -> Result<Option<QueuePosition>> {
        let limit = self.max_requests - claimed.len() as i32;
        if limit == 0 {
            return Ok(None);
        }
        let sql = of_queue!(agent_type, "claim");
        let args = [
            agent_type.clone().into(),
            priority.into(),
            position.run_at()?.into(),
            position.id().into(),
            limit.into(),
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
        // An UPDATE returns rows in no particular order.
        rows.sort_unstable_by_key(|(position, _)| *position);
        let last = rows.last().map(|(position, _)| *position);
        claimed.extend(rows.into_iter().map(|(_, request)| request));
        Ok(last)
    }
}

/// Returns the highest priority of a queue below `below` (None: of all) that has pending requests
/// or a known position, and the position at which to resume.
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
    // First pending request between the known priority and `below`.
    let first = db.first(
        of_queue!(agent_type, "next_priority"),
        &[agent_type.clone().into(), below.into(), above.into()],
        |row| Ok((row.need::<i32>(1)?, QueuePosition::of(row.need(2)?, row.need(3)?))),
    )?;
    Ok(first.or(known))
}

/// Requeues requests whose lease expired since the last scan. Requests without attempts left fail;
/// cancelled ones are cancelled.
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

/// Returns the time at which the next request can be claimed; null: none is known.
///
/// A time in the past means now. Considers the positions at which claims of this session resume: if
/// they do not scan from the head, returns the time of the next full scan at the latest. An expired
/// lease counts from the session's next scan of leases. Callable by services.
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

/// Returns the earliest of the next `run_at`, lease expiry and full scan.
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
        if let Some(wait) = queue.full_scan.map(Scan::time_until_due) {
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
    // A claim does not see an expired lease before the next scan of the leases.
    let lease_scan = cursors.lease_scan.filter(|_| !is_due).map(Scan::time_until_due);
    let scanned_from = match lease_scan {
        Some(wait) => i64::from(clock::wall()?).saturating_add(wait.as_micros() as i64),
        None => i64::MIN,
    };
    first.into_iter().for_each(|time| sooner(i64::from(time).max(scanned_from)));
    next.map(clock::timestamp).transpose()
}
