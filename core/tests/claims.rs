//! Claims name a tenant or none, or are an error. The message contains no more than it must.
use carrel_core::claims::{InvalidClaim, claims_for, tenant, validate_claim};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

const USER: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

fn message(claims: &str, claim: &str) -> String {
    tenant(claims, claim).unwrap_err().to_string()
}

/// Reference for `tenant`, by parsing the whole value. Err if an error is expected.
fn model(claims: &Value, claim: &str) -> Result<Option<Uuid>, ()> {
    let mut value = claims.as_object().map(|_| claims).ok_or(())?;
    for key in claim.split('.') {
        value = match value {
            Value::Null => return Ok(None),
            Value::Object(object) => object.get(key).unwrap_or(&Value::Null),
            _ => return Err(()),
        };
    }
    match value {
        Value::Null => Ok(None),
        Value::String(text) if [32, 36, 38].contains(&text.len()) => {
            Uuid::parse_str(text).map(Some).map_err(|_| ())
        }
        _ => Err(()),
    }
}

fn values() -> impl Strategy<Value = Value> {
    let uuid = || any::<u128>().prop_map(Uuid::from_u128);
    let leaf = prop_oneof![
        2 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-1e300..1e300f64).prop_map(Value::from),
        2 => ".{0,8}".prop_map(Value::from),
        4 => uuid().prop_map(|uuid| uuid.hyphenated().to_string().into()),
        1 => uuid().prop_map(|uuid| uuid.simple().to_string().to_uppercase().into()),
        1 => uuid().prop_map(|uuid| uuid.braced().to_string().into()),
        1 => uuid().prop_map(|uuid| uuid.urn().to_string().into()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            4 => prop::collection::btree_map("[abé\"]{1,2}", inner, 0..4)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    })
}

