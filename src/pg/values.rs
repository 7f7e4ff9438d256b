//! Postgres values that carrel passes on as they are: never parsed, never converted, so that no
//! digit of a number within a jsonb is lost and no depth of it can overflow a stack.

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

/// Names the SQL type of a Rust type.
macro_rules! translate {
    ($name:ident, $sql:literal) => {
        // SAFETY: the name of the type that the datum is of.
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

/// Lets functions take a type as an argument. A null where the function is STRICT never comes.
macro_rules! argument {
    ($name:ident, $never:expr) => {
        // SAFETY: as for pgrx's own types that come from a datum.
        unsafe impl<'fcx> ArgAbi<'fcx> for $name {
            unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
                // SAFETY: an argument of this type.
                unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or_else($never)
            }

            unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<Self> {
                // SAFETY: an argument of this type, or a null, which the caller's flag tells.
                unsafe { arg.unbox_arg_using_from_datum() }.into()
            }
        }
    };
}

/// A text that a function gives, part of an argument or its own.
pub struct Text<'a>(pub Cow<'a, str>);

impl IntoDatum for Text<'_> {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        (&*self.0).into_datum()
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::TEXTOID
    }
}

// SAFETY: the name of the type that the datum is of.
unsafe impl SqlTranslatable for Text<'_> {
    const TYPE_IDENT: &'static str = "carrel::datums::Text";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("text"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("text")));
}

// SAFETY: the datum is made in the context that the result is expected in.
unsafe impl BoxRet for Text<'_> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            // SAFETY: a text.
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
            // Copies into the current memory context, so that the value outlives the row it is of.
            unsafe fn from_polymorphic_datum(
                datum: pg_sys::Datum,
                is_null: bool,
                _: pg_sys::Oid,
            ) -> Option<Self> {
                (!is_null).then(|| {
                    // SAFETY: a variable-length datum, as the type says.
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

        // SAFETY: the datum lives in the context that it was made in.
        unsafe impl BoxRet for $name {
            unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
                // SAFETY: as above.
                unsafe { fcinfo.return_raw_datum(self.0) }
            }
        }
    };
}

opaque!(
    /// A jsonb.
    Jsonb, "jsonb", pg_sys::JSONBOID
);
opaque!(
    /// A numeric.
    Numeric, "numeric", pg_sys::NUMERICOID
);
opaque!(
    /// A tsvector.
    TsVector, "tsvector", pg_sys::TSVECTOROID
);

/// A name, such as a role's.
pub struct Name(pub String);

impl FromDatum for Name {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        // SAFETY: a name is 64 bytes that hold a C string.
        let name = |datum: pg_sys::Datum| unsafe { CStr::from_ptr(datum.cast_mut_ptr()) };
        (!is_null).then(|| Self(name(datum).to_string_lossy().into_owned()))
    }
}

/// A relation, which SQL names by a regclass.
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
    /// A tsvector with this body (what follows the length word), in the current memory context.
    pub fn from_body(body: &[u8]) -> Self {
        let size = body.len() + pg_sys::VARHDRSZ;
        // SAFETY: palloc gives that many bytes or throws; carrel's vectors stay below 2 MB.
        unsafe {
            let vector = pg_sys::palloc(size).cast::<u8>();
            pgrx::set_varsize_4b(vector.cast(), size as i32);
            std::ptr::copy_nonoverlapping(body.as_ptr(), vector.add(pg_sys::VARHDRSZ), body.len());
            Self(pg_sys::Datum::from(vector))
        }
    }

    /// The body: what follows the length word.
    pub fn to_body(self) -> Vec<u8> {
        // SAFETY: a tsvector, detoasted with its four-byte header.
        unsafe {
            let vector = pg_sys::pg_detoast_datum(self.0.cast_mut_ptr());
            let body = pgrx::vardata_any(vector).cast::<u8>();
            std::slice::from_raw_parts(body, pgrx::varsize_any_exhdr(vector)).to_vec()
        }
    }
}

impl Jsonb {
    /// {}, in the current memory context.
    pub fn empty_object() -> Result<Self> {
        // SAFETY: takes a C string.
        let datum = catch(|| unsafe {
            let text = pg_sys::Datum::from(c"{}".as_ptr());
            DirectFunctionCall1Coll(jsonb_in, pg_sys::InvalidOid, text)
        })?;
        Ok(Self(datum))
    }

