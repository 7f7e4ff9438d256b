//! Reference for JSON Merge Patch, on parsed values.

use serde_json::{Map, Value};

/// Algorithm of RFC 7396, section 2.
pub fn merged_values(target: Value, patch: &Value) -> Value {
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
            target.insert(name.clone(), merged_values(old, value));
        }
    }
    Value::Object(target)
}
