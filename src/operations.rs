//! What operators and developers do with a whole database: moving in with [`import`], watching it with
//! [`stats`], trying things out with [`sample`] data.

mod import;
mod sample;
mod stats;
