//! Set-returning functions that return one row.
//!
//! pgrx's iterator makes Postgres describe the row at each call, which takes a tenth of the time of recording
//! an event. This one uses the description that the calling statement already has.

use pgrx::callconv::{CallCx, RetAbi};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{IntoHeapTuple, iter};
use std::marker::PhantomData;

/// Single row of a table function. pgrx recognizes such functions by this type's name.
pub struct TableIterator<'a, Row>(Row, PhantomData<&'a ()>);

impl<Row> TableIterator<'_, Row> {
    pub fn once(row: Row) -> Self {
        Self(row, PhantomData)
    }
}

// SAFETY: describes the table that pgrx's iterator describes.
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

// SAFETY: Postgres materializes the result of the function. The only row is stored in the tuplestore, as the
// calling statement describes it.
unsafe impl<Row: IntoHeapTuple> RetAbi for TableIterator<'_, Row> {
    type Item = Self;
    type Ret = Self;

    unsafe fn check_fcinfo_and_prepare(_: pg_sys::FunctionCallInfo) -> CallCx {
        // SAFETY: reads the context of the call.
        CallCx::WrappedFn(unsafe { pg_sys::CurrentMemoryContext })
    }

    fn to_ret(self) -> Self {
        self
    }

    unsafe fn box_ret_in_fcinfo(call: pg_sys::FunctionCallInfo, ret: Self) -> pg_sys::Datum {
        // SAFETY: the call is of a set-returning function; Postgres raises an error otherwise.
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
