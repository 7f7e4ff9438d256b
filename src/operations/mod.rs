//! What operators and developers do with a whole database: moving in with [`import`] and [`views`], watching it
//! with [`stats`], trying things out with [`sample`] data.

mod import;
mod sample;
mod stats;
mod views;

use crate::pg::error::{Error, SqlState};

fn bad(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
