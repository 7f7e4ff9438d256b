//! Untrusted JSON: claims, patches of a session's state, token reports.

use arbitrary::{Result, Unstructured};
use carrel_core::claims::{claims_for, tenant, tenant_of_string, validate_claim};
use carrel_core::merge_patch::{MAX_DEPTH, MergePatchError, merge};
use carrel_core::prices::Tokens;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::json::{self, Json};
use crate::reference::merged_values;

const DEEP: usize = 128;

/// Parses a UUID letter by letter, as PostgreSQL and its clients write one.
fn uuid_of(text: &str) -> Option<Uuid> {
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let groups: Vec<&str> = bare.unwrap_or(text).split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let fits = match bare {
        Some(_) => lengths == [8, 4, 4, 4, 12],
        None => lengths == [8, 4, 4, 4, 12] || lengths == [32],
    };
    let digits = groups.concat();
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (fits && hex).then(|| Uuid::from_u128(u128::from_str_radix(&digits, 16).expect("32 digits")))
}

fn claim_leaf(u: &mut Unstructured) -> Result<Json> {
    if u.ratio(1, 3)? {
        return json::leaf(u);
    }
    // One byte, repeated, so that enough bytes are left for the rest.
    let uuid = Uuid::from_u128(u128::from_ne_bytes([u.arbitrary()?; 16]));
    let mut text = match u.int_in_range(0..=3)? {
        0 | 1 => uuid.hyphenated().to_string(),
        2 => uuid.simple().to_string().to_uppercase(),
        _ => uuid.braced().to_string(),
    };
    // Almost a UUID.
    match u.int_in_range(0..=15)? {
        0 => text.insert_str(0, "urn:uuid:"),
        1 => drop(text.pop()),
        2 => text.insert(u.int_in_range(0..=8)?, *u.choose(&['-', ' ', 'g', 'é', '\0', '+'])?),
        3 => text.truncate(u.int_in_range(0..=30)?),
        _ => {}
    }
    Ok(Json::String(text))
}

/// Tenant in the tree. Err for a value that is neither a tenant nor none.
fn tenant_in(mut value: &Json, path: &str) -> std::result::Result<Option<Uuid>, ()> {
    if !matches!(value, Json::Object(_)) || value.depth() > DEEP {
        return Err(());
    }
    for key in path.split('.') {
        let members = match value {
            Json::Object(members) => members,
            Json::Null => return Ok(None),
            _ => return Err(()),
        };
        let mut found = members.iter().filter(|(name, _)| name == key);
        let Some((_, next)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(());
        }
        value = next;
    }
    match value {
        Json::Null => Ok(None),
        Json::String(text) => uuid_of(text).map(Some).ok_or(()),
        _ => Err(()),
    }
}

/// The tenant is the one in the tree, whatever the spelling. Invalid JSON has no tenant.
pub fn claims(u: &mut Unstructured) -> Result<()> {
    let path =
        *u.choose(&["sub", "sub", "a", "a.b", "a.sub", "app_metadata.a.b", "é", "\"", "\\.sub"])?;
    assert_eq!(validate_claim(path), Ok(()));
    if u.ratio(1, 3)? {
        let text = json::soup(u)?;
        let found = tenant(&text, path);
        assert!(
            found.is_err() || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(),
            "{text:?}"
        );
        // A parser of whole values rejects values that it can't hold, and takes the last of two
        // members.
        if let (Ok(found), Ok(value)) = (found, serde_json::from_str::<Value>(&text)) {
            let last = path.split('.').try_fold(&value, |value, key| value.get(key));
            let last = last.and_then(Value::as_str).and_then(uuid_of);
            assert_eq!(found, last, "{path:?} of {text:?}");
        }
        assert_eq!(tenant_of_string(&text, path).ok(), uuid_of(&text), "{text:?}");
        return Ok(());
    }
    let mut claims = json::value(u, 5, claim_leaf)?;
    if !u.is_empty() && u.ratio(1, 50)? {
        let deeper = u.int_in_range(100..=140)?;
        let nested = (0..deeper).fold(Json::Null, |value, _| Json::Array(vec![value]));
        if let Json::Object(members) = &mut claims {
            members.push(("deep".to_owned(), nested));
        }
    }
    let mut text = String::new();
    claims.write(u, &mut text)?;
    if !u.is_empty() && u.ratio(1, 20_000)? {
        text = format!("{}{text}{}", " ".repeat(60_000), "\n".repeat(60_000));
    }
    let found = tenant(&text, path);
    assert_eq!(found.clone().map_err(|_| ()), tenant_in(&claims, path), "{path:?} of {text:?}");
    if let Err(error) = found {
        assert!(!error.to_string().contains(char::is_control), "{error} of {text:?}");
    }
    let user = Uuid::from_u128(u.arbitrary()?);
    assert_eq!(tenant(&claims_for(path, user), path), Ok(Some(user)));
    Ok(())
}

