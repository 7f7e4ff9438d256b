//! Tenant named by the JWT claims of a transaction.
//!
//! A claim is given as a path of keys joined by dots, such as `sub` or `app_metadata.org_id`. A key
//! that contains a dot cannot be given. Nothing here fails open: a value that is neither clearly a
//! tenant nor clearly none is an error.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use uuid::Uuid;

use crate::excerpt::excerpt;

/// Depth limit of nested arrays and objects. Real claims have three or four levels.
const MAX_DEPTH: usize = 128;
/// Size limit of a claim's path, in bytes. Its depth is within `MAX_DEPTH`.
const MAX_CLAIM: usize = 200;

/// Error: claims are no JSON object, or the tenant is no UUID. The message contains that value,
/// shortened, and nothing else of the claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    NotJson { line: usize, column: usize },
    TooDeep,
    ClaimsNotAnObject { found: String },
    NotAnObject { claim: String, found: String },
    NotAUuid { claim: String, found: String },
    Repeated { claim: String },
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::NotJson { line, column } => {
                write!(f, "claims are not valid json at line {line} column {column}")
            }
            Problem::TooDeep => write!(f, "claims are nested more than {MAX_DEPTH} deep"),
            Problem::ClaimsNotAnObject { found } => {
                write!(f, "claims are not a json object: {found}")
            }
            Problem::NotAnObject { claim, found } => {
                write!(f, "claim {claim} is not a json object: {found}")
            }
            Problem::NotAUuid { claim, found } => write!(f, "claim {claim} is not a uuid: {found}"),
            Problem::Repeated { claim } => write!(f, "claim {claim} is given more than once"),
        }
    }
}

impl std::error::Error for ClaimsError {}

/// Kind of error in claims; decides the HINT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Claims are no JSON object, or are nested too deep.
    Json,
    /// Value at the claim's path is neither a UUID nor an object that leads to one.
    Value,
    /// Key on the claim's path is given twice.
    Repeated,
}

impl ClaimsError {
    /// Kind of the error.
    pub fn mistake(&self) -> Mistake {
        match self.0 {
            Problem::NotJson { .. } | Problem::TooDeep | Problem::ClaimsNotAnObject { .. } => {
                Mistake::Json
            }
            Problem::NotAnObject { .. } | Problem::NotAUuid { .. } => Mistake::Value,
            Problem::Repeated { .. } => Mistake::Repeated,
        }
    }
}

/// Error: name that is no path of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidClaim {
    /// Empty text before, between or after dots.
    EmptySegment,
    /// A control character.
    ControlCharacter,
    /// More than 200 bytes.
    TooLong,
}

impl fmt::Display for InvalidClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidClaim::EmptySegment => f.write_str("a claim's path has no empty segment"),
            InvalidClaim::ControlCharacter => {
                f.write_str("a claim's path has no control characters")
            }
            InvalidClaim::TooLong => write!(f, "a claim's path has at most {MAX_CLAIM} bytes"),
        }
    }
}

impl std::error::Error for InvalidClaim {}

/// Checks the path of a claim: no empty segments, no control characters, at most 200 bytes.
pub fn validate_claim(claim: &str) -> Result<(), InvalidClaim> {
    if claim.len() > MAX_CLAIM {
        Err(InvalidClaim::TooLong)
    } else if claim.contains(char::is_control) {
        Err(InvalidClaim::ControlCharacter)
    } else if claim.split('.').any(str::is_empty) {
        Err(InvalidClaim::EmptySegment)
    } else {
        Ok(())
    }
}

/// Returns the tenant at the path `claim` in `claims`, a JSON object. None if the claim, or a key
/// on the way to it, is missing or null.
///
/// A UUID may be hyphenated, plain or in braces, in any case. Everything else is an error: other
/// types, other strings (an empty one too), a key on the path given twice (parsers differ in which
/// one counts), nesting beyond 128. Other claims are only checked to be JSON, and not kept.
pub fn tenant(claims: &str, claim: &str) -> Result<Option<Uuid>, ClaimsError> {
    // IgnoredAny skips any depth without recursion. Deep nesting is still rejected, because
    // other readers of these claims may recurse.
    if depth_exceeds(claims, MAX_DEPTH) {
        return Err(ClaimsError(Problem::TooDeep));
    }
    let mut parser = serde_json::Deserializer::from_str(claims);
    let cursor = ClaimCursor { claim, reached: 0, rest: Some(claim) };
    let found = cursor.deserialize(&mut parser);
    found
        .and_then(|found| parser.end().map(|()| found))
        .map_err(|error| Problem::NotJson { line: error.line(), column: error.column() })
        .and_then(|found| found)
        .map_err(ClaimsError)
}

