//! The life of an agent request: which operation leads from which state to which, and how long a failed
//! one waits.

use std::fmt;

/// Where a request is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits to be claimed, or for its time.
    Pending,
    /// A worker has it, under a lease.
    Processing,
    Completed,
    Failed,
    Cancelled,
}

/// What is done to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A worker takes it, maybe over from one whose lease lapsed.
    Claim,
    /// Its worker says that it is still at it.
    Heartbeat,
    /// Its worker has done it.
    Complete,
    /// An attempt failed, or its lease lapsed, and another one may be made.
    Requeue,
    /// The last attempt failed, or its lease lapsed.
    Fail,
    /// It is not wanted any more.
    Cancel,
    /// What did not succeed is to be tried afresh.
    Retry,
}

use Operation::{Cancel, Claim, Complete, Fail, Heartbeat, Requeue, Retry};
use State::{Cancelled, Completed, Failed, Pending, Processing};

impl State {
    pub const ALL: [State; 5] = [Pending, Processing, Completed, Failed, Cancelled];

    /// That of a name in the database.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Pending => "pending",
            Processing => "processing",
            Completed => "completed",
            Failed => "failed",
            Cancelled => "cancelled",
        }
    }

    /// Whether nothing more becomes of it by itself.
    pub fn is_finished(self) -> bool {
        matches!(self, Completed | Failed | Cancelled)
    }

    /// The state that an operation leads to; None where it can't be done.
    pub fn after(self, operation: Operation) -> Option<Self> {
        match (self, operation) {
            (Pending | Processing, Claim) => Some(Processing),
            (Processing, Heartbeat) => Some(Processing),
            (Processing, Complete) => Some(Completed),
            (Processing, Requeue) => Some(Pending),
            (Processing, Fail) => Some(Failed),
            (Pending | Processing, Cancel) => Some(Cancelled),
            (Failed | Cancelled, Retry) => Some(Pending),
            _ => None,
        }
    }

    /// Whether some operation leads from this state to that one, or it is the same.
    pub fn may_become(self, other: Self) -> bool {
        self == other
            || Operation::ALL.into_iter().any(|operation| self.after(operation) == Some(other))
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Operation {
    pub const ALL: [Operation; 7] = [Claim, Heartbeat, Complete, Requeue, Fail, Cancel, Retry];
}

/// How many milliseconds a request waits after a failed attempt (the first is 1), by a random number:
/// between half of and all of a second that doubles with each attempt, an hour at most. Exponential
/// backoff with "equal jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
pub fn backoff(attempt: i32, random: u64) -> i64 {
    const SECOND: u64 = 1_000;
    const HOUR: u64 = 3_600 * SECOND;
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(12);
    let most = (SECOND << doublings).min(HOUR);
    (most / 2 + random % (most / 2 + 1)) as i64
}
