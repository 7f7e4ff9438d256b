//! Large values as they are stored: compressed and out of line.
//!
//! Reading a large value takes its size in memory. These functions answer as much as possible without that.

use crate::pg::error::{Result, catch};
use crate::pg::ffi::{
    datum_image_eq, detoast_attr_slice, detoast_external_attr, pg_detoast_datum_packed,
    pg_detoast_datum_slice, toast_compress_datum,
};
use pgrx::pg_sys::{self, Datum};
use std::ffi::{c_char, c_int};
use std::hash::Hasher;

/// Size in bytes up to which copies of a value are cheap enough.
const LARGE: usize = 1 << 20;

/// Uncompressed size of a value with its header, in bytes. Does not read the value.
pub fn raw_size(value: Datum) -> usize {
    // SAFETY: a varlena; the size is in its header or toast pointer.
    unsafe { pg_sys::toast_raw_datum_size(value) }
}

/// Value of variable length that is read in parts. Valid while the snapshot is that its row was read with.
pub struct PartedValue {
    /// The value if it is small or in its row, or its toast pointer.
    stored: Vec<u8>,
    is_pointer: bool,
}

impl PartedValue {
    /// Size in bytes up to which a value is read as a whole.
    const SMALL: usize = 32 << 10;

    /// Copies a value of a row, or its toast pointer.
    pub fn of(value: Datum) -> Result<Self> {
        match pointer_of(value) {
            Some(pointer) if raw_size(value) > Self::SMALL => {
                Ok(Self { stored: pointer.to_vec(), is_pointer: true })
            }
            _ => {
                let plain = value.cast_mut_ptr::<pg_sys::varlena>();
                // SAFETY: a varlena; a copy is freed.
                let stored = unsafe {
                    let read = catch(|| pg_detoast_datum_packed(plain))?;
                    let stored = bytes(read).to_vec();
                    if read != plain {
                        pg_sys::pfree(read.cast());
                    }
                    stored
                };
                Ok(Self { stored, is_pointer: false })
            }
        }
    }

    /// Reads up to `length` bytes from `start`; fewer at the end.
    pub fn read(&self, start: usize, length: usize) -> Result<Vec<u8>> {
        if !self.is_pointer {
            let rest = self.stored.get(start..).unwrap_or_default();
            return Ok(rest[..length.min(rest.len())].to_vec());
        }
        if length == 0 {
            return Ok(Vec::new());
        }
        let [start, length] = [start, length].map(|of| c_int::try_from(of).unwrap_or(c_int::MAX));
        let pointer = self.stored.as_ptr().cast_mut().cast::<pg_sys::varlena>();
        // SAFETY: a toast pointer whose value the snapshot keeps; the copy is freed.
        unsafe {
            let part = catch(|| pg_detoast_datum_slice(pointer, start, length))?;
            let read = bytes(part).to_vec();
            pg_sys::pfree(part.cast());
            Ok(read)
        }
    }
}

/// First bytes of an uncompressed value, up to `length`.
pub fn beginning<'a>(value: Datum, length: usize) -> Result<&'a [u8]> {
    let length = c_int::try_from(length).unwrap_or(c_int::MAX);
    // SAFETY: a varlena; the result lives as long as the memory context.
    let read = catch(|| unsafe { pg_detoast_datum_slice(value.cast_mut_ptr(), 0, length) })?;
    Ok(bytes(read))
}

/// Compresses a large plain value as Postgres does before storing it. `storage` and `method` are the
/// column's. None if Postgres would store the value uncompressed.
pub fn compress(value: Datum, storage: c_char, method: c_char) -> Result<Option<Datum>> {
    let is_compressible = matches!(storage as u8, b'x' | b'm');
    // SAFETY: a varlena, whose header is read.
    let is_plain = unsafe { pgrx::varatt_is_4b_u(value.cast_mut_ptr()) };
    if !is_compressible || !is_plain || raw_size(value) <= LARGE {
        return Ok(None);
    }
    // SAFETY: a plain varlena and the column's method. The result is null if compression does not help.
    let compressed = catch(|| unsafe { toast_compress_datum(value, method) })?;
    Ok(Some(compressed).filter(|datum| !datum.is_null()))
}

