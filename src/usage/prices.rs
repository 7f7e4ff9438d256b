//! Prices of tokens. The core's `prices` reads reports, and says what a new token type needs.

use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::{Jsonb, Numeric};
use carrel_core::prices::{TOKEN_TYPES, TokenReportError, Tokens};
use pgrx::prelude::*;

/// Returns the price of tokens of a model at a time, rounded to 10 decimals; null if a price is
/// missing.
///
/// `tokens` has the fields input, output, cached_input and reasoning, each token in one of them, or
/// is a provider's usage report. Without prices of their own, cached_input has the price of input,
/// and reasoning the price of output. Callable by users, services and operators. Errors: 22023
/// (report whose token types overlap or are unknown).
#[pg_extern(stable, parallel_unsafe)]
fn price_usage(
    model: Option<&str>,
    tokens: Option<Jsonb>,
    at: default!(Option<TimestampWithTimeZone>, "pg_catalog.now()"),
) -> Option<Numeric> {
    guard(|| {
        let (Some(model), Some(tokens)) = (model, tokens) else { return Ok(None) };
        let at = at.map_or_else(clock::now, Ok)?;
        spi::as_owner(Access::Read, |db| price(db, model, tokens, at))
    })
}

/// Computes price_usage().
pub fn price(
    db: &Db,
    model: &str,
    tokens: Jsonb,
    at: TimestampWithTimeZone,
) -> Result<Option<Numeric>> {
    let Tokens { input, output, cached_input, reasoning } = read(tokens)?;
    let number = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    let price = db.first(
        include_str!("../../sql/usage/price.sql"),
        &[
            model.into(),
            number(input).into(),
            number(cached_input).into(),
            number(output).into(),
            number(reasoning).into(),
            at.into(),
        ],
        |row| Ok(row.get(1)),
    )?;
    match price {
        Some(price) => Ok(price),
        None => Numeric::zero().map(Some),
    }
}

/// Returns the number of tokens of a usage report; null if price_usage() does not know its token
/// types.
#[pg_extern(immutable, strict, parallel_safe)]
fn usage_tokens(token_types: Jsonb) -> Option<i64> {
    guard(|| count_tokens(token_types))
}

/// Computes usage_tokens().
pub fn count_tokens(token_types: Jsonb) -> Result<Option<i64>> {
    let tokens = Tokens::read(&token_types.to_text()?).ok();
    Ok(tokens.and_then(|tokens| i64::try_from(tokens.sum()).ok()))
}

/// Hint of errors about token types.
pub const TOKEN_TYPES_HINT: &str =
    "Give input, output, cached_input and reasoning, or usage as the provider reports it.";

/// Reads a usage report. Fails with 22023 if its token types are unclear.
fn read(tokens: Jsonb) -> Result<Tokens> {
    Tokens::read(&tokens.to_text()?).map_err(|unclear| {
        let hint = match &unclear {
            TokenReportError::Overlap(_) => {
                "Each token is of one type: what is cached is no input, and reasoning no output."
            }
            TokenReportError::NotAnObject
            | TokenReportError::Unknown(_)
            | TokenReportError::NotACount(_) => TOKEN_TYPES_HINT,
        };
        Error::new(SqlState::InvalidParameterValue, unclear.to_string()).hint(hint)
    })
}

/// Trigger BEFORE INSERT OR UPDATE of model_prices: checks model, token type and price. Errors: 22023
/// (invalid value).
#[pg_trigger]
fn prepare_price<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        row.need_text(&[c"model"])?;
        row.need_one_of(c"token_type", &TOKEN_TYPES)?;
        row.need_amount(c"price", 9)
    })
}

/// Trigger AFTER INSERT OR UPDATE of model_prices: refuses two prices of one model and token type that
/// are valid at once.
///
/// Locks the table against other writers. Errors: 23P01 (overlapping prices).
#[pg_trigger]
fn refuse_price_overlap<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring()? {
            return Ok(());
        }
        let overlap = spi::as_owner(Access::Write, |db| {
            db.script("lock table carrel.model_prices in share row exclusive mode")?;
            db.first(include_str!("../../sql/usage/price_overlap.sql"), &[], |row| {
                row.need::<String>(1)
            })
        })?;
        match overlap {
            None => Ok(()),
            Some(overlap) => Err(Error::new(
                SqlState::ExclusionViolation,
                format!("two prices are valid at once: {overlap}"),
            )
            .hint("End the one before the other begins: update carrel.model_prices set valid_during = …")),
        }
    })
}
