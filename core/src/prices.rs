//! Token usage as model providers report it, converted so that each token has exactly one type and
//! is billed once.
//!
//! A new token type is a field of [`Tokens`] and a name in [`TOKEN_TYPES`] (the compiler shows the
//! rest: `Tokens::read` and its two forms of reports, `sum`, `price` of src/usage/prices.rs). In
//! SQL: the CHECK of sql/tables/model_prices.sql, the comment in sql/rules/model_prices.sql, and an
//! argument of sql/usage/price.sql with the type whose price it falls back to. For callers:
//! `TOKEN_TYPES_HINT` and the doc comment of price_usage() in src/usage/prices.rs, docs/usage.md.
//! Tests: core/tests/prices.rs, core/tests/fuzz/targets/documents.rs (names of fields), and
//! tests/pg_regress/sql/usage/prices.sql.

use serde_json::{Map, Value};

/// Numbers of tokens by type. No token is in two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input tokens that were not cached.
    pub input: u64,
    /// Output tokens without reasoning.
    pub output: u64,
    /// Input tokens read from a cache.
    pub cached_input: u64,
    /// Output tokens of reasoning.
    pub reasoning: u64,
}

/// Error: report that cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenReportError {
    /// Report is no JSON object.
    NotAnObject,
    /// Field of no known report, or of another kind of report.
    Unknown(String),
    /// Field is no whole number from 0 to 10^15.
    NotACount(String),
    /// Field is a part of another field but greater, or the total differs from the sum.
    Overlap(String),
}

impl std::fmt::Display for TokenReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("token types must be a JSON object"),
            Self::Unknown(name) => write!(f, "unknown token type \"{name}\""),
            Self::NotACount(name) => {
                write!(f, "tokens of \"{name}\" must be a whole number from 0")
            }
            Self::Overlap(name) => {
                write!(f, "tokens of \"{name}\" do not agree with the others")
            }
        }
    }
}

impl std::error::Error for TokenReportError {}

/// Names of the types, in carrel's own reports and in `model_prices.token_type`.
pub const TOKEN_TYPES: [&str; 4] = ["input", "output", "cached_input", "reasoning"];

const MAX_COUNT: u64 = 1_000_000_000_000_000;

impl Tokens {
    /// Reads a report in one of these forms:
    ///
    /// - carrel's own types: `input`, `output`, `cached_input`, `reasoning`, each token in one of
    ///   them;
    /// - `prompt_tokens` and `completion_tokens`, or `input_tokens` and `output_tokens`, with
    ///   details that are parts of them: `…_tokens_details` with `cached_tokens` and
    ///   `reasoning_tokens`;
    /// - `input_tokens` with `cache_read_input_tokens` and `cache_creation_input_tokens`, which are
    ///   not parts of it.
    ///
    /// A `total_tokens` must be the sum of all.
    pub fn read(json: &str) -> Result<Self, TokenReportError> {
        let Ok(Value::Object(report)) = serde_json::from_str(json) else {
            return Err(TokenReportError::NotAnObject);
        };
        let has = |name| report.contains_key(name);
        let (tokens, known) = if has("prompt_tokens") || has("completion_tokens") {
            Self::inclusive(&report, ["prompt", "completion"])?
        } else if has("input_tokens") || has("output_tokens") {
            if has("cache_read_input_tokens") || has("cache_creation_input_tokens") {
                Self::exclusive(&report)?
            } else {
                Self::inclusive(&report, ["input", "output"])?
            }
        } else {
            let [input, output, cached_input, reasoning] =
                TOKEN_TYPES.map(|name| count(&report, name));
            let tokens = Self {
                input: input?,
                output: output?,
                cached_input: cached_input?,
                reasoning: reasoning?,
            };
            (tokens, TOKEN_TYPES.map(String::from).to_vec())
        };
        for name in report.keys() {
            if name != "total_tokens" && !known.contains(name) {
                return Err(TokenReportError::Unknown(name.clone()));
            }
        }
        if has("total_tokens") && count(&report, "total_tokens")? != tokens.sum() {
            return Err(TokenReportError::Overlap("total_tokens".to_owned()));
        }
        Ok(tokens)
    }

    /// Sum of all types.
    pub fn sum(&self) -> u64 {
        let Self { input, output, cached_input, reasoning } = self;
        input + output + cached_input + reasoning
    }

    /// Reads a report with details that are parts of the totals.
    fn inclusive(
        report: &Map<String, Value>,
        [read, written]: [&str; 2],
    ) -> Result<(Self, Vec<String>), TokenReportError> {
        let names = [read, written].map(|name| format!("{name}_tokens"));
        let details = names.each_ref().map(|name| format!("{name}_details"));
        let part = |whole: u64, at: usize, name: &str| {
            let part = match report.get(&details[at]) {
                None | Some(Value::Null) => 0,
                Some(Value::Object(details)) => count(details, name)?,
                Some(_) => return Err(TokenReportError::NotACount(details[at].clone())),
            };
            let rest = whole
                .checked_sub(part)
                .ok_or_else(|| TokenReportError::Overlap(name.to_owned()))?;
            Ok((rest, part))
        };
        let (input, cached_input) = part(count(report, &names[0])?, 0, "cached_tokens")?;
        let (output, reasoning) = part(count(report, &names[1])?, 1, "reasoning_tokens")?;
        let known = names.into_iter().chain(details).collect();
        Ok((Self { input, output, cached_input, reasoning }, known))
    }

    /// Reads a report with cached tokens that are not parts of the input.
    fn exclusive(report: &Map<String, Value>) -> Result<(Self, Vec<String>), TokenReportError> {
        let names = [
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "output_tokens",
        ];
        let [input, created, cached_input, output] = names.map(|name| count(report, name));
        let tokens = Self {
            input: input? + created?,
            output: output?,
            cached_input: cached_input?,
            reasoning: 0,
        };
        Ok((tokens, names.map(String::from).to_vec()))
    }
}

fn count(report: &Map<String, Value>, name: &str) -> Result<u64, TokenReportError> {
    match report.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value
            .as_u64()
            .filter(|count| *count <= MAX_COUNT)
            .ok_or_else(|| TokenReportError::NotACount(name.to_owned())),
    }
}
