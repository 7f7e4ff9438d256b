//! Life cycle of an agent request: transitions between states, and backoff after failures.

use std::fmt;

/// State of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits to be claimed, or for its `run_at`.
    Pending,
    /// Leased by a worker.
    Processing,
    Completed,
    Failed,
    Cancelled,
}

/// Operation on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A worker leases it, possibly after another worker's lease expired.
    Claim,
    /// The worker extends its lease.
    Heartbeat,
    /// The worker finished it.
    Complete,
    /// An attempt failed or its lease expired, and attempts are left.
    Requeue,
    /// The last attempt failed or its lease expired.
    Fail,
    /// A caller gives it up.
    Cancel,
    /// A caller starts a failed or cancelled request again.
    Retry,
}

use Operation::{Cancel, Claim, Complete, Fail, Heartbeat, Requeue, Retry};
use State::{Cancelled, Completed, Failed, Pending, Processing};

impl State {
    pub const ALL: [State; 5] = [Pending, Processing, Completed, Failed, Cancelled];

    /// State with this name in the database.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Pending => "pending",
            Processing => "processing",
            Completed => "completed",
            Failed => "failed",
            Cancelled => "cancelled",
        }
    }

    /// True for states that no worker changes.
    pub fn is_finished(self) -> bool {
        matches!(self, Completed | Failed | Cancelled)
    }

    /// State after an operation; None if the operation is not allowed.
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

    /// True if some operation leads to `other`, or both states are equal.
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

/// Delay in milliseconds after a failed attempt; the first attempt is 1.
///
/// A random delay between one half and all of a second that doubles with each attempt, up to an
/// hour. Exponential backoff with "equal jitter": M. Brooker, "Exponential Backoff And Jitter", AWS
/// Architecture Blog, 2015.
pub fn backoff(attempt: i32, random: u64) -> i64 {
    const SECOND: u64 = 1_000;
    const HOUR: u64 = 3_600 * SECOND;
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(12);
    let most = (SECOND << doublings).min(HOUR);
    (most / 2 + random % (most / 2 + 1)) as i64
}
