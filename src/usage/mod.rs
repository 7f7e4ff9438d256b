//! Usage: metering, limits and billing periods.
//!
//! Usage events are the facts. Totals and allowances are derived from them in the same statement,
//! as is the counter in the caller's profile; the counters of other users are set at commit.
//! verify_usage() finds differences. The modules, each importing only those above it:
//!
//! - [`measure`]: measures that limits count in
//! - [`amounts`]: changes, charges and totals; [`callers`]: rights of callers
//! - [`accounts`]: billing calendar and limits of users; [`periods`] and [`prices`]: their SQL
//!   functions
//! - [`limits`]: hard limits, shares of remaining allowances, plans, and the status of limits
//! - [`totals`]: daily totals, counters, reports and verify_usage()
//! - [`ledger`]: recording, counting and voiding events
//! - [`reservations`]: reserve, settle and release

mod accounts;
mod amounts;
mod callers;
mod ledger;
mod limits;
mod measure;
mod periods;
mod prices;
mod reservations;
mod totals;

pub use amounts::{AGENT_REQUEST, MOST};
pub use callers::only_of;
pub use ledger::events;
pub use ledger::events::checked_type;
pub use ledger::retries::reused;
pub use totals::rebuild::rebuild_all;