/// Number of [`json::leaf`] with more digits than a double holds.
const LONG: &str = "12345678901234567890123";

fn long_numbers(value: &Value) -> usize {
    match value {
        Value::Number(number) => {
            usize::from(serde_json::from_str(LONG).ok() == Some(number.clone()))
        }
        Value::Array(elements) => elements.iter().map(long_numbers).sum(),
        Value::Object(members) => members.values().map(long_numbers).sum(),
        _ => 0,
    }
}

/// A patched text equals the result of the RFC's algorithm on the values, with every digit of its
/// numbers.
pub fn patches(u: &mut Unstructured) -> Result<()> {
    if u.ratio(1, 6)? {
        let half = u.bytes(u.len() / 2)?;
        let target = json::soup(&mut Unstructured::new(half))?;
        let patch = json::soup(u)?;
        let result = merge(&target, &patch, || ());
        let are_json =
            [&target, &patch].iter().all(|text| serde_json::from_str::<Value>(text).is_ok());
        if are_json {
            let result = result.unwrap_or_else(|why| panic!("{why}: {target:?} {patch:?}"));
            assert!(serde_json::from_str::<Value>(&result).is_ok(), "{target:?} {patch:?}");
        }
        return Ok(());
    }
    let (target, mut patch) = (json::value(u, 5, json::leaf)?, json::value(u, 5, json::leaf)?);
    let too_deep = !u.is_empty() && u.ratio(1, 200)?;
    if too_deep {
        let deeper = MAX_DEPTH + 1 + u.int_in_range(0..=300)?;
        patch = (0..deeper).fold(patch, |value, _| Json::Object(vec![("a".to_owned(), value)]));
    }
    let (mut target_text, mut patch_text) = (String::new(), String::new());
    target.write(u, &mut target_text)?;
    patch.write(u, &mut patch_text)?;
    let mut members = 0;
    let result = merge(&target_text, &patch_text, || members += 1);
    if too_deep {
        assert_eq!(result, Err(MergePatchError::TooDeep));
        return Ok(());
    }
    let input = (&target_text, &patch_text);
    let result = result.unwrap_or_else(|why| panic!("{why}: {input:?}"));
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("what was written is JSON");
    assert_eq!(
        value(&result),
        merged_values(value(&target_text), &value(&patch_text)),
        "{input:?}"
    );
    // A double holds fewer digits. Of two members with one name, the text may have both.
    let long = result.matches(LONG).count();
    assert!(long_numbers(&value(&result)) <= long, "{input:?}");
    Ok(())
}

const REPORTED: &[&str] = &[
    "input",
    "output",
    "cached_input",
    "reasoning",
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens_details",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "audio_tokens",
];

/// No token of a report is counted twice or lost: the result adds up to the report's own sums.
pub fn prices(u: &mut Unstructured) -> Result<()> {
    let number = |u: &mut Unstructured| {
        Ok(match u.int_in_range(0..=9)? {
            0 => Value::Null,
            1 => Value::from(u.arbitrary::<i64>()?),
            2 => Value::from(u.arbitrary::<f32>()?),
            3 => Value::from(u.int_in_range(0..=2_000_000_000_000_000_u64)?),
            4 => Value::from("7"),
            _ => Value::from(u.int_in_range(0..=20_u64)?),
        })
    };
    let mut report = Map::new();
    while !u.is_empty() && report.len() < 8 {
        let name = *u.choose(REPORTED)?;
        let value = if name.ends_with("_details") {
            let mut details = Map::new();
            for _ in 0..u.int_in_range(0..=3)? {
                details.insert((*u.choose(REPORTED)?).to_owned(), number(u)?);
            }
            Value::Object(details)
        } else {
            number(u)?
        };
        report.insert(name.to_owned(), value);
    }
    let text = Value::Object(report.clone()).to_string();
    let Ok(tokens) = Tokens::read(&text) else { return Ok(()) };
    let of =
        |names: &[&str]| names.iter().filter_map(|name| report.get(*name)?.as_u64()).sum::<u64>();
    // All of these are tokens and include those of the details.
    let all = of(&[
        "input",
        "output",
        "cached_input",
        "reasoning",
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ]);
    assert_eq!(tokens.sum(), all, "{text}");
    if report.get("total_tokens").is_some_and(|total| !total.is_null()) {
        assert_eq!(of(&["total_tokens"]), all, "{text}");
    }
    Ok(())
}