    /// As text, as Postgres prints it.
    pub fn to_text(self) -> Result<String> {
        text_of(jsonb_out, self.0)
    }

    /// Refuses anything but an object: 22023.
    pub fn need_object(self, name: &str) -> Result<()> {
        match json_kind(toast::beginning(self.0, 16)?) {
            OBJECT => Ok(()),
            kind => Err(no_object(name, kind)),
        }
    }

    /// What of it keeps it from being an array of objects that have no other fields than these.
    pub fn oddity(self, fields: &[&str]) -> Result<Option<Oddity>> {
        let next = |iterator: &mut *mut pg_sys::JsonbIterator, into_it: bool| {
            let (iterator, mut value) = (&raw mut *iterator, pg_sys::JsonbValue::default());
            let place = &raw mut value;
            // SAFETY: an iterator that was begun and has not ended, and room for a value.
            let token = catch(|| unsafe { JsonbIteratorNext(iterator, place, !into_it) })?;
            Ok((token, value))
        };
        let stored = self.0.cast_mut_ptr::<pg_sys::Jsonb>();
        // SAFETY: a detoasted jsonb.
        let mut iterator = catch(|| unsafe { JsonbIteratorInit(&raw mut (*stored).root) })?;
        let (token, value) = next(&mut iterator, true)?;
        // SAFETY: the value is an array, as the token says.
        if token != WJB_BEGIN_ARRAY || unsafe { value.val.array.rawScalar } {
            return Ok(Some(Oddity::NoArray));
        }
        let mut place = 0;
        loop {
            match next(&mut iterator, true)? {
                (WJB_END_ARRAY, _) => return Ok(None),
                (WJB_BEGIN_OBJECT, _) => {}
                _ => return Ok(Some(Oddity::NoObject(place))),
            }
            loop {
                check_for_interrupts();
                let (token, key) = next(&mut iterator, false)?;
                match token {
                    WJB_END_OBJECT => break,
                    WJB_KEY => {
                        // SAFETY: the value is a key, which is as long as it says and lives in the jsonb.
                        let key = unsafe {
                            let key = key.val.string;
                            std::slice::from_raw_parts(key.val.cast::<u8>(), key.len as usize)
                        };
                        if !fields.iter().any(|field| field.as_bytes() == key) {
                            let key = String::from_utf8_lossy(key).into_owned();
                            return Ok(Some(Oddity::Field(place, key)));
                        }
                    }
                    _ => {}
                }
            }
            place += 1;
        }
    }
}

/// The kind of a jsonb that is an object, in [`json_kind`]'s words.
pub const OBJECT: &str = "an object";

/// Reads the type of a jsonb from its first eight bytes after the length word: JsonbContainer and JEntry of utils/jsonb.h.
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

/// The error for a jsonb that is no object.
pub fn no_object(name: &str, kind: &str) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("{name} must be a JSON object: it is {kind}"),
    )
}

/// Why a jsonb is no array of objects of known fields.
pub enum Oddity {
    NoArray,
    /// The element at this place is something else.
    NoObject(usize),
    /// The element at this place has a field that is not known.
    Field(usize, String),
}

impl Numeric {
    /// A whole number.
    pub fn from_whole(number: i64) -> Result<Self> {
        // SAFETY: takes a 64-bit integer, which is passed by value here.
        let datum = catch(|| unsafe {
            DirectFunctionCall1Coll(int8_numeric, pg_sys::InvalidOid, number.into())
        })?;
        Ok(Self(datum))
    }

    /// Zero, which is there always.
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

    /// A whole number, maybe of more than 64 bits.
    pub fn from_wide(number: i128) -> Result<Self> {
        if let Ok(number) = i64::try_from(number) {
            return Self::from_whole(number);
        }
        const UNIT: i64 = 1_000_000_000_000_000_000;
        let (high, low) = (number / i128::from(UNIT), number % i128::from(UNIT));
        let high = i64::try_from(high).unwrap_or(i64::MAX);
        Self::from_whole(high)?.times(Self::from_whole(UNIT)?)?.plus(Self::from_whole(low as i64)?)
    }

