//! How far a backend came in the queues, and when all is walked again.

use crate::pg::clock;
use crate::pg::error::Result;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many times as long as a scan the time between two is, at least: all workers' walks together, max_requests of which
/// wait for the disk otherwise, are to take little of what the server can do.
const PAUSE_FACTOR: u32 = 100;

/// The max_requests that it is, however long a scan took.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Of so many queues or more, none is remembered when others are to be.
const MAX_QUEUES: usize = 64;

/// The same of priorities in a queue.
const MAX_PRIORITIES: usize = 64;

/// A type of agents, or all of them.
pub type AgentType = Option<String>;

/// The position of a request in the queue of its priority: run_at, as Postgres counts, and id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePosition(i64, [u8; 16]);

impl QueuePosition {
    pub fn of(run_at: TimestampWithTimeZone, id: Uuid) -> Self {
        Self(i64::from(run_at), *id.as_bytes())
    }

    pub fn run_at(self) -> Result<TimestampWithTimeZone> {
        clock::timestamp(self.0)
    }

    pub fn id(self) -> Uuid {
        Uuid::from_bytes(self.1)
    }
}

/// How far this backend came in a queue.
#[derive(Default)]
pub struct QueueCursor {
    /// The last one that was claimed, by priority.
    pub positions: BTreeMap<i32, QueuePosition>,
    /// The last scan over all, if it was long.
    pub all: Option<Scan>,
}

impl QueueCursor {
    /// Goes on from this position of a priority the next time.
    pub fn advance(&mut self, priority: i32, position: QueuePosition) {
        if self.positions.len() >= MAX_PRIORITIES && !self.positions.contains_key(&priority) {
            self.positions.clear();
        }
        self.positions.insert(priority, position);
    }
}

/// The same in all queues, and among the leases of all.
#[derive(Default)]
pub struct ScanCursors {
    pub queues: BTreeMap<AgentType, QueueCursor>,
    /// Until when leases had expired_before that were looked at.
    pub expired_before: Option<TimestampWithTimeZone>,
    /// The last look at leases from there on.
    pub leases: Option<Scan>,
    /// Whether anything was walked over: the first time, statements are planned, for which the catalogs are read.
    pub has_scanned: bool,
}

impl ScanCursors {
    /// Has room for these queues: beyond [`MAX_QUEUES`], the others are forgotten.
    pub fn limit_queues(&mut self, types: &[AgentType]) {
        let is_known = |agent_type| self.queues.contains_key(agent_type);
        if self.queues.len() >= MAX_QUEUES && !types.iter().all(is_known) {
            self.queues.clear();
        }
    }

    /// Has all queues go on from this position, if it lies before theirs.
    pub fn move_back(&mut self, priority: i32, position: QueuePosition) {
        for queue in self.queues.values_mut() {
            let known = queue.positions.entry(priority);
            known.and_modify(|known| *known = (*known).min(position));
        }
    }

    /// Whether these queues are to be walked from the beginning.
    pub fn is_due(&self, types: &[AgentType]) -> bool {
        let known = |agent_type| self.queues.get(agent_type).and_then(|queue| queue.all);
        types.iter().any(|agent_type| Scan::is_due(known(agent_type)))
    }
}

/// When a scan ended, and how long it took.
#[derive(Clone, Copy)]
pub struct Scan {
    when: Instant,
    took: Duration,
}

impl Scan {
    /// Whether it is time for another one.
    pub fn is_due(last: Option<Self>) -> bool {
        last.is_none_or(|last| last.due().is_zero())
    }

    /// How long it is until then.
    pub fn due(self) -> Duration {
        (self.took * PAUSE_FACTOR).min(MAX_PAUSE).saturating_sub(self.when.elapsed())
    }

    /// Walks, and says when that was.
    pub fn timed<T>(scan: impl FnOnce() -> Result<T>) -> Result<(T, Self)> {
        let start = Instant::now();
        let result = scan()?;
        let (when, took) = (Instant::now(), start.elapsed());
        Ok((result, Self { when, took }))
    }
}
