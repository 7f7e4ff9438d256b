//! What a model's provider reports of a call, as tokens that are each of one type: what is billed once.

use serde_json::{Map, Value};

/// Tokens by type; no token is of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read anew.
    pub input: u64,
    /// Written, without those of reasoning.
    pub output: u64,
    /// Read from a cache.
    pub cached_input: u64,
    /// Written while thinking.
    pub reasoning: u64,
}

/// Why a report cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenReportError {
    /// It is no JSON object.
    NotAnObject,
    /// It has a field that is of no known report, or of another one.
    Unknown(String),
    /// This field is no whole number from 0 to 10^15.
    NotACount(String),
    /// This field is a part of another one, but is more, or the total is another.
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

const MAX_COUNT: u64 = 1_000_000_000_000_000;

impl Tokens {
    /// Reads a report. Either by carrel's own types (`input`, `output`, `cached_input`, `reasoning`, each
    /// token in one of them), or as providers have it: with `prompt_tokens` and `completion_tokens`, or
    /// `input_tokens` and `output_tokens`, of which `…_tokens_details` are parts (`cached_tokens`,
    /// `reasoning_tokens`); or with `input_tokens` beside `cache_read_input_tokens` and
    /// `cache_creation_input_tokens`, which are not parts of it. A `total_tokens` has to be their sum.
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
            let tokens = Self {
                input: count(&report, "input")?,
                output: count(&report, "output")?,
                cached_input: count(&report, "cached_input")?,
                reasoning: count(&report, "reasoning")?,
            };
            (tokens, ["input", "output", "cached_input", "reasoning"].map(String::from).to_vec())
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

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.input + self.output + self.cached_input + self.reasoning
    }

    /// Of a report whose details are parts.
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

    /// Of a report whose caches are not parts of what was read.
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
