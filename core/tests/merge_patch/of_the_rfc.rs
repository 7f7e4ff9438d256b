//! What JSON Merge Patch is to be, slowly.

use serde_json::{Map, Value};

/// The algorithm of RFC 7396, section 2, word by word.
pub fn of_the_rfc(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = match target {
        Value::Object(target) => target,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let old = target.remove(name).unwrap_or(Value::Null);
            target.insert(name.clone(), of_the_rfc(old, value));
        }
    }
    Value::Object(target)
}
