//! Positions at which a backend resumes its scans of the queues, and times of its full scans.

use crate::pg::clock;
use crate::pg::error::Result;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Minimum pause after a full scan, as a multiple of its duration: all workers' scans together must
/// take a small part of the server's capacity, even while most of them wait for the disk.
const PAUSE_FACTOR: u32 = 100;

/// Maximum pause after a full scan.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Number of queues above which positions of other queues are dropped.
const MAX_QUEUES: usize = 64;

/// Number of priorities of a queue above which their positions are dropped.
const MAX_PRIORITIES: usize = 64;

/// Agent type; None: all.
pub type AgentType = Option<String>;

/// Position of a request in the queue of its priority: run_at in Postgres microseconds, and id.
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

/// Scan positions of a queue.
#[derive(Default)]
pub struct QueueCursor {
    /// Last claimed position of each priority.
    pub positions: BTreeMap<i32, QueuePosition>,
    /// Last full scan, if it was long.
    pub full_scan: Option<Scan>,
}

impl QueueCursor {
    /// Sets the position at which the next scan of a priority resumes.
    pub fn advance(&mut self, priority: i32, position: QueuePosition) {
        if self.positions.len() >= MAX_PRIORITIES && !self.positions.contains_key(&priority) {
            self.positions.clear();
        }
        self.positions.insert(priority, position);
    }
}

/// Scan positions of all queues and of the leases.
#[derive(Default)]
pub struct ScanCursors {
    pub queues: BTreeMap<AgentType, QueueCursor>,
    /// Expired leases before this time are handled.
    pub expired_before: Option<TimestampWithTimeZone>,
    /// Last scan of the leases from that time on.
    pub lease_scan: Option<Scan>,
    /// True after the first scan, which is slow: it plans statements and loads the catalogs.
    pub has_scanned: bool,
}

impl ScanCursors {
    /// Drops all positions if these queues would exceed [`MAX_QUEUES`].
    pub fn limit_queues(&mut self, types: &[AgentType]) {
        let is_known = |agent_type| self.queues.contains_key(agent_type);
        if self.queues.len() >= MAX_QUEUES && !types.iter().all(is_known) {
            self.queues.clear();
        }
    }

    /// Moves the positions of all queues back to an earlier position.
    pub fn move_back(&mut self, priority: i32, position: QueuePosition) {
        for queue in self.queues.values_mut() {
            let known = queue.positions.entry(priority);
            known.and_modify(|known| *known = (*known).min(position));
        }
    }

    /// Tells if a full scan of one of these queues is due.
    pub fn is_due(&self, types: &[AgentType]) -> bool {
        let known = |agent_type| self.queues.get(agent_type).and_then(|queue| queue.full_scan);
        types.iter().any(|agent_type| Scan::is_due(known(agent_type)))
    }
}

/// End and duration of a scan.
#[derive(Clone, Copy)]
pub struct Scan {
    ended: Instant,
    duration: Duration,
}

impl Scan {
    /// Tells if the next scan is due.
    pub fn is_due(last: Option<Self>) -> bool {
        last.is_none_or(|last| last.time_until_due().is_zero())
    }

    /// Returns the time until the next scan is due.
    pub fn time_until_due(self) -> Duration {
        (self.duration * PAUSE_FACTOR).min(MAX_PAUSE).saturating_sub(self.ended.elapsed())
    }

    /// Runs a scan and measures it.
    pub fn timed<T>(scan: impl FnOnce() -> Result<T>) -> Result<(T, Self)> {
        let start = Instant::now();
        let result = scan()?;
        let (ended, duration) = (Instant::now(), start.elapsed());
        Ok((result, Self { ended, duration }))
    }
}
