//! Functions that give one row. pgrx's iterator has Postgres describe the row in each call, which takes a
//! tenth of what recording an event does; the statement that asks has described it already.

use pgrx::callconv::{CallCx, RetAbi};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{IntoHeapTuple, iter};
use std::marker::PhantomData;

/// One row of a table. pgrx knows by this name that a function gives one.
pub struct TableIterator<'a, Row>(Row, PhantomData<&'a ()>);

impl<Row> TableIterator<'_, Row> {
    pub fn once(row: Row) -> Self {
        Self(row, PhantomData)
    }
}

// SAFETY: the same table as that of pgrx's iterator.
unsafe impl<'a, Row> SqlTranslatable for TableIterator<'a, Row>
where
    iter::TableIterator<'a, Row>: SqlTranslatable,
{
    const TYPE_IDENT: &'static str = "carrel::one_row::TableIterator";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::ThisExtension;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Err(ArgumentError::Table);
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        <iter::TableIterator<'a, Row> as SqlTranslatable>::RETURN_SQL;
}

// SAFETY: a set-returning function of which Postgres asks all rows at once; it puts its only one into the store
// that there is to be, as the statement that asks describes it.
unsafe impl<Row: IntoHeapTuple> RetAbi for TableIterator<'_, Row> {
    type Item = Self;
    type Ret = Self;

    unsafe fn check_fcinfo_and_prepare(_: pg_sys::FunctionCallInfo) -> CallCx {
        // SAFETY: the context of the call.
        CallCx::WrappedFn(unsafe { pg_sys::CurrentMemoryContext })
    }

    fn to_ret(self) -> Self {
        self
    }

    unsafe fn box_ret_in_fcinfo(call: pg_sys::FunctionCallInfo, ret: Self) -> pg_sys::Datum {
        // SAFETY: a call of a set-returning function, or an error of Postgres'.
        unsafe {
            pg_sys::InitMaterializedSRF(call, pg_sys::MAT_SRF_USE_EXPECTED_DESC);
            let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let tuple = ret.0.into_heap_tuple((*result).setDesc);
            pg_sys::tuplestore_puttuple((*result).setResult, tuple);
        }
        pg_sys::Datum::null()
    }

    unsafe fn move_into_fcinfo_fcx(self, _: pg_sys::FunctionCallInfo) {}

    unsafe fn fill_fcinfo_fcx(&self, _: pg_sys::FunctionCallInfo) {}
}
