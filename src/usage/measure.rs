//! Measures that limits count in.
//!
//! A new measure begins here. The compiler shows the matches, the test below the SQL of limits;
//! CONTRIBUTING.md ("Add a measure") has the rest.

use crate::pg::error::Result;
use crate::pg::trigger::unknown_value;

/// Measure of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Events,
    Tokens,
    Cost,
    /// Stored documents.
    Documents,
    /// Bytes of stored documents.
    Bytes,
}

/// Measure that adds up over the events of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventMeasure {
    Events,
    Tokens,
    Cost,
}

impl Measure {
    pub const ALL: [Self; 5] =
        [Self::Events, Self::Tokens, Self::Cost, Self::Documents, Self::Bytes];

    /// Parses a `measure` of SQL. Fails with 22023 for an unknown one.
    pub fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|measure| measure.name() == name);
        known.ok_or_else(|| unknown_value("measure", name, &Self::ALL.map(Self::name)))
    }

    /// Name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Documents => "documents",
            Self::Bytes => "bytes",
        }
    }

    /// Measure of events that this one is; None for stored amounts, which have no period.
    pub fn of_events(self) -> Option<EventMeasure> {
        match self {
            Self::Events => Some(EventMeasure::Events),
            Self::Tokens => Some(EventMeasure::Tokens),
            Self::Cost => Some(EventMeasure::Cost),
            Self::Documents | Self::Bytes => None,
        }
    }

    /// True for amounts that are stored, not counted in a period.
    pub fn is_stored(self) -> bool {
        self.of_events().is_none()
    }

    /// True if work can begin before its amount is known, as the tokens of an agent request.
    pub fn is_known_later(self) -> bool {
        match self {
            Self::Tokens | Self::Cost => true,
            Self::Events | Self::Documents | Self::Bytes => false,
        }
    }

    /// Decimals of an amount.
    pub fn decimals(self) -> i32 {
        match self {
            Self::Cost => 10,
            Self::Events | Self::Tokens | Self::Documents | Self::Bytes => 0,
        }
    }
}

impl EventMeasure {
    /// Position among the columns events, tokens and cost, from 0.
    pub fn position(self) -> usize {
        match self {
            Self::Events => 0,
            Self::Tokens => 1,
            Self::Cost => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_has_its_branches_in_sql() {
        let usage = include_str!("../../sql/usage/limit_usage.sql");
        let check = include_str!("../../sql/tables/plan_limits.sql");
        for measure in Measure::ALL {
            let name = format!("'{}'", measure.name());
            // Held by requests and by reservations, and used: of days and of intervals, or stored.
            let branches = if measure.is_stored() { 3 } else { 4 };
            assert_eq!(usage.matches(&name).count(), branches, "{name}");
            assert!(check.contains(&name), "{name}");
        }
    }
}
