//! How far a backend came in the queues, and when all is walked again.

use crate::pg::clock;
use crate::pg::error::Result;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many times as long as a walk the time between two is, at least: all workers' walks together, most of which
/// wait for the disk otherwise, are to take little of what the server can do.
const SPARED: u32 = 100;

/// The most that it is, however long a walk took.
const MOST_SPARED: Duration = Duration::from_secs(60);

/// Of so many queues or more, none is remembered when others are to be.
const QUEUES: usize = 64;

/// The same of priorities in a queue.
const PRIORITIES: usize = 64;

/// A type of agents, or all of them.
pub type AgentType = Option<String>;

/// The place of a request in the queue of its priority: run_at, as Postgres counts, and id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(i64, [u8; 16]);

impl Place {
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
pub struct Walked {
    /// The last one that was claimed, by priority.
    pub places: BTreeMap<i32, Place>,
    /// The last walk over all, if it was long.
    pub all: Option<Walk>,
}

impl Walked {
    /// Goes on from this place of a priority the next time.
    pub fn go_on(&mut self, priority: i32, place: Place) {
        if self.places.len() >= PRIORITIES && !self.places.contains_key(&priority) {
            self.places.clear();
        }
        self.places.insert(priority, place);
    }
}

/// The same in all queues, and among the leases of all.
#[derive(Default)]
pub struct Progress {
    pub queues: BTreeMap<AgentType, Walked>,
    /// Until when leases had lapsed that were looked at.
    pub lapsed: Option<TimestampWithTimeZone>,
    /// The last look at leases from there on.
    pub leases: Option<Walk>,
    /// Whether anything was walked over: the first time, statements are planned, for which the catalogs are read.
    pub has_walked: bool,
}

impl Progress {
    /// Has room for these queues: beyond [`QUEUES`], the others are forgotten.
    pub fn make_room(&mut self, types: &[AgentType]) {
        let is_known = |agent_type| self.queues.contains_key(agent_type);
        if self.queues.len() >= QUEUES && !types.iter().all(is_known) {
            self.queues.clear();
        }
    }

    /// Has all queues go on from this place, if it lies before theirs.
    pub fn go_back(&mut self, priority: i32, place: Place) {
        for queue in self.queues.values_mut() {
            let known = queue.places.entry(priority);
            known.and_modify(|known| *known = (*known).min(place));
        }
    }

    /// Whether these queues are to be walked from the beginning.
    pub fn is_due(&self, types: &[AgentType]) -> bool {
        let known = |agent_type| self.queues.get(agent_type).and_then(|queue| queue.all);
        types.iter().any(|agent_type| Walk::is_due(known(agent_type)))
    }
}

/// When a walk ended, and how long it took.
#[derive(Clone, Copy)]
pub struct Walk {
    when: Instant,
    took: Duration,
}

impl Walk {
    /// Whether it is time for another one.
    pub fn is_due(last: Option<Self>) -> bool {
        last.is_none_or(|last| last.due().is_zero())
    }

    /// How long it is until then.
    pub fn due(self) -> Duration {
        (self.took * SPARED).min(MOST_SPARED).saturating_sub(self.when.elapsed())
    }

    /// Walks, and says when that was.
    pub fn timed<T>(walk: impl FnOnce() -> Result<T>) -> Result<(T, Self)> {
        let start = Instant::now();
        let result = walk()?;
        let (when, took) = (Instant::now(), start.elapsed());
        Ok((result, Self { when, took }))
    }
}
