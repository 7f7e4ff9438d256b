//! Streamed rows of a statement: passed on one by one, neither copied nor kept.

use super::connection::{Access, Arg, Db, check, null_column, of_changed_tables, plan};
use crate::pg::error::{Result, catch, contain, pass_on};
use crate::pg::ffi::{
    SPI_execute_plan_extended, makeParamList, pg_detoast_datum, slot_getsomeattrs_int,
    toast_raw_datum_size,
};
use pgrx::datum::FromDatum;
use pgrx::pg_sys;
use std::ffi::c_int;

/// Row that is valid until the next row is read.
pub struct PassingRow(*mut pg_sys::TupleTableSlot);

impl PassingRow {
    /// Wraps the row in a slot.
    ///
    /// # Safety
    /// All attributes of the slot are deformed, and the slot does not change while the row is used.
    pub unsafe fn of(slot: *mut pg_sys::TupleTableSlot) -> Self {
        Self(slot)
    }

    /// Value of column `number`, counted from 1; None if null. The type's values must be copied by the
    /// conversion.
    pub fn get<T: FromDatum>(&self, number: usize) -> Option<T> {
        let datum = self.datum(number)?;
        // SAFETY: the caller asks for the type of the column.
        unsafe { T::from_polymorphic_datum(datum, false, super::connection::T_OID_UNUSED) }
    }

    /// Value of column `number` that is never null.
    pub fn need<T: FromDatum>(&self, number: usize) -> Result<T> {
        self.get(number).ok_or_else(|| null_column(number))
    }

    /// Calls `with` with the bytes of column `number`, of variable length, if it is not null. Bytes that are
    /// neither compressed nor out of line are not copied.
    pub fn with_bytes<T>(&self, number: usize, with: impl FnOnce(&[u8]) -> T) -> Result<Option<T>> {
        let Some(datum) = self.datum(number) else { return Ok(None) };
        let stored = datum.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: the varlena lives as long as the row; a copy is freed.
        unsafe {
            let value = if pgrx::varatt_is_4b_u(stored) {
                stored
            } else {
                catch(|| pg_detoast_datum(stored))?
            };
            let start = pgrx::vardata_any(value).cast::<u8>();
            let result = with(std::slice::from_raw_parts(start, pgrx::varsize_any_exhdr(value)));
            if value != stored {
                pg_sys::pfree(value.cast());
            }
            Ok(Some(result))
        }
    }

    /// Stored form of column `number`; None if null.
    pub fn raw(&self, number: usize) -> Option<pg_sys::Datum> {
        self.datum(number)
    }

    /// Uncompressed size of column `number`, of variable length, in bytes; None if null.
    pub fn raw_size(&self, number: usize) -> Result<Option<i64>> {
        let Some(datum) = self.datum(number) else { return Ok(None) };
        // SAFETY: a varlena of the row.
        let size = catch(|| unsafe { toast_raw_datum_size(datum) })?;
        Ok(Some(size.saturating_sub(pg_sys::VARHDRSZ) as i64))
    }

    fn datum(&self, number: usize) -> Option<pg_sys::Datum> {
        // SAFETY: all attributes of the slot are deformed, and `number` is checked.
        unsafe {
            let slot = &*self.0;
            let number = number.checked_sub(1)?;
            (number < slot.tts_nvalid as usize && !*slot.tts_isnull.add(number))
                .then(|| *slot.tts_values.add(number))
        }
    }
}

/// Destination of the executor's rows.
#[repr(C)]
struct Receiver<'a> {
    base: pg_sys::DestReceiver,
    each: &'a mut dyn FnMut(&PassingRow) -> Result<()>,
    result: Result<()>,
}

impl Db {
    /// Calls `each` for each row of a query until it fails. `each` must not run SQL.
    pub fn stream(
        &self,
        sql: &'static str,
        args: &[Arg],
        mut each: impl FnMut(&PassingRow) -> Result<()>,
    ) -> Result<()> {
        let plan = plan(sql, args)?;
        let mut receiver = Receiver {
            base: pg_sys::DestReceiver {
                receiveSlot: Some(receive),
                rStartup: Some(start),
                rShutdown: Some(end),
                rDestroy: Some(end),
                mydest: pg_sys::CommandDest::DestNone,
            },
            each: &mut each,
            result: Ok(()),
        };
        let dest = (&raw mut receiver).cast::<pg_sys::DestReceiver>();
        let read_only = self.access == Access::Read;
        // SAFETY: SPI is connected; a kept plan, with a value for each parameter. The receiver outlives the
        // call.
        unsafe {
            let count = args.len() as c_int;
            let params = catch(|| makeParamList(count))?;
            let slots = (*params).params.as_mut_slice(args.len());
            for (slot, arg) in slots.iter_mut().zip(args) {
                slot.value = arg.datum.unwrap_or(pg_sys::Datum::null());
                slot.isnull = arg.datum.is_none();
                slot.pflags = pg_sys::PARAM_FLAG_CONST as u16;
                slot.ptype = arg.oid;
            }
            let options = pg_sys::SPIExecuteOptions {
                params,
                read_only,
                dest,
                ..pg_sys::SPIExecuteOptions::default()
            };
            let options = &raw const options;
            let code = self.confined(sql, || catch(|| SPI_execute_plan_extended(plan, options)));
            receiver.result?;
            check(code.map_err(|error| of_changed_tables(error, sql))?)
        }
    }
}

unsafe extern "C-unwind" fn receive(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: the receiver was made by `stream`, inside `catch`; the slot has a row of its statement.
    unsafe {
        let receiver = &mut *receiver.cast::<Receiver>();
        let columns = (*(*slot).tts_tupleDescriptor).natts;
        if c_int::from((*slot).tts_nvalid) < columns {
            slot_getsomeattrs_int(slot, columns);
        }
        // After a Postgres error, the executor must not continue, not even to shut down.
        receiver.result = pass_on(contain(|| (receiver.each)(&PassingRow::of(slot))));
        receiver.result.is_ok()
    }
}

unsafe extern "C-unwind" fn start(_: *mut pg_sys::DestReceiver, _: c_int, _: pg_sys::TupleDesc) {}

unsafe extern "C-unwind" fn end(_: *mut pg_sys::DestReceiver) {}
