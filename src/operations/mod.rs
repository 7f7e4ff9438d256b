//! Operations on a whole database: [`import`] and [`views`] for moving in, [`stats`] for
//! monitoring, [`sample`] for test data.

mod import;
mod sample;
mod stats;
mod views;

use crate::pg::error::{Error, SqlState};

fn invalid_argument(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}
