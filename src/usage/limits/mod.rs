//! Hard limits, enforced exactly under concurrency by escrow, and plans.
//!
//! - [`admission`]: charges usage against hard limits, or refuses it ([`refusals`])
//! - [`allowances`]: the shares that remaining allowances are split into
//! - [`limit_usage`]: used and held amounts of limits; [`limit_status`]: the tightest limit of an
//!   event
//! - [`open_requests`], [`storage_quota`]: triggers that charge agent requests and documents
//! - [`plans`], [`quotas`]: SQL functions and triggers of plans; remaining allowances

pub mod admission;
pub mod allowances;
pub mod limit_status;
mod limit_usage;
mod open_requests;
mod plans;
mod quotas;
mod refusals;
mod storage_quota;

pub use limit_usage::{Holds, LimitKeys, LimitUsage, usage_of_limits};
pub use refusals::ChargeKind;