fn claim_names() -> impl Strategy<Value = String> {
    "[^.\\pC]{1,12}(\\.[^.\\pC]{1,12}){0,3}".prop_map(String::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_tenant_equals_that_of_a_parser_of_the_whole_value(
        claims in values(), claim in "[abé\"]{1,2}(\\.[abé\"]{1,2}){0,2}", pretty in any::<bool>(),
    ) {
        let text = if pretty { format!("{claims:#}") } else { claims.to_string() };
        prop_assert_eq!(tenant(&text, &claim).map_err(|_| ()), model(&claims, &claim));
    }

    #[test]
    fn claims_for_a_user_name_that_user_and_nothing_else(
        claim in claim_names(), user in any::<u128>(),
    ) {
        let user = Uuid::from_u128(user);
        prop_assume!(validate_claim(&claim).is_ok());
        let claims = claims_for(&claim, user);
        prop_assert_eq!(tenant(&claims, &claim), Ok(Some(user)));
        let expected = claim
            .rsplit('.')
            .fold(json!(user.to_string()), |value, key| json!({ key: value }));
        prop_assert_eq!(serde_json::from_str::<Value>(&claims).unwrap(), expected);
    }

    #[test]
    fn other_claims_are_never_repeated(
        found in values(), secret in "[k-z]{12}", claim in "sub|app\\.org",
    ) {
        let mut claims = json!({"before": secret, "app": {"other": secret, "org": found}});
        claims["sub"] = found;
        claims["z"] = json!([secret]);
        let text = claims.to_string();
        for text in [&text, &text[..text.len() - 1], &json!([text]).to_string(),
            &json!(text).to_string(), &text.replace("app", "app\":1,\"app")]
        {
            if let Err(error) = tenant(text, &claim) {
                prop_assert!(!error.to_string().contains(&secret), "{}", error);
            }
        }
    }

    #[test]
    fn any_text_has_an_answer(claims in ".{0,40}", claim in ".{0,10}") {
        let _ = validate_claim(&claim);
        let _ = tenant(&claims, &claim);
        let _ = tenant(&claims_for(&claim, Uuid::nil()), &claim).unwrap();
    }
}

#[test]
fn a_missing_or_null_claim_is_no_tenant() {
    for claims in ["{}", r#"{"subs":1,"su":1}"#, r#"{"sub":null}"#, r#"{"a":{"sub":"x"}}"#, " { } "]
    {
        assert_eq!(tenant(claims, "sub"), Ok(None));
    }
    for claims in ["{}", r#"{"a":null}"#, r#"{"a":{}}"#, r#"{"a":{"b":null}}"#] {
        assert_eq!(tenant(claims, "a.b"), Ok(None));
    }
}

#[test]
fn the_message_names_the_value() {
    let sub = |value: &str| message(&format!("{{\"sub\":{value},\"email\":\"e@x\"}}"), "sub");
    assert_eq!(sub("\"abc\""), "claim sub is not a uuid: \"abc\"");
    assert_eq!(sub("\"\""), "claim sub is not a uuid: \"\"");
    assert_eq!(sub("42"), "claim sub is not a uuid: 42");
    assert_eq!(sub("-1"), "claim sub is not a uuid: -1");
    assert_eq!(sub("1.5"), "claim sub is not a uuid: 1.5");
    assert_eq!(sub("true"), "claim sub is not a uuid: true");
    assert_eq!(sub("[1]"), "claim sub is not a uuid: an array");
    assert_eq!(sub("{\"a\":1}"), "claim sub is not a uuid: an object");
    assert_eq!(sub("\"a\\u0000\\nb\""), "claim sub is not a uuid: \"a??b\"");
    let urn = format!("\"urn:uuid:{USER}\"");
    assert_eq!(sub(&urn), format!("claim sub is not a uuid: {urn}"));
    assert_eq!(message(r#"{"a":{"b":7}}"#, "a.b.c"), "claim a.b is not a json object: 7");
    assert_eq!(message("[]", "sub"), "claims are not a json object: an array");
    assert_eq!(message("null", "sub"), "claims are not a json object: null");
    assert_eq!(message("{\"sub\"", "sub"), "claims are not valid json at line 1 column 6");
    assert_eq!(message("", "sub"), "claims are not valid json at line 1 column 0");
}

#[test]
fn a_long_value_is_shortened_between_characters() {
    let exact = "ü".repeat(100);
    let error = message(&json!({ "sub": exact }).to_string(), "sub");
    assert_eq!(error, format!("claim sub is not a uuid: \"{exact}\""));
    let error = message(&json!({ "sub": exact.clone() + "ü" }).to_string(), "sub");
    assert_eq!(error, format!("claim sub is not a uuid: \"{exact}...\""));
}

#[test]
fn a_claim_given_twice_is_an_error() {
    let claims = format!(r#"{{"sub":"{USER}","sub":"{USER}"}}"#);
    assert_eq!(message(&claims, "sub"), "claim sub is given more than once");
    let claims = format!(r#"{{"a":null,"a":{{"\u0062":"{USER}"}}}}"#);
    assert_eq!(message(&claims, "a.b"), "claim a is given more than once");
    // Members beside the path are not checked for repetition.
    let claims = format!(r#"{{"x":1,"sub":"{USER}","x":2}}"#);
    assert_eq!(tenant(&claims, "sub"), Ok(USER.parse().ok()));
}

#[test]
fn json_is_checked_to_its_end() {
    for tail in ["x", "{}", ","] {
        let claims = format!(r#"{{"sub":"{USER}"}}{tail}"#);
        assert!(message(&claims, "sub").starts_with("claims are not valid json"));
    }
    let claims = format!(r#"{{"sub":"{USER}","x":[1,}}"#);
    assert!(message(&claims, "sub").starts_with("claims are not valid json"));
}

#[test]
fn deep_nesting_is_an_error_wherever_it_is() {
    let too_deep = "claims are nested more than 128 deep";
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(message(&open, "sub"), too_deep);
    assert_eq!(message(&format!("{open}{close}"), "sub"), too_deep);
    let claims = format!(r#"{{"sub":"{USER}","x":{open}{close}}}"#);
    assert_eq!(message(&claims, "sub"), too_deep);
    let claims = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    assert_eq!(message(&claims, &["a"; 100_000].join(".")), too_deep);
    // Brackets in strings and side by side do not count.
    let flat = "[],".repeat(1_000);
    let claims = json!({ "x": format!("\"\\{open}"), "sub": USER }).to_string();
    assert_eq!(tenant(&claims, "sub"), Ok(USER.parse().ok()));
    let claims = format!(r#"{{"x":[{flat}1],"sub":"{USER}"}}"#);
    assert_eq!(tenant(&claims, "sub"), Ok(USER.parse().ok()));
}

#[test]
fn the_longest_path_can_be_followed() {
    let claim = ["a"; 100].join(".");
    assert_eq!(validate_claim(&claim), Ok(()));
    let user = Uuid::from_u128(7);
    assert_eq!(tenant(&claims_for(&claim, user), &claim), Ok(Some(user)));
}

#[test]
fn a_path_is_segments_without_control_characters() {
    for claim in ["sub", "app_metadata.org_id", "https://x/claim", "é.a b"] {
        assert_eq!(validate_claim(claim), Ok(()));
    }
    for claim in ["", ".", "a.", ".a", "a..b"] {
        assert_eq!(validate_claim(claim), Err(InvalidClaim::EmptySegment));
    }
    assert_eq!(validate_claim("a\nb"), Err(InvalidClaim::ControlCharacter));
    assert_eq!(validate_claim(&"é".repeat(100)), Ok(()));
    assert_eq!(validate_claim(&"é".repeat(101)), Err(InvalidClaim::TooLong));
}