/// Returns the tenant in the value of a claim that is given by itself, as a string.
pub fn tenant_of_string(value: &str, claim: &str) -> Result<Uuid, ClaimsError> {
    parse_uuid(value).ok_or_else(|| {
        ClaimsError(Problem::NotAUuid {
            claim: claim.to_owned(),
            found: format!("\"{}\"", excerpt(value)),
        })
    })
}

fn parse_uuid(value: &str) -> Option<Uuid> {
    Uuid::try_parse(value).ok().filter(|_| !value.starts_with("urn:"))
}

/// Builds the JSON object with `user` at the path `claim`, and nothing else.
pub fn claims_for(claim: &str, user: Uuid) -> String {
    let mut json = String::new();
    for segment in claim.split('.') {
        json += "{";
        json += &serde_json::Value::from(segment).to_string();
        json += ":";
    }
    json += &format!("\"{user}\"");
    json += &"}".repeat(claim.split('.').count());
    json
}

/// Counts brackets outside strings, matching or not.
fn depth_exceeds(json: &str, max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    json.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > max
    })
}

/// Tenant or error, apart from the validity of the JSON around it.
type TenantResult = Result<Option<Uuid>, Problem>;

/// Position on the path to the claim. `rest` is None at the claim itself.
#[derive(Clone, Copy)]
struct ClaimCursor<'p> {
    claim: &'p str,
    /// Bytes of `claim` up to here.
    reached: usize,
    rest: Option<&'p str>,
}

impl<'p> ClaimCursor<'p> {
    fn wrong(&self, found: impl Into<String>) -> TenantResult {
        let (claim, found) = (self.name(), found.into());
        Err(if self.is_root() {
            Problem::ClaimsNotAnObject { found }
        } else if self.rest.is_some() {
            Problem::NotAnObject { claim, found }
        } else {
            Problem::NotAUuid { claim, found }
        })
    }

    fn name(&self) -> String {
        self.claim[..self.reached].to_string()
    }

    fn is_root(&self) -> bool {
        self.reached == 0 && self.rest.is_some()
    }

    /// Next key of the path, and the position after it.
    fn next(&self) -> Option<(&'p str, ClaimCursor<'p>)> {
        let rest = self.rest?;
        let (key, rest) = match rest.split_once('.') {
            Some((key, rest)) => (key, Some(rest)),
            None => (rest, None),
        };
        let reached = self.claim.len() - rest.map_or(0, |rest| rest.len() + 1);
        Some((key, ClaimCursor { claim: self.claim, reached, rest }))
    }
}

impl<'de> DeserializeSeed<'de> for ClaimCursor<'_> {
    type Value = TenantResult;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<TenantResult, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ClaimCursor<'_> {
    type Value = TenantResult;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TenantResult, A::Error> {
        let Some((key, next)) = self.next() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.wrong("an object"));
        };
        let mut found = None;
        while let Some(is_on_path) = map.next_key_seed(KeyIs(key))? {
            if !is_on_path {
                map.next_value::<IgnoredAny>()?;
            } else if found.is_none() {
                found = Some(map.next_value_seed(next)?);
            } else {
                map.next_value::<IgnoredAny>()?;
                let claim = next.name();
                found = Some(Err(Problem::Repeated { claim }));
            }
        }
        Ok(found.unwrap_or(Ok(None)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<TenantResult, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.wrong("an array"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<TenantResult, E> {
        if self.is_root() {
            // Probably all the claims, encoded twice.
            return Ok(self.wrong("a string"));
        }
        match parse_uuid(value) {
            Some(uuid) if self.rest.is_none() => Ok(Ok(Some(uuid))),
            _ => Ok(self.wrong(format!("\"{}\"", excerpt(value)))),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<TenantResult, E> {
        Ok(if self.is_root() { self.wrong("null") } else { Ok(None) })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<TenantResult, E> {
        Ok(self.wrong(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<TenantResult, E> {
        Ok(self.wrong(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<TenantResult, E> {
        Ok(self.wrong(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<TenantResult, E> {
        Ok(self.wrong(excerpt(&value.to_string())))
    }
}

/// Compares a key without keeping it.
struct KeyIs<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}
