//! JSON Merge Patch (RFC 7396) over texts. Values that a patch does not change are copied as they
//! are written: no digit of a number is lost, and their depth is not limited.

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Depth limit of nested objects in a patch.
pub const MAX_DEPTH: usize = 256;

/// Error: patch cannot be applied.
#[derive(Debug, PartialEq)]
pub enum MergePatchError {
    /// Objects of the patch are nested more deeply than [`MAX_DEPTH`].
    TooDeep,
    /// One of the texts is no JSON.
    Malformed(String),
}

impl fmt::Display for MergePatchError {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::TooDeep => write!(out, "the patch is nested more than {MAX_DEPTH} deep"),
            Self::Malformed(why) => write!(out, "malformed JSON: {why}"),
        }
    }
}

type Object<'a> = BTreeMap<String, &'a RawValue>;

/// Applies a patch to a target and returns the result. `tick` is called for each member that is
/// read or written. Errors: a text is no JSON, or the patch is nested too deeply.
pub fn merge(target: &str, patch: &str, mut tick: impl FnMut()) -> Result<String, MergePatchError> {
    let mut out = String::with_capacity(target.len() + patch.len());
    merge_into(&mut out, Some(target), patch, 0, &mut tick)?;
    Ok(out)
}

fn merge_into(
    out: &mut String,
    target: Option<&str>,
    patch: &str,
    depth: usize,
    tick: &mut dyn FnMut(),
) -> Result<(), MergePatchError> {
    let Some(patch) = object(patch, tick)? else {
        out.push_str(patch);
        return Ok(());
    };
    if depth >= MAX_DEPTH {
        return Err(MergePatchError::TooDeep);
    }
    let target = target.map_or(Ok(None), |target| object(target, tick))?.unwrap_or_default();
    out.push('{');
    let start = out.len();
    let key = |out: &mut String, name: &str| {
        if out.len() > start {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(name).to_string());
        out.push(':');
    };
    for (name, value) in target.iter().filter(|(name, _)| !patch.contains_key(*name)) {
        tick();
        key(out, name);
        out.push_str(value.get());
    }
    for (name, value) in patch.iter().filter(|(_, value)| value.get() != "null") {
        tick();
        key(out, name);
        let target = target.get(name).map(|value| value.get());
        merge_into(out, target, value.get(), depth + 1, tick)?;
    }
    out.push('}');
    Ok(())
}

/// Members of a JSON object; None for other values.
fn object<'a>(
    text: &'a str,
    tick: &mut dyn FnMut(),
) -> Result<Option<Object<'a>>, MergePatchError> {
    if !text.trim_start().starts_with('{') {
        return Ok(None);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(Members(tick));
    let members = members.and_then(|members| json.end().map(|()| members));
    members.map(Some).map_err(|error| MergePatchError::Malformed(error.to_string()))
}

/// Reads the members of an object, one by one.
struct Members<'t>(&'t mut dyn FnMut());

impl<'a> Visitor<'a> for Members<'_> {
    type Value = Object<'a>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Object<'a>, A::Error> {
        let mut members = Object::new();
        while let Some((name, value)) = map.next_entry()? {
            (self.0)();
            members.insert(name, value);
        }
        Ok(members)
    }
}
