//! Postgres values that are passed on without conversion to Rust types.
//!
//! Numbers inside a jsonb keep all digits, and deep nesting cannot overflow a stack.

use crate::pg::error::{Error, Result, SqlState, catch, check_for_interrupts};
use crate::pg::ffi::{
    DirectFunctionCall1Coll, DirectFunctionCall2Coll, JsonbIteratorInit, JsonbIteratorNext,
    int8_numeric, jsonb_in, jsonb_out, numeric_add, numeric_cmp, numeric_int4, numeric_mul,
    numeric_out, numeric_round, numeric_trim_scale, numeric_uminus,
};
use crate::pg::toast;
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::nullable::Nullable;
use pgrx::pg_sys;
use pgrx::pg_sys::JsonbIteratorToken::{
    WJB_BEGIN_ARRAY, WJB_BEGIN_OBJECT, WJB_END_ARRAY, WJB_END_OBJECT, WJB_KEY,
};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::ffi::CStr;

/// Declares the SQL type of a Rust type.
macro_rules! translate {
    ($name:ident, $sql:literal) => {
        // SAFETY: the SQL type of the datum.
        unsafe impl SqlTranslatable for $name {
            const TYPE_IDENT: &'static str = concat!("carrel::datums::", stringify!($name));
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
            const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
                Ok(SqlMappingRef::literal($sql));
            const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
                Ok(ReturnsRef::One(SqlMappingRef::literal($sql)));
        }
    };
}

/// Declares a type as an argument of SQL functions. `$never` is the value for a null, which a STRICT function
/// never gets.
macro_rules! argument {
    ($name:ident, $never:expr) => {
        // SAFETY: as for pgrx's types that implement FromDatum.
        unsafe impl<'fcx> ArgAbi<'fcx> for $name {
            unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
                // SAFETY: the argument has this type.
                unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or_else($never)
            }

            unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<Self> {
                // SAFETY: the argument has this type or is null, as the flag says.
                unsafe { arg.unbox_arg_using_from_datum() }.into()
            }
        }
    };
}

/// Text result, borrowed from an argument or owned.
pub struct Text<'a>(pub Cow<'a, str>);

impl IntoDatum for Text<'_> {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        (&*self.0).into_datum()
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::TEXTOID
    }
}

// SAFETY: the SQL type of the datum.
unsafe impl SqlTranslatable for Text<'_> {
    const TYPE_IDENT: &'static str = "carrel::datums::Text";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("text"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("text")));
}

// SAFETY: the datum is allocated in the result's memory context.
unsafe impl BoxRet for Text<'_> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: the datum is a text.
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $sql:literal, $oid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(pg_sys::Datum);

        impl FromDatum for $name {
            // Copies into the current memory context, so the value outlives its row.
            unsafe fn from_polymorphic_datum(
                datum: pg_sys::Datum,
                is_null: bool,
                _: pg_sys::Oid,
            ) -> Option<Self> {
                (!is_null).then(|| {
                    // SAFETY: a datum of variable length, as its type requires.
                    let copy = unsafe { pg_sys::pg_detoast_datum_copy(datum.cast_mut_ptr()) };
                    Self(copy.into())
                })
            }
        }

        impl IntoDatum for $name {
            fn into_datum(self) -> Option<pg_sys::Datum> {
                Some(self.0)
            }

            fn type_oid() -> pg_sys::Oid {
                $oid
            }
        }

        translate!($name, $sql);
        argument!($name, || $name(pg_sys::Datum::null()));

        // SAFETY: the datum lives in the memory context in which it was made.
        unsafe impl BoxRet for $name {
            unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
                // SAFETY: the datum has this type.
                unsafe { fcinfo.return_raw_datum(self.0) }
            }
        }
    };
}

opaque!(
    /// Value of type jsonb.
    Jsonb, "jsonb", pg_sys::JSONBOID
);
opaque!(
    /// Value of type numeric.
    Numeric, "numeric", pg_sys::NUMERICOID
);
opaque!(
    /// Value of type tsvector.
    TsVector, "tsvector", pg_sys::TSVECTOROID
);

