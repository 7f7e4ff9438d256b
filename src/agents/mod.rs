//! Agent requests, and the sessions that hold them in order.
//!
//! [`requests`]: users create, cancel and retry. [`queue`]: workers claim, under leases. [`work`]: they say how
//! it goes, and what it cost. [`rules`]: what may become of a request, whoever writes it. [`sessions`] are
//! what users do with theirs, and [`chains`] keeps the requests of each in order.

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
