//! The queue: workers claim requests under leases, and take over what others let lapse.
//!
//! A claim walks the requests that are pending, and the lapsed leases, from the beginning. Index entries of what is
//! done stay as long as some transaction may still see it, so that while an old snapshot is in use such a walk takes
//! longer and longer. When it is long, a claim looks from where the last one of this backend ended. Something may
//! come to lie before that place: what transactions commit late, with a time in the past, or roll back. Therefore
//! all is walked again as soon as a walk is a small part of the time since the last.

use crate::error::{Result, check_for_interrupts, guard};
use crate::leases::{checked_count, checked_lease, checked_worker};
use crate::rows;
use crate::spi::{self, Access, Db};
use pgrx::datum::{Interval, Uuid};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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
/// oldest run_at; of these types of agents, or of all. Nobody else is given them until their leases lapse,
/// which a heartbeat puts off; then they are given to others, which counts as an attempt. Requests that were
/// tried as often as they may be have failed. Waits for nobody. For services. Bad arguments: 22023.
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
        let worker = checked_worker(worker)?;
        let lease = checked_lease("lease", lease)?;
        let most = checked_count("max_requests", max_requests)?;
        let claim = Claim { worker, lease, types: types(agent_types), most };
        spi::as_owner_now(|db| claim.requests(db))
    });
    TableIterator::new(rows)
}

/// How many times as long as a walk the time between two is, at least: all workers' walks together, most of which
/// wait for the disk otherwise, are to take little of what the server can do.
const SPARED: u32 = 100;

/// The most that it is, however long a walk took.
const MOST_SPARED: Duration = Duration::from_secs(60);

/// How many pages a short walk reads at most, for each request that it claims and once more: some 30 are needed to
/// claim one.
const SHORT: i64 = 64;

/// The types of agents, without nulls, in order.
fn types(given: Option<Vec<Option<String>>>) -> Option<Vec<String>> {
    let mut types: Vec<String> = given?.into_iter().flatten().collect();
    types.sort_unstable();
    types.dedup();
    Some(types)
}

/// The place of a request in the queue of its priority: run_at, as Postgres counts, and id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(i64, [u8; 16]);

impl Place {
    fn of(run_at: TimestampWithTimeZone, id: Uuid) -> Self {
        Self(i64::from(run_at), *id.as_bytes())
    }

    fn run_at(self) -> Result<TimestampWithTimeZone> {
        rows::timestamp(self.0)
    }

    fn id(self) -> Uuid {
        Uuid::from_bytes(self.1)
    }
}

/// How far this backend came in the queue of some types of agents.
#[derive(Default)]
struct Walked {
    /// The last one that was claimed, by priority.
    places: BTreeMap<i32, Place>,
    /// The last walk over all, if it was long.
    all: Option<Walk>,
}

/// The same in all queues, by types, and among the leases of all.
#[derive(Default)]
struct Progress {
    queues: BTreeMap<Option<Vec<String>>, Walked>,
    /// Until when leases had lapsed that were looked at.
    lapsed: Option<TimestampWithTimeZone>,
    /// The last look at leases from there on.
    leases: Option<Walk>,
    /// Whether anything was walked over: the first time, statements are planned, for which the catalogs are read.
    has_walked: bool,
}

impl Progress {
    /// Takes back what has lapsed; this queue, and the others, go on from there if it lies before.
    fn take_back(&mut self, db: &Db, walked: &mut Walked) -> Result<()> {
        for (priority, place) in take_back(db, &mut self.lapsed)? {
            for queue in self.queues.values_mut().chain([&mut *walked]) {
                let known = queue.places.entry(priority);
                known.and_modify(|known| *known = (*known).min(place));
            }
        }
        Ok(())
    }
}

/// How many queues are remembered.
const QUEUES: usize = 64;

/// When a walk ended, and how long it took.
#[derive(Clone, Copy)]
struct Walk {
    when: Instant,
    took: Duration,
}

impl Walk {
    /// Whether it is time for another one.
    fn is_due(last: Option<Self>) -> bool {
        last.is_none_or(|last| last.due().is_zero())
    }

    /// How long it is until then.
    fn due(self) -> Duration {
        (self.took * SPARED).min(MOST_SPARED).saturating_sub(self.when.elapsed())
    }

    /// Walks, and says when that was.
    fn timed<T>(walk: impl FnOnce() -> Result<T>) -> Result<(T, Self)> {
        let start = Instant::now();
        let result = walk()?;
        let (when, took) = (Instant::now(), start.elapsed());
        Ok((result, Self { when, took }))
    }
}

/// How many pages this backend has read.
fn pages_read() -> i64 {
    // SAFETY: the backend's own counters, which nobody else writes.
    unsafe { pg_sys::pgBufferUsage.shared_blks_hit + pg_sys::pgBufferUsage.shared_blks_read }
}

