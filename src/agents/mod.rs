//! Agent requests, and sessions that hold them in order.
//!
//! [`requests`]: users create, cancel and retry requests. [`queue`]: workers claim requests under
//! leases. [`reports`]: workers report progress, results and cost. [`transitions`]: state changes
//! allowed to any writer. [`sessions`]: operations on sessions. [`chains`]: order of the requests
//! in a session.

mod chains;
mod queue;
mod reports;
mod requests;
mod sessions;
mod transitions;

use crate::pg::error::Error;
use pgrx::datum::Uuid;

fn no_request(id: Uuid) -> Error {
    Error::not_found("request", id)
}