    /// As text, as Postgres prints it.
    pub fn to_text(self) -> Result<String> {
        text_of(numeric_out, self.0)
    }

    /// A whole number as a count: 0 where it is below, and the most where it is beyond.
    pub fn to_count(self) -> Result<i32> {
        if self.compare(Self::zero()?)? == Ordering::Less {
            return Ok(0);
        }
        if self.compare(Self::from_whole(i32::MAX.into())?)? == Ordering::Greater {
            return Ok(i32::MAX);
        }
        let datum = self.0;
        // SAFETY: a numeric within what an integer holds, which is passed by value.
        let count =
            catch(|| unsafe { DirectFunctionCall1Coll(numeric_int4, pg_sys::InvalidOid, datum) })?;
        Ok(count.value() as i32)
    }

    /// The sum, in the current memory context.
    pub fn plus(self, other: Self) -> Result<Self> {
        let (one, other) = (self.0, other.0);
        // SAFETY: two numerics.
        let sum = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_add, pg_sys::InvalidOid, one, other)
        })?;
        Ok(Self(sum))
    }

    /// The product, in the current memory context.
    pub fn times(self, other: Self) -> Result<Self> {
        let (one, other) = (self.0, other.0);
        // SAFETY: two numerics.
        let product = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_mul, pg_sys::InvalidOid, one, other)
        })?;
        Ok(Self(product))
    }

    /// The same without zeros at its end.
    pub fn trimmed(self) -> Result<Self> {
        let datum = self.0;
        // SAFETY: a numeric.
        let trimmed = catch(|| unsafe {
            DirectFunctionCall1Coll(numeric_trim_scale, pg_sys::InvalidOid, datum)
        })?;
        Ok(Self(trimmed))
    }

    /// The same to so many decimals.
    pub fn rounded(self, decimals: i32) -> Result<Self> {
        let datum = self.0;
        // SAFETY: a numeric, and a number that is passed by value.
        let rounded = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_round, pg_sys::InvalidOid, datum, decimals.into())
        })?;
        Ok(Self(rounded))
    }

    /// The same below zero, or above where it was below.
    pub fn negated(self) -> Result<Self> {
        let datum = self.0;
        // SAFETY: a numeric.
        let negated = catch(|| unsafe {
            DirectFunctionCall1Coll(numeric_uminus, pg_sys::InvalidOid, datum)
        })?;
        Ok(Self(negated))
    }

    /// How it compares with another.
    pub fn compare(self, other: Self) -> Result<Ordering> {
        let (one, other) = (self.0, other.0);
        // SAFETY: two numerics.
        let order = catch(|| unsafe {
            DirectFunctionCall2Coll(numeric_cmp, pg_sys::InvalidOid, one, other)
        })?;
        Ok((order.value() as i32).cmp(&0))
    }
}

/// A numeric that outlives memory contexts.
pub struct OwnedNumeric(Box<[u64]>);

impl OwnedNumeric {
    /// Zero.
    pub fn nothing() -> Result<Self> {
        Numeric::zero().map(Self::of)
    }

    /// A copy.
    pub fn of(numeric: Numeric) -> Self {
        let stored = numeric.0.cast_mut_ptr::<pg_sys::varlena>();
        // SAFETY: a detoasted numeric, of as many bytes as it says; words are as aligned as it has to be.
        unsafe {
            let size = pgrx::varsize_any(stored);
            let mut words = vec![0_u64; size.div_ceil(8)];
            std::ptr::copy_nonoverlapping(stored.cast::<u8>(), words.as_mut_ptr().cast(), size);
            Self(words.into())
        }
    }

    /// The numeric, which is there as long as this is.
    pub fn get(&self) -> Numeric {
        Numeric(pg_sys::Datum::from(self.0.as_ptr()))
    }
}

/// What a type's output function makes of a datum of that type.
fn text_of(
    output: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
    datum: pg_sys::Datum,
) -> Result<String> {
    // SAFETY: an output function gives a C string, which is copied.
    unsafe {
        let text = catch(|| DirectFunctionCall1Coll(output, pg_sys::InvalidOid, datum))?;
        Ok(CStr::from_ptr(text.cast_mut_ptr()).to_string_lossy().into_owned())
    }
}
