//! Large values as they are stored: compressed and out of line. Reading one whole takes its size in
//! memory, so what can be told of a value without doing that is told here.

use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    datum_image_eq, detoast_attr_slice, detoast_external_attr, pg_detoast_datum_packed,
    pg_detoast_datum_slice, toast_compress_datum,
};
use pgrx::pg_sys::{self, Datum};
use std::ffi::{c_char, c_int};
use std::hash::Hasher;

/// Up to this size, in bytes, copies of a value are of no matter.
const LARGE: usize = 1 << 20;

/// The size of a value when it is read, header and all, without reading it.
pub fn raw_size(value: Datum) -> usize {
    // SAFETY: every value that a caller has is a varlena; its header or its toast pointer tells.
    unsafe { pg_sys::toast_raw_datum_size(value) }
}

/// The first bytes of a value as it reads, at most `length` of them.
pub fn beginning<'a>(value: Datum, length: usize) -> Result<&'a [u8]> {
    let length = c_int::try_from(length).unwrap_or(c_int::MAX);
    // SAFETY: a varlena; what is read of it lives as long as the memory context.
    let read = catch(|| unsafe { pg_detoast_datum_slice(value.cast_mut_ptr(), 0, length) })?;
    Ok(bytes(read))
}

/// A large value that is neither compressed nor out of line, compressed as Postgres does before it
/// stores it; None where it would be stored as it is. `storage` and `method` are the column's.
pub fn compress(value: Datum, storage: c_char, method: c_char) -> Result<Option<Datum>> {
    let is_compressible = matches!(storage as u8, b'x' | b'm');
    // SAFETY: a varlena, of which the header is read.
    let is_plain = unsafe { pgrx::varatt_is_4b_u(value.cast_mut_ptr()) };
    if !is_compressible || !is_plain || raw_size(value) <= LARGE {
        return Ok(None);
    }
    // SAFETY: a plain varlena, and the column's method; null where it does not get smaller.
    let compressed = catch(|| unsafe { toast_compress_datum(value, method) })?;
    Ok(Some(compressed).filter(|datum| !datum.is_null()))
}

/// Whether two values are equal, byte for byte when read. Those that are the same one out of line are
/// told by their toast pointers; others of equal length are read.
pub fn is_equal(one: Datum, other: Datum) -> Result<bool> {
    if pointer_of(one).is_some() && pointer_of(one) == pointer_of(other) {
        return Ok(true);
    }
    // SAFETY: both are varlenas.
    catch(|| unsafe { datum_image_eq(one, other, false, -1) })
}

/// Feeds a value to a hasher: as it reads where it is not large, else in the form that it is stored
/// in, a part at a time. That form is the same before and after a row is written where the value was
/// out of line before, or is what [`compress`] made or left as it was.
pub fn hash(value: Datum, hasher: &mut impl Hasher) -> Result<()> {
    let size = raw_size(value);
    hasher.write_usize(size);
    if size <= LARGE {
        // SAFETY: a varlena; small, so that nobody minds the copy that lives as long as the context.
        let read = catch(|| unsafe { pg_detoast_datum_packed(value.cast_mut_ptr()) })?;
        hasher.write(bytes(read));
    } else if let Some(stored) = Stored::of(value) {
        for start in (0..stored.size).step_by(LARGE) {
            stored.with_part(start, LARGE, |part| hasher.write(part))?;
        }
    } else {
        // SAFETY: a varlena; it comes back as it is unless it is out of line in another way than above.
        let value = catch(|| unsafe { detoast_external_attr(value.cast_mut_ptr()) })?;
        for part in bytes(value).chunks(LARGE) {
            hasher.write(part);
        }
    }
    Ok(())
}

/// A value out of line, taken for the bytes that it is stored in, compressed or not.
struct Stored {
    /// A toast pointer to them as to a plain value.
    pointer: [u8; POINTER],
    size: usize,
}

/// The bytes of a toast pointer: two of its header, then a `varatt_external`.
const POINTER: usize = 2 + size_of::<pg_sys::varatt_external>();

impl Stored {
    /// None where the value is not out of line.
    fn of(value: Datum) -> Option<Self> {
        let mut pointer: [u8; POINTER] = pointer_of(value)?.try_into().ok()?;
        // The fields after the header: the size when read, the size as stored (with the compression's
        // method in the two highest bits), and where it is.
        let [rawsize, extinfo] = [2, 6];
        let mut size = [0; 4];
        size.copy_from_slice(&pointer[extinfo..extinfo + 4]);
        let size = u32::from_ne_bytes(size) & ((1 << 30) - 1);
        pointer[rawsize..rawsize + 4]
            .copy_from_slice(&(size + pg_sys::VARHDRSZ as u32).to_ne_bytes());
        pointer[extinfo..extinfo + 4].copy_from_slice(&size.to_ne_bytes());
        Some(Self { pointer, size: size as usize })
    }

    /// Calls `with` for the bytes from `start`, at most `length` of them.
    fn with_part(&self, start: usize, length: usize, with: impl FnOnce(&[u8])) -> Result<()> {
        let pointer = self.pointer.as_ptr().cast_mut().cast::<pg_sys::varlena>();
        // SAFETY: a toast pointer, which is only read; it says of itself that it is not compressed.
        let part = catch(|| unsafe { detoast_attr_slice(pointer, start as i32, length as i32) })?;
        with(bytes(part));
        // SAFETY: a copy of its own.
        unsafe { pg_sys::pfree(part.cast()) };
        Ok(())
    }
}

/// The toast pointer that stands for a value out of line.
fn pointer_of<'a>(value: Datum) -> Option<&'a [u8]> {
    let value = value.cast_mut_ptr::<pg_sys::varlena>();
    // SAFETY: a varlena, whose header tells its size, that of the pointer where it is one.
    unsafe {
        pgrx::varatt_is_1b_e(value)
            .then(|| std::slice::from_raw_parts(value.cast::<u8>(), pgrx::varsize_any(value)))
    }
}

/// The bytes after the header of a value that is not out of line.
fn bytes<'a>(value: *mut pg_sys::varlena) -> &'a [u8] {
    // SAFETY: a varlena, whose header tells its size. It outlives the call that it was read for.
    unsafe {
        let start = pgrx::vardata_any(value).cast::<u8>();
        std::slice::from_raw_parts(start, pgrx::varsize_any_exhdr(value))
    }
}