/// Value of type name, such as a role's name.
pub struct Name(pub String);

impl FromDatum for Name {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: a name is a C string in 64 bytes.
        let name = |datum: pg_sys::Datum| unsafe { CStr::from_ptr(datum.cast_mut_ptr()) };
        (!is_null).then(|| Self(name(datum).to_string_lossy().into_owned()))
    }
}

/// Relation, as an argument of type regclass.
pub struct Relation(pub pg_sys::Oid);

impl FromDatum for Relation {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        kind: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: a regclass is an oid.
        unsafe { pg_sys::Oid::from_polymorphic_datum(datum, is_null, kind) }.map(Self)
    }
}

translate!(Relation, "regclass");
argument!(Relation, || Relation(pg_sys::InvalidOid));

translate!(Name, "name");
argument!(Name, || Name(String::new()));

impl TsVector {
    /// Creates a tsvector with this body (the bytes after the length word) in the current memory context.
    pub fn from_body(body: &[u8]) -> Self {
        let size = body.len() + pg_sys::VARHDRSZ;
        // SAFETY: palloc() returns this many bytes or throws; carrel's vectors stay below 2 MB.
        unsafe {
            let vector = pg_sys::palloc(size).cast::<u8>();
            pgrx::set_varsize_4b(vector.cast(), size as i32);
            std::ptr::copy_nonoverlapping(body.as_ptr(), vector.add(pg_sys::VARHDRSZ), body.len());
            Self(pg_sys::Datum::from(vector))
        }
    }

    /// Body: the bytes after the length word.
    pub fn to_body(self) -> Vec<u8> {
        // SAFETY: a tsvector, detoasted with a header of four bytes.
        unsafe {
            let vector = pg_sys::pg_detoast_datum(self.0.cast_mut_ptr());
            let body = pgrx::vardata_any(vector).cast::<u8>();
            std::slice::from_raw_parts(body, pgrx::varsize_any_exhdr(vector)).to_vec()
        }
    }
}

impl Jsonb {
    /// Creates {} in the current memory context.
    pub fn empty_object() -> Result<Self> {
        // SAFETY: the function takes a C string.
        let datum = catch(|| unsafe {
            let text = pg_sys::Datum::from(c"{}".as_ptr());
            DirectFunctionCall1Coll(jsonb_in, pg_sys::InvalidOid, text)
        })?;
        Ok(Self(datum))
    }

    /// Text form, as Postgres prints it.
    pub fn to_text(self) -> Result<String> {
        text_of(jsonb_out, self.0)
    }

    /// Fails with 22023 if the value is not an object.
    pub fn need_object(self, name: &str) -> Result<()> {
        match json_kind(toast::beginning(self.0, 16)?) {
            OBJECT => Ok(()),
            kind => Err(no_object(name, kind)),
        }
    }