/// Returns true if two values are equal, byte for byte. Equal toast pointers are decided without reading;
/// otherwise values of equal length are read.
pub fn is_equal(one: Datum, other: Datum) -> Result<bool> {
    if pointer_of(one).is_some() && pointer_of(one) == pointer_of(other) {
        return Ok(true);
    }
    // SAFETY: both values are varlenas.
    catch(|| unsafe { datum_image_eq(one, other, false, -1) })
}

/// Feeds a value to a hasher, in chunks. Small values are hashed uncompressed, large ones in their stored
/// form. The stored form is equal before and after the row is written if the value was out of line before, or
/// was passed to [`compress`].
pub fn hash(value: Datum, hasher: &mut impl Hasher) -> Result<()> {
    let size = raw_size(value);
    hasher.write_usize(size);
    if size <= LARGE {
        // SAFETY: a varlena, small enough to leave a copy in the memory context.
        let read = catch(|| unsafe { pg_detoast_datum_packed(value.cast_mut_ptr()) })?;
        hasher.write(bytes(read));
    } else if let Some(stored) = Stored::of(value) {
        for start in (0..stored.size).step_by(LARGE) {
            stored.with_part(start, LARGE, |part| hasher.write(part))?;
        }
    } else {
        // SAFETY: a varlena. The function returns it unchanged unless it is an in-memory toast pointer.
        let value = catch(|| unsafe { detoast_external_attr(value.cast_mut_ptr()) })?;
        for part in bytes(value).chunks(LARGE) {
            hasher.write(part);
        }
    }
    Ok(())
}

/// Stored bytes of a value out of line, compressed or not.
struct Stored {
    /// Toast pointer to the stored bytes as if they were a plain value.
    pointer: [u8; POINTER],
    size: usize,
}

/// Size of a toast pointer in bytes: a header of two bytes, then a `varatt_external`.
const POINTER: usize = 2 + size_of::<pg_sys::varatt_external>();

impl Stored {
    /// Returns None if the value is not out of line.
    fn of(value: Datum) -> Option<Self> {
        let mut pointer: [u8; POINTER] = pointer_of(value)?.try_into().ok()?;
        // Offsets of the fields after the header: uncompressed size, and stored size with the compression
        // method in its two highest bits.
        let [rawsize, extinfo] = [2, 6];
        let mut size = [0; 4];
        size.copy_from_slice(&pointer[extinfo..extinfo + 4]);
        let size = u32::from_ne_bytes(size) & ((1 << 30) - 1);
        pointer[rawsize..rawsize + 4]
            .copy_from_slice(&(size + pg_sys::VARHDRSZ as u32).to_ne_bytes());
        pointer[extinfo..extinfo + 4].copy_from_slice(&size.to_ne_bytes());
        Some(Self { pointer, size: size as usize })
    }

    /// Calls `with` with up to `length` bytes from `start`.
    fn with_part(&self, start: usize, length: usize, with: impl FnOnce(&[u8])) -> Result<()> {
        let pointer = self.pointer.as_ptr().cast_mut().cast::<pg_sys::varlena>();
        // SAFETY: a valid toast pointer, marked as uncompressed.
        let part = catch(|| unsafe { detoast_attr_slice(pointer, start as i32, length as i32) })?;
        with(bytes(part));
        // SAFETY: the copy belongs to this function.
        unsafe { pg_sys::pfree(part.cast()) };
        Ok(())
    }
}

/// Toast pointer of a value out of line.
fn pointer_of<'a>(value: Datum) -> Option<&'a [u8]> {
    let value = value.cast_mut_ptr::<pg_sys::varlena>();
    // SAFETY: a varlena; its header, or the toast pointer's, has the size.
    unsafe {
        pgrx::varatt_is_1b_e(value)
            .then(|| std::slice::from_raw_parts(value.cast::<u8>(), pgrx::varsize_any(value)))
    }
}

/// Bytes after the header of a value that is not out of line.
fn bytes<'a>(value: *mut pg_sys::varlena) -> &'a [u8] {
    // SAFETY: a varlena, whose header has the size. It outlives this call.
    unsafe {
        let start = pgrx::vardata_any(value).cast::<u8>();
        std::slice::from_raw_parts(start, pgrx::varsize_any_exhdr(value))
    }
}
