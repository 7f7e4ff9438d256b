//! Usage: events are the facts; totals, what is left of limits and the profile's counter follow from them
//! in the same statement, and verify_usage() proves that they agree.
//!
//! [`events`] records, [`batch`] many at once, by [`ledger`], and [`voids`] takes back; [`counting`] derives,
//! by [`accounts`], the [`totals`] and the profiles' [`counters`]. [`limits`] keeps hard limits, in [`parts`] and with [`locks`], and [`reservations`] and [`holds`] what is
//! held of them, [`stored`] what documents take; [`plan_limits`] says what the limits are, [`plans`] who has which, [`standings`] how they stand, [`periods`] when they begin anew.
//! [`prices`] says what tokens cost, [`refusals`] what is said to somebody whose limit is reached, [`reports`] adds up, and [`proof`] checks and restores, [`rebuilding`] when plans and periods change.

mod accounts;
mod allowances;
mod batch;
mod event_trigger;
pub mod events;
mod ledger;
mod limit_status;
mod limits;
mod locks;
mod open_requests;
mod periods;
mod plan_limits;
mod plans;
mod prices;
mod rebuild;
mod refusals;
mod reports;
mod reservations;
mod storage_quota;
mod totals;
mod usage_count;
mod verify;
mod void;

use crate::access;
use crate::identity;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::spi;
use crate::users;
pub use accounts::PROFILES;
pub use events::{MOST, checked_type};
pub use limit_status::AGENT_REQUEST;
pub use locks::{change_all as keep_from_changing, change_definitions, keep};
pub use periods::{micros as period_micros, period_start, zone};
use pgrx::datum::Uuid;
/// How books are read and written.
use spi::as_owner_now as reckoning;
pub use verify::rebuild as rebuild_all;

/// Whose usage it is to record: the caller's, or, for a service, the user's that it names.
fn whose(named: Option<Uuid>) -> Result<Uuid> {
    Caller::now()?.whose(named)
}

/// The caller, asked before anything is done as the owner.
struct Caller {
    is_service: bool,
}

impl Caller {
    fn now() -> Result<Self> {
        Ok(Self { is_service: access::is_service()? })
    }

    /// See [`whose`]. The claims of a service that names a user may name nobody, or be no claims at all.
    fn whose(&self, named: Option<Uuid>) -> Result<Uuid> {
        let Some(user) = named else { return identity::require() };
        if self.is_service || identity::current()? == Some(user) {
            return Ok(user);
        }
        Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage of user {user} is not the caller's to record"),
        )
        .hint("Leave user_id out: it is the caller's by default."))
    }
}

/// Whose rows a caller may change by carrel's functions; None: everybody's.
pub fn only_of() -> Result<Option<Uuid>> {
    match access::is_service()? {
        true => Ok(None),
        false => identity::require().map(Some),
    }
}

/// Whose usage it is to read: the caller's, or, for a service, the user's that it names. To others there
/// is no such user.
fn is_of(named: Option<Uuid>) -> Result<Uuid> {
    let Some(named) = named else { return identity::require() };
    if !access::is_service()? && identity::current()? != Some(named) {
        return Err(users::no_such_user(named));
    }
    Ok(named)
}
