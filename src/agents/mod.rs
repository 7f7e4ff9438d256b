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

use crate::pg::backend;
use crate::pg::error::{Error, Result};
use pgrx::datum::Uuid;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CString;

static NOTIFY_CHANNEL: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// Registers `carrel.notify_channel`.
pub fn register_settings() {
    GucRegistry::define_string_guc(
        c"carrel.notify_channel",
        c"The channel on which workers are told that there are requests to be done.",
        c"Empty: none. Transactions that notify commit one after the other, in all of the database. Set it for a database or a role.",
        &NOTIFY_CHANNEL,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// Tells workers who listen that there are requests to be done, when the transaction commits.
pub fn wake_workers() -> Result<()> {
    let Some(channel) = NOTIFY_CHANNEL.get().filter(|channel| !channel.is_empty()) else {
        return Ok(());
    };
    backend::notify(&channel)
}

fn no_request(id: Uuid) -> Error {
    Error::not_found("request", id)
}