    /// First reason why the value is not an array of objects with only these fields; None if it is one.
    pub fn shape_error(self, fields: &[&str]) -> Result<Option<ShapeError>> {
        let next = |iterator: &mut *mut pg_sys::JsonbIterator, into_it: bool| -> Result<_> {
            let (iterator, mut value) = (&raw mut *iterator, pg_sys::JsonbValue::default());
            let out = &raw mut value;
            // SAFETY: the iterator has started and not ended; `out` points to a value.
            let token = catch(|| unsafe { JsonbIteratorNext(iterator, out, !into_it) })?;
            Ok((token, value))
        };
        let stored = self.0.cast_mut_ptr::<pg_sys::Jsonb>();
        // SAFETY: a detoasted jsonb.
        let mut iterator = catch(|| unsafe { JsonbIteratorInit(&raw mut (*stored).root) })?;
        let (token, value) = next(&mut iterator, true)?;
        // SAFETY: the token says that the value is an array.
        if token != WJB_BEGIN_ARRAY || unsafe { value.val.array.rawScalar } {
            return Ok(Some(ShapeError::NotArray));
        }
        let mut index = 0;
        loop {
            match next(&mut iterator, true)? {
                (WJB_END_ARRAY, _) => return Ok(None),
                (WJB_BEGIN_OBJECT, _) => {}
                _ => return Ok(Some(ShapeError::NotObject(index))),
            }
            loop {
                check_for_interrupts();
                let (token, key) = next(&mut iterator, false)?;
                match token {
                    WJB_END_OBJECT => break,
                    WJB_KEY => {
                        // SAFETY: the token says that the value is a key; its bytes live in the jsonb.
                        let key = unsafe {
                            let key = key.val.string;
                            std::slice::from_raw_parts(key.val.cast::<u8>(), key.len as usize)
                        };
                        if !fields.iter().any(|field| field.as_bytes() == key) {
                            let key = String::from_utf8_lossy(key).into_owned();
                            return Ok(Some(ShapeError::UnknownField(index, key)));
                        }
                    }
                    _ => {}
                }
            }
            index += 1;
        }
    }
}

/// Result of [`json_kind`] for objects.
pub const OBJECT: &str = "an object";

/// Type of a jsonb, read from its first eight bytes after the length word (JsonbContainer and JEntry of
/// utils/jsonb.h).
pub fn json_kind(beginning: &[u8]) -> &'static str {
    const SCALAR: u32 = 0x1000_0000;
    const IS_OBJECT: u32 = 0x2000_0000;
    const TYPE: u32 = 0x7000_0000;
    let word = |at: usize| {
        let bytes = beginning.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    };
    match word(0) {
        header if header & IS_OBJECT != 0 => OBJECT,
        header if header & SCALAR == 0 => "an array",
        _ => match word(4) & TYPE {
            0x0000_0000 => "a string",
            0x1000_0000 => "a number",
            0x4000_0000 => "null",
            _ => "a boolean",
        },
    }
}

/// Error for a jsonb that is not an object.
pub fn no_object(name: &str, kind: &str) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("{name} must be a JSON object: it is {kind}"),
    )
}

/// Reason why a jsonb is not an array of objects with known fields.
pub enum ShapeError {
    NotArray,
    /// The element at this index is not an object.
    NotObject(usize),
    /// The element at this index has an unknown field.
    UnknownField(usize, String),
}

impl Numeric {
    /// Converts a 64-bit integer.
    pub fn from_whole(number: i64) -> Result<Self> {
        // SAFETY: the function takes a 64-bit integer, passed by value.
        let datum = catch(|| unsafe {
            DirectFunctionCall1Coll(int8_numeric, pg_sys::InvalidOid, number.into())
        })?;
        Ok(Self(datum))
    }

    /// Zero, allocated once per backend.
    pub fn zero() -> Result<Self> {
        thread_local! {
            static ZERO: OnceCell<OwnedNumeric> = const { OnceCell::new() };
        }
        ZERO.with(|zero| match zero.get() {
            Some(zero) => Ok(zero.get()),
            None => {
                let made = OwnedNumeric::of(Self::from_whole(0)?);
                Ok(zero.get_or_init(|| made).get())
            }
        })
    }

    /// Converts an integer that may exceed 64 bits.
    pub fn from_wide(number: i128) -> Result<Self> {
        if let Ok(number) = i64::try_from(number) {
            return Self::from_whole(number);
        }
        const UNIT: i64 = 1_000_000_000_000_000_000;
        let (high, low) = (number / i128::from(UNIT), number % i128::from(UNIT));
        let high = i64::try_from(high).unwrap_or(i64::MAX);
        Self::from_whole(high)?.times(Self::from_whole(UNIT)?)?.plus(Self::from_whole(low as i64)?)
    }

    /// Text form, as Postgres prints it.
    pub fn to_text(self) -> Result<String> {
        text_of(numeric_out, self.0)
    }

