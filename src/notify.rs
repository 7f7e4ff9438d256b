//! Notification of agent workers: `carrel.notify_channel`.

use crate::pg::backend;
use crate::pg::error::Result;
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

/// Notifies listening workers of pending requests when the transaction commits. Does nothing
/// without a channel.
pub fn wake_workers() -> Result<()> {
    let Some(channel) = NOTIFY_CHANNEL.get().filter(|channel| !channel.is_empty()) else {
        return Ok(());
    };
    backend::notify(&channel)
}
