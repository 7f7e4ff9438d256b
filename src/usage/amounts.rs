//! Amounts of usage: changes, charges against limits, and totals. Imports only [`super::measure`]
//! of usage.

use super::measure::{EventMeasure, Measure};
use crate::pg::error::Result;
use crate::pg::heap::{Reference, Table};
use crate::pg::values::Numeric;
use pgrx::datum::{Date, Uuid};
use pgrx::prelude::*;
use std::collections::BTreeMap;

/// Event type that agent requests are billed as.
pub const AGENT_REQUEST: &str = "agent_request";

/// Maximum tokens of one event, and maximum cost.
pub const MOST: i64 = 1_000_000_000_000_000;

/// Maximum bytes of an event type: it has to fit into index entries.
pub const MOST_BYTES: usize = 1000;

/// Daily totals of events, by their key.
pub const TOTALS: Table = Table { name: c"usage_totals", index: c"usage_totals_pkey" };

/// Foreign key of the ledger's tables. Inserts hold the profile instead: `Accounts::hold`.
pub const OF_PROFILE: Reference =
    Reference { column: c"user_id", table: c"user_profiles", key: c"user_id" };

/// Change in usage, storage or holds; negative when reverted.
pub struct UsageDelta {
    pub user: Uuid,
    pub event_type: String,
    pub model: String,
    pub at: TimestampWithTimeZone,
    pub events: i64,
    pub tokens: i128,
    /// None: no cost.
    pub cost: Option<Numeric>,
    pub documents: i64,
    pub bytes: i128,
}

impl UsageDelta {
    /// A change of zero.
    pub fn zero(user: Uuid, event_type: String, at: TimestampWithTimeZone) -> Self {
        let model = String::new();
        Self {
            user,
            event_type,
            model,
            at,
            events: 0,
            tokens: 0,
            cost: None,
            documents: 0,
            bytes: 0,
        }
    }

    /// Amount of a measure; None if it is zero.
    pub fn amount(&self, measure: Measure) -> Result<Option<Numeric>> {
        let whole = match measure {
            Measure::Events => self.events.into(),
            Measure::Tokens => self.tokens,
            Measure::Cost => return Ok(self.cost),
            Measure::Documents => self.documents.into(),
            Measure::Bytes => self.bytes,
        };
        if whole == 0 { Ok(None) } else { Numeric::from_wide(whole).map(Some) }
    }
}

/// Amount to charge against a hard limit in one of its periods.
pub struct LimitCharge {
    pub user: Uuid,
    pub event_type: String,
    pub measure: Measure,
    pub period: String,
    pub period_start: TimestampWithTimeZone,
    pub period_end: TimestampWithTimeZone,
    pub limit: Numeric,
    pub amount: Numeric,
}

/// Amounts to add to one daily total.
pub struct Total {
    pub user: Uuid,
    pub day: Date,
    pub period_start: TimestampWithTimeZone,
    pub events: i64,
    pub tokens: Numeric,
    pub cost: Numeric,
}

impl Total {
    /// Amount of a measure.
    pub fn amount(&self, measure: EventMeasure) -> Result<Numeric> {
        match measure {
            EventMeasure::Events => Numeric::from_whole(self.events),
            EventMeasure::Tokens => Ok(self.tokens),
            EventMeasure::Cost => Ok(self.cost),
        }
    }
}

/// Totals by user, day, start of the billing period, event type and model.
pub type Totals = BTreeMap<([u8; 16], i32, i64, String, String), Total>;
