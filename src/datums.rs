//! Postgres values that carrel passes on as they are: never parsed, never converted, so that no
//! digit of a number within a jsonb is lost and no depth of it can overflow a stack.

use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::nullable::Nullable;
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use std::borrow::Cow;
use std::ffi::CStr;

/// Names the SQL type of a Rust type.
macro_rules! translate {
    ($name:ident, $sql:literal) => {
        // SAFETY: the name of the type that the datum is of.
        unsafe impl SqlTranslatable for $name {
            const TYPE_IDENT: &'static str = concat!("carrel::datums::", stringify!($name));
            const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
            const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> =
                Ok(SqlMappingRef::literal($sql));
            const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
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
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("text"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
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
    /// As text, as Postgres prints it.
    pub fn to_text(self) -> crate::error::Result<String> {
        let datum = self.0;
        // SAFETY: a jsonb; the C string is Postgres' own, and is copied.
        unsafe {
            let text = crate::error::catch(|| jsonb_text(datum))?;
            Ok(CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }
}

/// The C string of a jsonb.
///
/// # Safety
/// The datum is a jsonb, and this is within `catch`.
unsafe fn jsonb_text(datum: pg_sys::Datum) -> *const std::ffi::c_char {
    // SAFETY: the output function of the type, as the caller says.
    unsafe { DirectFunctionCall1Coll(jsonb_out, pg_sys::InvalidOid, datum) }.cast_mut_ptr()
}

unsafe extern "C-unwind" {
    fn DirectFunctionCall1Coll(
        function: unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn jsonb_out(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
}
