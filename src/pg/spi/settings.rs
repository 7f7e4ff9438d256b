//! Settings that statements of a connection are planned and run with.

use super::connection::Db;
use super::pins::{during_latest, pin, with_settings};
use super::waiting;
use crate::pg::error::Result;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// The settings with which statements are planned once for all values, and by an index wherever one serves.
fn by_index() -> Vec<(&'static CStr, &'static CStr)> {
    let mut settings = Vec::new();
    let mut need = |is_set: bool, setting| {
        if !is_set {
            settings.push(setting);
        }
    };
    let generic = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as c_int;
    // SAFETY: settings of the backend's.
    unsafe {
        need(!pg_sys::enable_seqscan, (c"enable_seqscan", c"off"));
        need(pg_sys::enable_bitmapscan, (c"enable_bitmapscan", c"on"));
        need(pg_sys::GinFuzzySearchLimit == 0, (c"gin_fuzzy_search_limit", c"0"));
        need(pg_sys::plan_cache_mode == generic, (c"plan_cache_mode", c"force_generic_plan"));
        // A bitmap that does not fit has every row of its pages looked at again.
        need(pg_sys::work_mem >= 64 << 10, (c"work_mem", c"64MB"));
    }
    settings
}

impl Db {
    /// Does `work` with statements that see what is committed when each begins, in the stricter levels of
    /// isolation as well: for what has to be true when the transaction commits, as foreign keys are. Rows
    /// that are streamed are those of the transaction's snapshot.
    pub fn latest<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        during_latest(work)
    }

    /// Keeps notices from the client until the connection ends.
    pub fn silence_notices(&self) {
        pin(c"client_min_messages", c"warning");
    }

    /// Does `work` with statements that are planned for the values at hand, each time: for those whose
    /// best plan depends on them.
    pub fn planned_for_values<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(&[(c"plan_cache_mode", c"force_custom_plan")], work)
    }

    /// Does `work` with statements that are planned once, for all values: for those that take less time
    /// than their planning.
    pub fn planned_once<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(&[(c"plan_cache_mode", c"force_generic_plan")], work)
    }

    /// Does `work` with statements that are planned once for all values, and by an index wherever one
    /// serves.
    pub fn read_by_index<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(&by_index(), work)
    }

    /// The same, in which each lock is waited for 10 seconds at most: then 55P03. A user may hold rows of theirs
    /// for as long as they like.
    pub(super) fn write_by_index<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut settings = by_index();
        settings.extend(waiting::shorter(&waiting::LOCK_PATIENCE));
        with_settings(&settings, work)
    }

    /// Does `work` with statements that read the nearest by an index of embeddings, and go on until
    /// they have as many as they want, or the index gives up.
    pub fn read_nearest<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(
            &[
                (c"enable_seqscan", c"off"),
                (c"enable_sort", c"off"),
                (c"hnsw.iterative_scan", c"relaxed_order"),
                (c"hnsw.ef_search", c"200"),
                (c"hnsw.max_scan_tuples", c"20000"),
                (c"hnsw.scan_mem_multiplier", c"1"),
                (c"plan_cache_mode", c"force_custom_plan"),
            ],
            work,
        )
    }

    /// Does `work` with values written so that nothing of them is lost, and times without a zone read as UTC.
    pub fn written_exactly<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(
            &[(c"timezone", c"UTC"), (c"datestyle", c"ISO, YMD"), (c"extra_float_digits", c"1")],
            work,
        )
    }
}
