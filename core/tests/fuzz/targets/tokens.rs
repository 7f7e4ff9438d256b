//! Signed tokens: each part good or bad in one way, and the whole damaged.

use arbitrary::{Result, Unstructured};
use carrel_core::jwt::{Algorithm, Key, Material, Validity, read_jwks, verify};

use crate::json;
use crate::signer::{Signer, base64url};

const NOW: i64 = 1_800_000_000;

/// Members of a header or of claims, and if a token with them may be accepted.
type Parts = &'static [(&'static str, bool)];

const HEADER: [Parts; 3] = [
    &[
        (r#""alg": "HS256""#, true),
        (r#""alg": "EdDSA""#, true),
        (r#""alg": "none""#, false),
        (r#""alg": "RS256""#, false),
        (r#""alg": "HS256", "alg": "HS256""#, false),
        (r#""alg": 5"#, false),
        ("", false),
    ],
    &[
        ("", true),
        (r#""kid": "one""#, true),
        (r#""kid": null"#, true),
        (r#""kid": "two""#, false),
        (r#""kid": ["one"]"#, false),
    ],
    &[
        ("", true),
        (r#""typ": "JWT""#, true),
        (r#""jwk": {}"#, true),
        (r#""typ": "secevent+jwt""#, false),
        (r#""crit": ["b64"], "b64": false"#, false),
    ],
];

const CLAIMS: [Parts; 5] = [
    &[
        (r#""iss": "issuer""#, true),
        (r#""\u0069ss": "issuer""#, true),
        (r#""iss": "other""#, false),
        (r#""iss": ["issuer"]"#, false),
        (r#""iss": "issuer", "\u0069ss": "issuer""#, false),
        ("", false),
    ],
    &[
        (r#""exp": 1800000001"#, true),
        (r#""exp": 1e300"#, true),
        (r#""exp": 1800000000"#, false),
        (r#""exp": -1"#, false),
        (r#""exp": "1800000001""#, false),
        (r#""exp": 1e999"#, false),
        ("", false),
    ],
    &[
        (r#""aud": "app""#, true),
        (r#""aud": ["x", "app"]"#, true),
        (r#""aud": "x""#, false),
        (r#""aud": []"#, false),
        (r#""aud": ["app", null]"#, false),
        ("", false),
    ],
    &[
        ("", true),
        (r#""nbf": 1800000030"#, true),
        (r#""nbf": 1800000031"#, false),
        (r#""iat": 1800000031"#, false),
        (r#""iat": {}"#, false),
    ],
    &[
        ("", true),
        (r#""a": {"b": [{"c": 1}]}"#, true),
        (r#""a": {"b": [{"c": 1, "c": 1}]}"#, false),
        (r#""a": tru"#, false),
    ],
];

/// An object with one part of each kind, in random order; most parts are good.
fn object(u: &mut Unstructured, kinds: &[Parts]) -> Result<(String, bool)> {
    let mut members = Vec::new();
    let mut is_good = true;
    for parts in kinds {
        let among = if u.ratio(6, 7)? {
            parts.iter().filter(|(_, is_good)| *is_good).collect::<Vec<_>>()
        } else {
            parts.iter().collect()
        };
        let (member, fits) = **u.choose(&among)?;
        is_good &= fits;
        if !member.is_empty() {
            members.insert(u.int_in_range(0..=members.len())?, member);
        }
    }
    Ok((format!("{{{}}}", members.join(", ")), is_good))
}

fn key(signer: &Signer) -> Key {
    let algorithm = Algorithm::named(signer.algorithm()).expect("an algorithm");
    Key {
        issuer: "issuer".to_owned(),
        key_id: "one".to_owned(),
        audience: "app".to_owned(),
        validity: Validity::ALWAYS,
        material: Material::read(algorithm, &signer.jwk()).expect("a key"),
    }
}

pub fn tokens(u: &mut Unstructured) -> Result<()> {
    let signers = [Signer::new("HS256", "one"), Signer::new("EdDSA", "one")];
    let keys: Vec<Key> = signers.iter().map(key).collect();
    let check = |token: &str| verify(token, &keys, NOW * 1_000_000);
    let (header, good_header) = object(u, &HEADER)?;
    let (claims, good_claims) = object(u, &CLAIMS)?;
    let is_ed = header.contains("EdDSA");
    let stranger = Signer::new(if is_ed { "EdDSA" } else { "HS256" }, "two");
    let (signer, is_ours) = match u.int_in_range(0..=7)? {
        0 => (&stranger, false),
        1 => (&signers[usize::from(!is_ed)], false),
        _ => (&signers[usize::from(is_ed)], true),
    };
    let token = signer.sign(&header, &claims);
    let expected = good_header && good_claims && is_ours;
    let found = check(&token);
    assert_eq!(found.is_ok(), expected, "{header} {claims} {found:?}");
    assert!(found.is_err() || found.as_ref() == Ok(&claims));

    // A token with one changed byte is rejected.
    let mut bytes = token.clone().into_bytes();
    let at = u.choose_index(bytes.len())?;
    match u.int_in_range(0..=3)? {
        0 => bytes[at] = *u.choose(b"AZaz09-_.=+/ \n")?,
        1 => bytes.truncate(at),
        2 => bytes.insert(at, *u.choose(b"A-_.=")?),
        _ => drop(bytes.remove(at)),
    }
    let changed = String::from_utf8(bytes).expect("ASCII");
    assert!(changed == token || check(&changed).is_err(), "{changed}");

    // A well-formed token signed by our key never panics, and its claims are returned as they were.
    let soup = json::soup(u)?;
    let signed = signers[0].token(&soup);
    assert!(check(&signed).is_err() || soup.contains("issuer"), "{soup}");
    let _ = check(&format!("{}.{}.{}", base64url(&soup), base64url(&soup), base64url(&soup)));
    let _ = check(&soup);
    for algorithm in ["RS256", "ES256", "EdDSA", "HS256"] {
        let _ = Material::read(Algorithm::named(algorithm).expect("an algorithm"), &soup);
    }
    let _ = read_jwks(&soup);
    let _ = read_jwks(&format!(r#"{{"keys": [{soup}]}}"#));
    Ok(())
}