thread_local! {
    static PROGRESS: RefCell<Progress> = RefCell::default();
}

/// How many priorities are remembered.
const PRIORITIES: usize = 64;

struct Claim<'a> {
    worker: &'a str,
    lease: Interval,
    types: Option<Vec<String>>,
    most: i32,
}

impl Claim<'_> {
    fn requests(&self, db: &Db) -> Result<Vec<Claimed>> {
        let mut progress = PROGRESS.take();
        let mut walked = progress.queues.remove(&self.types).unwrap_or_default();
        let mut claimed = Vec::new();
        match Walk::is_due(walked.all) {
            true => self.walk_all(db, &mut progress, &mut walked, &mut claimed)?,
            false => self.walk_on(db, &mut progress, &mut walked, &mut claimed)?,
        }
        if progress.queues.len() >= QUEUES {
            progress.queues.clear();
        }
        progress.queues.insert(self.types.clone(), walked);
        PROGRESS.set(progress);
        Ok(claimed)
    }

    /// Takes back what has lapsed, and claims what there is.
    fn walk_all(
        &self,
        db: &Db,
        progress: &mut Progress,
        walked: &mut Walked,
        claimed: &mut Vec<Claimed>,
    ) -> Result<()> {
        let before = pages_read();
        walked.places.clear();
        progress.lapsed = None;
        let ((), walk) = Walk::timed(|| {
            progress.take_back(db, walked)?;
            self.priorities(db, &mut walked.places, claimed)
        })?;
        let is_short = pages_read() - before <= SHORT * (claimed.len() as i64 + 1);
        walked.all = (progress.has_walked && !is_short).then_some(walk);
        progress.has_walked = true;
        Ok(())
    }

    /// The same from where the last claim ended.
    fn walk_on(
        &self,
        db: &Db,
        progress: &mut Progress,
        walked: &mut Walked,
        claimed: &mut Vec<Claimed>,
    ) -> Result<()> {
        if Walk::is_due(progress.leases) {
            let ((), walk) = Walk::timed(|| progress.take_back(db, walked))?;
            progress.leases = Some(walk);
        }
        self.priorities(db, &mut walked.places, claimed)
    }

    /// Claims from one priority after the other; `places` are those before which there is nothing.
    fn priorities(
        &self,
        db: &Db,
        places: &mut BTreeMap<i32, Place>,
        claimed: &mut Vec<Claimed>,
    ) -> Result<()> {
        let mut below = None;
        while (claimed.len() as i32) < self.most
            && let Some((priority, place)) = next_priority(db, places, below)?
        {
            if let Some(last) = self.priority(db, priority, place, claimed)? {
                if places.len() >= PRIORITIES && !places.contains_key(&priority) {
                    places.clear();
                }
                places.insert(priority, last);
            }
            below = Some(priority);
        }
        Ok(())
    }

    /// Claims from one priority, from a place on; the place of the last one.
    fn priority(
        &self,
        db: &Db,
        priority: i32,
        place: Place,
        claimed: &mut Vec<Claimed>,
    ) -> Result<Option<Place>> {
        let most = self.most - claimed.len() as i32;
        let mut rows = db.rows(
            "with next as materialized (
                select id from carrel.agent_requests
                where status = 'pending' and priority = $1 and (run_at, id) >= ($2, $3)
                    and run_at <= clock_timestamp() and ($4::text[] is null or agent_type = any ($4))
                order by run_at, id limit $5 for no key update skip locked
            )
            update carrel.agent_requests as r set status = 'processing', attempts = attempts + 1, progress = 0,
                lease_token = carrel.lease_token(), lease_owner = $6, lease_expires_at = clock_timestamp() + $7,
                started_at = clock_timestamp()
            from next where r.id = next.id
            returning r.id, user_id, session_id, agent_type, content, attempts, lease_token, lease_expires_at,
                priority, max_attempts, created_at, run_at",
            &[
                priority.into(),
                place.run_at()?.into(),
                place.id().into(),
                self.types.clone().into(),
                most.into(),
                self.worker.into(),
                self.lease.into(),
            ],
            |row| {
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
            },
        )?;
        // An UPDATE returns them in no order.
        rows.sort_unstable_by_key(|(place, _)| *place);
        let last = rows.last().map(|(place, _)| *place);
        claimed.extend(rows.into_iter().map(|(_, one)| one));
        Ok(last)
    }
}