    /// Converts a whole number to a count: 0 if negative, i32::MAX if larger.
    pub fn to_count(self) -> Result<i32> {
        if self.compare(Self::zero()?)? == Ordering::Less {
            return Ok(0);
        }
        if self.compare(Self::from_whole(i32::MAX.into())?)? == Ordering::Greater {
            return Ok(i32::MAX);
        }
        let datum = self.0;
        // SAFETY: the numeric fits an integer, which is returned by value.
        let count =
            catch(|| unsafe { DirectFunctionCall1Coll(numeric_int4, pg_sys::InvalidOid, datum) })?;
        Ok(count.value() as i32)
    }

    /// Sum, in the current memory context.
    pub fn plus(self, other: Self) -> Result<Self> {
        let (one, other) = (self.0, other.0);
        // SAFETY: two numerics.
        let sum = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_add, pg_sys::InvalidOid, one, other)
        })?;
        Ok(Self(sum))
    }

    /// Product, in the current memory context.
    pub fn times(self, other: Self) -> Result<Self> {
        let (one, other) = (self.0, other.0);
        // SAFETY: two numerics.
        let product = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_mul, pg_sys::InvalidOid, one, other)
        })?;
        Ok(Self(product))
    }

    /// Value without trailing zeros.
    pub fn trimmed(self) -> Result<Self> {
        let datum = self.0;
        // SAFETY: a numeric.
        let trimmed = catch(|| unsafe {
            DirectFunctionCall1Coll(numeric_trim_scale, pg_sys::InvalidOid, datum)
        })?;
        Ok(Self(trimmed))
    }

    /// Value rounded to `decimals` digits.
    pub fn rounded(self, decimals: i32) -> Result<Self> {
        let datum = self.0;
        // SAFETY: a numeric, and an integer passed by value.
        let rounded = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_round, pg_sys::InvalidOid, datum, decimals.into())
        })?;
        Ok(Self(rounded))
    }

    /// Value with the opposite sign.
    pub fn negated(self) -> Result<Self> {
        let datum = self.0;
        // SAFETY: a numeric.
        let negated = catch(|| unsafe {
            DirectFunctionCall1Coll(numeric_uminus, pg_sys::InvalidOid, datum)
        })?;
        Ok(Self(negated))
    }

    /// Compares two values. NaN is greater than any number.
    pub fn compare(self, other: Self) -> Result<Ordering> {
        let (one, other) = (self.0, other.0);
        // SAFETY: two numerics.
        let order = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_cmp, pg_sys::InvalidOid, one, other)
        })?;
        Ok((order.value() as i32).cmp(&0))
    }
}

/// Numeric that outlives memory contexts.
pub struct OwnedNumeric(Box<[u64]>);

impl OwnedNumeric {
    /// Zero.
    pub fn nothing() -> Result<Self> {
        Numeric::zero().map(Self::of)
    }

    /// Copies a numeric.
    pub fn of(numeric: Numeric) -> Self {
        let stored = numeric.0.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: a detoasted numeric of `varsize_any` bytes; the words are sufficiently aligned.
        unsafe {
            let size = pgrx::varsize_any(stored);
            let mut words = vec![0_u64; size.div_ceil(8)];
            std::ptr::copy_nonoverlapping(stored.cast::<u8>(), words.as_mut_ptr().cast(), size);
            Self(words.into())
        }
    }

    /// Numeric that is valid as long as `self`.
    pub fn get(&self) -> Numeric {
        Numeric(pg_sys::Datum::from(self.0.as_ptr()))
    }
}

/// Text form of a datum, by its type's output function.
fn text_of(
    output: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
    datum: pg_sys::Datum,
) -> Result<String> {
    // SAFETY: an output function returns a C string, which is copied.
    unsafe {
        let text = catch(|| DirectFunctionCall1Coll(output, pg_sys::InvalidOid, datum))?;
        Ok(CStr::from_ptr(text.cast_mut_ptr()).to_string_lossy().into_owned())
    }
}
