//! Settings that a connection's statements are planned and run with.

use super::connection::Db;
use super::pins::{during_latest, pin, with_settings};
use super::waiting;
use crate::pg::error::Result;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int};

/// Settings for generic plans that use an index wherever possible.
fn by_index() -> Vec<(&'static CStr, &'static CStr)> {
    let mut settings = Vec::new();
    let mut need = |is_set: bool, setting| {
        if !is_set {
            settings.push(setting);
        }
    };
    let generic = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as c_int;
    // SAFETY: reads settings of the backend.
    unsafe {
        need(!pg_sys::enable_seqscan, (c"enable_seqscan", c"off"));
        need(pg_sys::enable_bitmapscan, (c"enable_bitmapscan", c"on"));
        need(pg_sys::GinFuzzySearchLimit == 0, (c"gin_fuzzy_search_limit", c"0"));
        need(pg_sys::plan_cache_mode == generic, (c"plan_cache_mode", c"force_generic_plan"));
        // A bitmap larger than work_mem becomes lossy, and every row of its pages is rechecked.
        need(pg_sys::work_mem >= 64 << 10, (c"work_mem", c"64MB"));
    }
    settings
}

impl Db {
    /// Runs `work` with a new snapshot for each statement, also in stricter isolation levels. For conditions
    /// that must hold at commit, such as foreign keys. Streamed rows still use the transaction's snapshot.
    pub fn latest<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        during_latest(work)
    }

    /// Keeps notices from the client until the connection ends.
    pub fn silence_notices(&self) {
        pin(c"client_min_messages", c"warning");
    }

    /// Runs `work` with custom plans, for statements whose best plan depends on the values.
    pub fn planned_for_values<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(&[(c"plan_cache_mode", c"force_custom_plan")], work)
    }

    /// Runs `work` with generic plans, for statements that take less time than their planning.
    pub fn planned_once<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(&[(c"plan_cache_mode", c"force_generic_plan")], work)
    }

    /// Runs `work` with generic plans that use an index wherever possible.
    pub fn read_by_index<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(&by_index(), work)
    }

    /// Runs `work` like [`read_by_index`](Self::read_by_index), and waits at most 10 seconds for each lock,
    /// then fails with 55P03. A user may hold locks on own rows for any time.
    pub(super) fn write_by_index<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut settings = by_index();
        settings.extend(waiting::shorter(&waiting::LOCK_PATIENCE));
        with_settings(&settings, work)
    }

    /// Runs `work` with scans of an embedding index that continue until a statement has enough rows or the
    /// index reaches its limit.
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

    /// Runs `work` with lossless output of values, and UTC for times without a zone.
    pub fn written_exactly<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        with_settings(
            &[(c"timezone", c"UTC"), (c"datestyle", c"ISO, YMD"), (c"extra_float_digits", c"1")],
            work,
        )
    }
}
