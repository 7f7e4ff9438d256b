//! JSON Merge Patch as RFC 7396 defines it.

#[path = "merge_patch/reference.rs"]
mod reference;

use carrel_core::merge_patch::{self, MAX_DEPTH, MergePatchError};
use proptest::prelude::*;
use reference::merged_values;
use serde_json::{Value, json};

fn merge(target: &str, patch: &str) -> Result<String, MergePatchError> {
    merge_patch::merge(target, patch, || ())
}

fn merged(target: &str, patch: &str) -> Value {
    serde_json::from_str(&merge(target, patch).unwrap()).unwrap()
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7396, appendix A.
    for (target, patch, result) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, r#"null"#, r#"null"#),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        (r#"[1,2]"#, r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        (r#"{}"#, r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        let result: Value = serde_json::from_str(result).unwrap();
        assert_eq!(merged(target, patch), result, "{target} {patch}");
    }
}

#[test]
fn numbers_keep_their_digits_and_untouched_depths_stay() {
    let exact = r#"{"a": 0.10000000000000000000000000001, "b": 1e400}"#;
    let text = merge(exact, r#"{"c": 123456789012345678901234567890.5}"#).unwrap();
    for digits in ["0.10000000000000000000000000001", "1e400", "123456789012345678901234567890.5"] {
        assert!(text.contains(digits), "{text}");
    }
    let deep = format!(r#"{{"deep": {}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert!(merge(&deep, r#"{"a": 1}"#).unwrap().contains(&"[".repeat(5000)));
}

#[test]
fn names_may_be_written_with_escapes() {
    assert_eq!(merged(r#"{"ä\n\"": 1}"#, r#"{"\u00e4\n\u0022": 2}"#), json!({"ä\n\"": 2}));
    assert_eq!(merged(r#"{"": 1}"#, r#"{"": null}"#), json!({}));
}

#[test]
fn a_patch_that_is_nested_too_deeply_is_refused() {
    let patch = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    assert!(merge("{}", &patch(MAX_DEPTH)).is_ok());
    assert_eq!(merge("{}", &patch(MAX_DEPTH + 1)), Err(MergePatchError::TooDeep));
    assert_eq!(merge("{}", &patch(100_000)), Err(MergePatchError::TooDeep));
    assert!(matches!(merge("{}", "{"), Err(MergePatchError::Malformed(_))));
}

#[test]
fn merging_large_objects_ticks() {
    let members = |from| {
        let members: Vec<String> = (from..from + 1000).map(|n| format!(r#""{n}": {n}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let mut ticks = 0;
    merge_patch::merge(&members(0), &members(1000), || ticks += 1).unwrap();
    assert_eq!(ticks, 2 * 1000 + 2000, "for each that is read, and for each that is written");
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab\"é]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn patching_equals_the_algorithm_of_the_rfc(target in values(), patch in values()) {
        let result = merged(&target.to_string(), &patch.to_string());
        prop_assert_eq!(result, merged_values(target, &patch));
    }
}
