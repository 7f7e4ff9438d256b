//! Checks of the values that a row gets. A value that an UPDATE leaves unchanged passes.

use super::change::Change;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::toast;
use crate::pg::values::{Numeric, OBJECT, json_kind, no_object};
use carrel_core::binary;
use pgrx::datum::FromDatum;
use pgrx::prelude::*;
use std::cmp::Ordering;
use std::ffi::CStr;
use std::fmt::Display;
use std::ops::RangeInclusive;

impl Change {
    /// Fails with 54000 if a new value has more bytes than its column allows. Reads only the size of values
    /// within the limit.
    pub fn need_at_most(&self, columns: &[(&CStr, usize)]) -> Result<()> {
        for (column, most) in columns {
            let Some(value) = self.new.datum(column) else { continue };
            let size = toast::raw_size(value) - pg_sys::VARHDRSZ;
            // A larger value from a restore stays.
            if size > *most && self.changes(column)? {
                let column = column.to_string_lossy();
                return Err(Error::new(
                    SqlState::ProgramLimitExceeded,
                    format!("{column} has {size} bytes: it may have {most}"),
                ));
            }
        }
        Ok(())
    }

    /// Fails with 22023 if a new text is blank. Null passes.
    pub fn need_text(&self, columns: &[&CStr]) -> Result<()> {
        for column in columns {
            let Some(value) = self.changed(column)? else { continue };
            // The first bytes of most texts contain a visible character. Only a long text without one is read
            // completely.
            let is_blank = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().is_empty();
            if is_blank(toast::beginning(value, SHORT)?)
                && is_blank(toast::beginning(value, usize::MAX)?)
            {
                let name = column.to_string_lossy();
                let error = invalid(format!("{name} must not be empty"));
                return Err(match self.new.may_be_null(column) {
                    true => error.hint("Leave it null if there is none."),
                    false => error,
                });
            }
        }
        Ok(())
    }

    /// Fails with 22023 if a new jsonb is not an object. Null passes.
    pub fn need_object(&self, columns: &[&CStr]) -> Result<()> {
        for column in columns {
            let Some(value) = self.changed(column)? else { continue };
            let kind = json_kind(toast::beginning(value, SHORT)?);
            if kind != OBJECT {
                let column = column.to_string_lossy();
                return Err(no_object(&column, kind));
            }
        }
        Ok(())
    }

    /// Fails with 22023 if a new text is not one of the known values. Null passes.
    pub fn need_one_of(&self, column: &CStr, known: &[&str]) -> Result<()> {
        match self.new.get::<&str>(column) {
            Some(value) if !known.contains(&value) && self.changes(column)? => {
                one_of(&column.to_string_lossy(), value, known)
            }
            _ => Ok(()),
        }
    }

    /// Fails with 22023 if a new integer is outside the range. Null passes.
    pub fn need_within<T>(&self, column: &CStr, range: RangeInclusive<T>) -> Result<()>
    where
        T: FromDatum + PartialOrd + Display + Bounded,
    {
        let Some(value) = self.new.get::<T>(column) else { return Ok(()) };
        let is_new = self.old.is_none_or(|old| old.get::<T>(column).as_ref() != Some(&value));
        if range.contains(&value) || !is_new {
            return Ok(());
        }
        let (column, least, most) = (column.to_string_lossy(), range.start(), range.end());
        Err(invalid(match *most == T::MOST {
            true => format!("{column} must be from {least}: {value}"),
            false => {
                format!("{column} must be from {least} to {}: {value}", power(most.to_string()))
            }
        }))
    }

    /// Fails with 22023 if a new number is not between 0 and 10^`most`. Null passes.
    pub fn need_amount(&self, column: &CStr, most: u32) -> Result<()> {
        let Some(value) = self.new.get::<Numeric>(column) else { return Ok(()) };
        let (least, most_value) = (Numeric::zero()?, Numeric::from_wide(10_i128.pow(most))?);
        // NaN compares as greater than any number.
        let is_within = value.compare(least)? != Ordering::Less
            && value.compare(most_value)? != Ordering::Greater;
        if is_within || !self.changes(column)? {
            return Ok(());
        }
        let shown: String = value.to_text()?.chars().take(40).collect();
        let column = column.to_string_lossy();
        Err(invalid(format!("{column} must be a number from 0 to 10^{most}: {shown}")))
    }

    /// Fails with 22023 if a new text is the content of a binary file.
    pub fn need_no_binary(&self, column: &CStr) -> Result<()> {
        let Some(value) = self.changed(column)? else { return Ok(()) };
        let beginning = String::from_utf8_lossy(toast::beginning(value, binary::SAMPLE)?);
        match binary::sign(beginning.trim_end_matches(char::REPLACEMENT_CHARACTER)) {
            Some(sign) => {
                let column = column.to_string_lossy();
                Err(invalid(format!("{column} is the content of a binary file: {sign}")).hint(
                    "Store the text that is in the file. Until it is extracted, leave it null.",
                ))
            }
            None => Ok(()),
        }
    }
}

/// Length of a prefix that is enough to check most values, in bytes.
const SHORT: usize = 64;

fn invalid(message: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}

/// Formats large powers of ten as 10^n.
fn power(number: String) -> String {
    let zeros = number.len() - number.trim_end_matches('0').len();
    if zeros >= 9 && number.len() == zeros + 1 && number.starts_with('1') {
        return format!("10^{zeros}");
    }
    number
}

/// Largest value of an integer type.
pub trait Bounded {
    const MOST: Self;
}

impl Bounded for i32 {
    const MOST: Self = Self::MAX;
}

impl Bounded for i64 {
    const MOST: Self = Self::MAX;
}

/// Fails with 22023 if a value is not one of the known values.
pub fn one_of(name: &str, value: &str, known: &[&str]) -> Result<()> {
    if known.contains(&value) { Ok(()) } else { Err(unknown_value(name, value, known)) }
}

/// Error 22023: the value is not one of the known values.
pub fn unknown_value(name: &str, value: &str, known: &[&str]) -> Error {
    invalid(format!("unknown {name} \"{value}\"")).hint(format!("Known: {}.", known.join(", ")))
}