/// The highest priority below another one, or of all, that something is pending of, or was claimed of before, and
/// the place where to go on in it.
fn next_priority(
    db: &Db,
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
        "select priority, run_at, id from carrel.agent_requests
        where status = 'pending' and priority < $1::bigint and priority > $2::bigint
        order by priority desc, run_at, id limit 1",
        &[below.into(), above.into()],
        |row| Ok((row.need::<i32>(1)?, Place::of(row.need(2)?, row.need(3)?))),
    )?;
    Ok(first.or(known))
}

/// Takes back what workers have let lapse, after a time if one is given: to be done again, unless it was tried as often
/// as it may be, or is not wanted any more. Gives the places of what is to be done, and until when it has looked.
fn take_back(db: &Db, after: &mut Option<TimestampWithTimeZone>) -> Result<Vec<(i32, Place)>> {
    const MOST: usize = 1000;
    let until = rows::clock()?;
    let taken = db.rows(
        "with lapsed as materialized (
            select id from carrel.agent_requests
            where status = 'processing' and lease_expires_at >= coalesce($1, '-infinity') and lease_expires_at < $2
            order by lease_expires_at limit $3 for no key update skip locked
        )
        update carrel.agent_requests as r set
            status = case
                when cancel_requested_at is not null then 'cancelled'
                when attempts < max_attempts then 'pending'
                else 'failed'
            end,
            error = case when cancel_requested_at is null then jsonb_build_object(
                'message', 'the lease of the worker lapsed', 'worker', lease_owner, 'lapsed_at', lease_expires_at
            ) else error end,
            lease_expires_at = null,
            completed_at = case
                when cancel_requested_at is not null or attempts >= max_attempts then clock_timestamp()
            end
        from lapsed where r.id = lapsed.id
        returning status, priority, run_at, r.id",
        &[(*after).into(), until.into(), (MOST as i64).into()],
        |row| Ok((row.need::<String>(1)?, row.need(2)?, Place::of(row.need(3)?, row.need(4)?))),
    )?;
    if taken.len() < MOST {
        *after = Some(until);
    }
    let back = taken.into_iter().filter(|(status, ..)| status == "pending");
    Ok(back.map(|(_, priority, place)| (priority, place)).collect())
}

/// When there will be something to claim, of these types of agents or of all: in the past, if there is now; null:
/// nothing is known of. For workers that wait. It looks where claims of this session look: when those don't walk over
/// all, it says when the next one will. For services.
#[pg_extern(stable, parallel_unsafe)]
fn next_wakeup(
    agent_types: default!(Option<Vec<Option<String>>>, "null"),
) -> Option<TimestampWithTimeZone> {
    guard(|| {
        let types = types(agent_types);
        PROGRESS.with_borrow(|progress| {
            let nothing = Walked::default();
            let walked = progress.queues.get(&types).filter(|walked| !Walk::is_due(walked.all));
            let lapsed = walked.and(progress.lapsed);
            let walk = walked.and_then(|walked| walked.all).map(Walk::due);
            let places = &walked.unwrap_or(&nothing).places;
            spi::as_owner(Access::Read, |db| {
                db.read_by_index(|| next_time(db, &types, places, lapsed, walk))
            })
        })
    })
}

/// The first time of what is pending from these places on, of leases that lapse after a time, and of the next walk.
fn next_time(
    db: &Db,
    types: &Option<Vec<String>>,
    places: &BTreeMap<i32, Place>,
    lapsed: Option<TimestampWithTimeZone>,
    walk: Option<Duration>,
) -> Result<Option<TimestampWithTimeZone>> {
    let mut next: Option<i64> = None;
    let mut sooner = |time: i64| next = Some(next.map_or(time, |next| next.min(time)));
    if let Some(wait) = walk {
        sooner(i64::from(rows::clock()?).saturating_add(wait.as_micros() as i64));
    }
    let mut below = None;
    while let Some((priority, place)) = next_priority(db, places, below)? {
        let first: Option<TimestampWithTimeZone> = db.first(
            "select run_at from carrel.agent_requests
            where status = 'pending' and priority = $1 and (run_at, id) >= ($2, $3)
                and ($4::text[] is null or agent_type = any ($4))
            order by run_at, id limit 1",
            &[priority.into(), place.run_at()?.into(), place.id().into(), types.clone().into()],
            |row| row.need(1),
        )?;
        first.into_iter().for_each(|time| sooner(time.into()));
        below = Some(priority);
    }
    let first: Option<TimestampWithTimeZone> = db.first(
        "select lease_expires_at from carrel.agent_requests
        where status = 'processing' and lease_expires_at >= coalesce($2, '-infinity')
            and ($1::text[] is null or agent_type = any ($1))
        order by lease_expires_at limit 1",
        &[types.clone().into(), lapsed.into()],
        |row| row.need(1),
    )?;
    first.into_iter().for_each(|time| sooner(time.into()));
    next.map(rows::timestamp).transpose()
}
