//! What tokens cost.

use crate::pg::clock;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::{Jsonb, Numeric};
use carrel_core::prices::{TokenReportError, Tokens};
use pgrx::prelude::*;

/// What tokens of a model cost, by the prices that were valid at a time, rounded to 10 decimals. `tokens`
/// has input, output, cached_input and reasoning, each token in one of them, or is the report of a
/// provider whose parts can be told apart, else error 22023. Without a price of their own, cached_input
/// costs what input does, and reasoning what output does. Null where a price is missing.
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

/// What price_usage() gives.
pub fn price(
    db: &Db,
    model: &str,
    tokens: Jsonb,
    at: TimestampWithTimeZone,
) -> Result<Option<Numeric>> {
    let tokens = read(tokens)?;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let price = db.first(
        "select case when bool_and(price is not null) then round(sum(tokens * price) / 1000000, 10) end
        from (
            select used.tokens, coalesce(own.price, like_it.price) as price
            from (
                values ('input', null, $2::bigint), ('cached_input', 'input', $3::bigint),
                    ('output', null, $4::bigint), ('reasoning', 'output', $5::bigint)
            ) as used (token_type, is_like, tokens)
            left join carrel.model_prices as own on own.model = $1::text
                and own.token_type = used.token_type and own.valid_during @> $6::timestamptz
            left join carrel.model_prices as like_it on like_it.model = $1
                and like_it.token_type = used.is_like and like_it.valid_during @> $6
            where used.tokens > 0
        ) as used
        having count(*) > 0",
        &[
            model.into(),
            count(tokens.input).into(),
            count(tokens.cached_input).into(),
            count(tokens.output).into(),
            count(tokens.reasoning).into(),
            at.into(),
        ],
        |row| Ok(row.get(1)),
    )?;
    match price {
        Some(price) => Ok(price),
        None => Numeric::zero().map(Some),
    }
}

/// How many tokens a report has; null where its types are not those that price_usage() knows.
#[pg_extern(immutable, strict, parallel_safe)]
fn usage_tokens(token_types: Jsonb) -> Option<i64> {
    guard(|| count(token_types))
}

/// What usage_tokens() gives.
pub fn count(token_types: Jsonb) -> Result<Option<i64>> {
    let tokens = Tokens::read(&token_types.to_text()?).ok();
    Ok(tokens.and_then(|tokens| i64::try_from(tokens.sum()).ok()))
}

fn read(tokens: Jsonb) -> Result<Tokens> {
    Tokens::read(&tokens.to_text()?).map_err(|unclear| {
        let hint = match &unclear {
            TokenReportError::Overlap(_) => "Each token is of one type: what is cached is no input, and reasoning no output.",
            _ => "Give input, output, cached_input and reasoning, or usage as the provider reports it.",
        };
        Error::new(SqlState::InvalidParameterValue, unclear.to_string()).hint(hint)
    })
}

/// What tokens can be priced as.
const TOKEN_TYPES: [&str; 4] = ["input", "output", "cached_input", "reasoning"];

/// BEFORE INSERT OR UPDATE of model_prices: refuses what no price is (22023), before a CHECK does.
#[pg_trigger]
fn prepare_price<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring() {
            return Ok(());
        }
        row.need_text(&[c"model"])?;
        row.need_one_of(c"token_type", &TOKEN_TYPES)?;
        row.need_amount(c"price", 9)
    })
}

/// AFTER INSERT or UPDATE of model_prices: no two prices of one type of token are valid at once. Writers
/// wait for each other.
#[pg_trigger]
fn refuse_price_overlap<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::statement(trigger, || {
        if trigger::restoring() {
            return Ok(());
        }
        let overlap = spi::as_owner(Access::Write, |db| {
            db.script("lock table carrel.model_prices in share row exclusive mode")?;
            db.first(
                "select format('%s of %s during %s and %s', one.token_type, one.model, one.valid_during, other.valid_during)
                from carrel.model_prices as one
                join carrel.model_prices as other on other.model = one.model and other.token_type = one.token_type
                    and other.valid_during > one.valid_during and other.valid_during && one.valid_during
                limit 1",
                &[],
                |row| row.need::<String>(1),
            )
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
