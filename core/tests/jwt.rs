//! A token is accepted if a key of its issuer signed it and it is valid now. Every other token is
//! rejected with the check that it fails.

#[path = "jwt/signer.rs"]
mod signer;

use carrel_core::jwt::{Algorithm, JwtError, Key, MAX_TOKEN, Material, Validity, verify};
use proptest::prelude::*;
use signer::{Signer, base64url};

const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "EdDSA", "HS256"];
const NOW: i64 = 1_800_000_000;
const GOOD: &str = r#"{"iss": "https://issuer", "sub": "x", "exp": 1800003600}"#;

fn key(signer: &Signer) -> Key {
    let algorithm = Algorithm::named(signer.algorithm()).unwrap();
    Key {
        issuer: "https://issuer".to_owned(),
        key_id: String::new(),
        audience: String::new(),
        validity: Validity::ALWAYS,
        material: Material::read(algorithm, &signer.jwk()).unwrap(),
    }
}

fn check(token: &str, keys: &[Key]) -> Result<String, JwtError> {
    verify(token, keys, NOW * 1_000_000)
}

fn refused(token: &str, keys: &[Key]) -> String {
    check(token, keys).unwrap_err().to_string()
}

fn hmac() -> Signer {
    Signer::new("HS256", "secret")
}

/// A token with these members beside iss and exp, checked with a key without audience.
fn with(members: &str) -> Result<String, JwtError> {
    let signer = hmac();
    let claims = format!(r#"{{"iss": "https://issuer", "exp": 1800003600, {members}}}"#);
    check(&signer.token(&claims), &[key(&signer)])
}

#[test]
fn a_token_of_each_algorithm_is_accepted_and_gives_its_claims() {
    for algorithm in ALGORITHMS {
        let signer = Signer::new(algorithm, "one");
        assert_eq!(check(&signer.token(GOOD), &[key(&signer)]), Ok(GOOD.to_owned()), "{algorithm}");
    }
}

#[test]
fn a_token_with_any_bit_changed_is_refused() {
    for algorithm in ALGORITHMS {
        let signer = Signer::new(algorithm, "one");
        let keys = [key(&signer)];
        let token = signer.token(GOOD);
        for index in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(check(&changed, &keys).is_err(), "{algorithm}: {changed}");
            }
            assert!(check(&token[..index], &keys).is_err(), "{algorithm}: {index}");
        }
    }
}

#[test]
fn a_token_of_another_key_of_the_same_algorithm_is_refused() {
    for algorithm in ["ES256", "EdDSA", "HS256"] {
        let (one, other) = (Signer::new(algorithm, "one"), Signer::new(algorithm, "other"));
        assert_eq!(
            check(&one.token(GOOD), &[key(&other)]),
            Err(JwtError::Signature),
            "{algorithm}"
        );
    }
}

#[test]
fn a_key_verifies_only_its_own_algorithm() {
    for algorithm in ALGORITHMS {
        let signer = Signer::new(algorithm, "one");
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            let header = format!(r#"{{"alg": "{other}"}}"#);
            let refused = refused(&signer.sign(&header, GOOD), &[key(&signer)]);
            let expected = format!("token is signed with {other}, but the key is for {algorithm}");
            assert_eq!(refused, expected);
        }
    }
}

#[test]
fn a_public_key_is_never_an_hmac_secret() {
    let rsa = Signer::new("RS256", "one");
    let pem = include_str!("jwt/rsa2048.pem");
    for secret in [pem.to_owned(), pem.trim().to_owned(), rsa.jwk()] {
        let forger = Signer::Hs256(secret.into_bytes());
        let refused = refused(&forger.token(GOOD), &[key(&rsa)]);
        assert_eq!(refused, "token is signed with HS256, but the key is for RS256");
    }
    for text in [pem.to_owned(), format!("x\n{pem}"), format!("\u{feff}{pem}")] {
        assert!(Material::read(Algorithm::Hs256, &text).is_err(), "{text}");
    }
}

#[test]
fn tokens_without_a_signature_are_refused() {
    let keys = [key(&hmac())];
    for alg in ["none", "None", "NONE", "nOnE"] {
        let (header, payload) = (base64url(format!(r#"{{"alg": "{alg}"}}"#)), base64url(GOOD));
        for token in
            [format!("{header}.{payload}."), hmac().sign(&format!(r#"{{"alg": "{alg}"}}"#), GOOD)]
        {
            assert_eq!(check(&token, &keys), Err(JwtError::Unsigned));
        }
    }
    let (header, payload) = (base64url(r#"{"alg": "HS256"}"#), base64url(GOOD));
    assert_eq!(check(&format!("{header}.{payload}."), &keys), Err(JwtError::Signature));
}

#[test]
fn headers_that_are_not_understood_are_refused() {
    for (header, message) in [
        (
            r#"{"alg": "HS256", "crit": ["exp"], "exp": 1}"#,
            "token has a \"crit\" header, which is not supported",
        ),
        (r#"{"alg": "HS256", "crit": []}"#, "token has a \"crit\" header, which is not supported"),
        (
            r#"{"alg": "HS384"}"#,
            "token has algorithm \"HS384\": supported are RS256, ES256, EdDSA and HS256",
        ),
        (
            r#"{"alg": "hs256"}"#,
            "token has algorithm \"hs256\": supported are RS256, ES256, EdDSA and HS256",
        ),
        (r#"{"typ": "JWT"}"#, "token names no algorithm"),
        (r#"{"alg": ["HS256"]}"#, "token names no algorithm"),
        (r#"{"alg": "HS256", "typ": "logout+jwt"}"#, "token is of another type than JWT or at+jwt"),
        (r#"{"alg": "HS256", "typ": 5}"#, "token is of another type than JWT or at+jwt"),
        (
            r#"{"alg": "HS256", "alg": "HS256"}"#,
            "malformed token header: a member is given more than once",
        ),
        (
            r#"{"alg": "none", "alg": "HS256"}"#,
            "malformed token header: a member is given more than once",
        ),
        (r#"{"alg": "HS256", "kid": 1}"#, "malformed token header: \"kid\" is not a string"),
        (r#"["HS256"]"#, "malformed token header: not a JSON object"),
        (r#"{"alg": "HS256"} {}"#, "malformed token header: not valid JSON"),
        ("", "malformed token header: not valid JSON"),
    ] {
        assert_eq!(refused(&hmac().sign(header, GOOD), &[key(&hmac())]), message, "{header}");
    }
    for kind in ["jwt", "JWT", "at+jwt", "application/at+jwt"] {
        let header = format!(r#"{{"alg": "HS256", "typ": "{kind}"}}"#);
        assert!(check(&hmac().sign(&header, GOOD), &[key(&hmac())]).is_ok(), "{kind}");
    }
}

#[test]
fn a_key_in_the_token_is_not_used() {
    let forger = Signer::new("ES256", "forger");
    let header = format!(
        r#"{{"alg": "ES256", "jwk": {}, "jku": "https://forger", "x5c": ["MII"]}}"#,
        forger.jwk()
    );
    let keys = [key(&Signer::new("ES256", "one"))];
    assert_eq!(check(&forger.sign(&header, GOOD), &keys), Err(JwtError::Signature));
}

#[test]
fn claims_given_twice_are_refused_wherever_they_are() {
    for members in [
        r#""sub": "a", "sub": "b""#,
        r#""sub": "a", "\u0073ub": "b""#,
        r#""exp": 1"#,
        r#""app_metadata": {"org": 1, "org": 2}"#,
        r#""list": [{"a": 1, "a": 1}]"#,
    ] {
        let message = with(members).unwrap_err().to_string();
        assert_eq!(
            message, "malformed token payload: a member is given more than once",
            "{members}"
        );
    }
}

#[test]
fn payloads_that_are_no_json_object_are_refused() {
    for payload in ["", "null", "5", "[]", "\"x\"", "{", "{}{}", "{\"iss\": 1e999}", "\u{feff}{}"] {
        let refused = check(&hmac().token(payload), &[key(&hmac())]);
        assert!(matches!(refused, Err(JwtError::Payload(_))), "{payload}: {refused:?}");
    }
    let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(check(&hmac().token(&deep), &[key(&hmac())]), Err(JwtError::Payload(_))));
    let latin1 = {
        let signed =
            format!("{}.{}", base64url(r#"{"alg": "HS256"}"#), base64url(b"{\"iss\": \"\xe9\"}"));
        format!("{signed}.{}", base64url(hmac().signature(signed.as_bytes())))
    };
    assert_eq!(
        refused(&latin1, &[key(&hmac())]),
        "not a signed JWT: the payload is not valid UTF-8"
    );
}

#[test]
fn base64_has_one_spelling() {
    let token = hmac().token(GOOD);
    let keys = [key(&hmac())];
    let (rest, signature) = token.rsplit_once('.').unwrap();
    for changed in [
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{rest}.{signature} "),
        token.replace('.', "=."),
        format!("{rest}.{}", signature.replace(['-', '_'], "+")) + "/",
        format!("{rest}.{}\u{e9}", signature),
    ] {
        assert!(matches!(check(&changed, &keys), Err(JwtError::Malformed(_))), "{changed}");
    }
    // 43 characters for 32 bytes: two bits of the last one are unused.
    let mut spelt = token.clone().into_bytes();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = spelt.last_mut().unwrap();
    let value = alphabet.iter().position(|letter| letter == last).unwrap();
    *last = alphabet[value | 1];
    assert!(matches!(
        check(&String::from_utf8(spelt).unwrap(), &keys),
        Err(JwtError::Malformed(_))
    ));
}

#[test]
fn a_token_has_exactly_three_parts() {
    let token = hmac().token(GOOD);
    for changed in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        &format!("{token}.x"),
        &format!("x.{token}"),
    ] {
        assert!(
            matches!(
                check(changed, &[key(&hmac())]),
                Err(JwtError::Malformed(_) | JwtError::Header(_))
            ),
            "{changed}"
        );
    }
}

#[test]
fn a_token_of_more_than_16384_bytes_is_refused() {
    let sized = |bytes: usize| {
        let claims = |pad: usize| {
            format!(
                r#"{{"iss": "https://issuer", "exp": 1800003600, "pad": "{}"}}"#,
                "x".repeat(pad)
            )
        };
        let mut pad = bytes / 4 * 3 - 300;
        while hmac().token(&claims(pad)).len() < bytes {
            pad += 1;
        }
        hmac().token(&claims(pad))
    };
    let most = sized(MAX_TOKEN - 1);
    assert!(most.len() <= MAX_TOKEN && check(&most, &[key(&hmac())]).is_ok(), "{}", most.len());
    let more = sized(MAX_TOKEN + 1);
    assert_eq!(check(&more, &[key(&hmac())]), Err(JwtError::TooLarge { bytes: more.len() }));
}

#[test]
fn a_token_expires_at_exp_to_the_microsecond() {
    let signer = hmac();
    let token = signer.token(r#"{"iss": "https://issuer", "exp": 1800000000}"#);
    let at = |micros: i64| verify(&token, &[key(&signer)], micros);
    assert!(at(NOW * 1_000_000 - 1).is_ok());
    assert_eq!(at(NOW * 1_000_000), Err(JwtError::Expired { seconds: 0 }));
    assert_eq!(at((NOW + 60) * 1_000_000), Err(JwtError::Expired { seconds: 60 }));
}

#[test]
fn a_token_without_exp_is_refused() {
    for claims in [r#"{"iss": "https://issuer"}"#, r#"{"iss": "https://issuer", "exp": null}"#] {
        assert_eq!(
            check(&hmac().token(claims), &[key(&hmac())]),
            Err(JwtError::MissingClaim("exp"))
        );
    }
}

#[test]
fn nbf_and_iat_may_be_30_seconds_in_the_future() {
    for claim in ["nbf", "iat"] {
        assert!(with(&format!(r#""{claim}": {}"#, NOW + 30)).is_ok());
        assert!(with(&format!(r#""{claim}": {}"#, NOW + 31)).is_err());
    }
    let message = |members| with(members).unwrap_err().to_string();
    assert_eq!(message(r#""nbf": 1800000060"#), "token is not valid yet: it will be in 60 seconds");
    assert_eq!(message(r#""iat": 1800000060"#), "token was issued 60 seconds in the future");
}

#[test]
fn times_are_numbers() {
    for value in ["\"1800003600\"", "true", "[]", "{}"] {
        for claim in ["nbf", "iat"] {
            let refused = with(&format!(r#""{claim}": {value}"#));
            assert!(matches!(refused, Err(JwtError::ClaimType { .. })), "{claim} {value}");
        }
        let token = hmac().token(&format!(r#"{{"iss": "https://issuer", "exp": {value}}}"#));
        assert!(
            matches!(check(&token, &[key(&hmac())]), Err(JwtError::ClaimType { .. })),
            "{value}"
        );
    }
    assert!(with(r#""nbf": 1799999999.5, "iat": -1e300"#).is_ok());
}

#[test]
fn a_token_is_for_the_audience_of_the_key() {
    let signer = hmac();
    let check = |wanted: &str, claim: &str| {
        let token =
            signer.token(&format!(r#"{{"iss": "https://issuer", "exp": 1800003600{claim}}}"#));
        verify(&token, &[Key { audience: wanted.to_owned(), ..key(&signer) }], NOW * 1_000_000)
    };
    for (wanted, claim) in [
        ("", ""),
        ("", r#", "aud": null"#),
        ("", r#", "aud": []"#),
        ("app", r#", "aud": "app""#),
        ("app", r#", "aud": ["other", "app"]"#),
    ] {
        assert!(check(wanted, claim).is_ok(), "{wanted} {claim}");
    }
    for (wanted, claim, message) in [
        ("app", "", "token has no audience, but the key is for one"),
        ("app", r#", "aud": []"#, "token has no audience, but the key is for one"),
        ("app", r#", "aud": "App""#, "token is for another audience: \"App\""),
        ("app", r#", "aud": ["other"]"#, "token is for another audience: \"other\""),
        ("", r#", "aud": "app""#, "token is for another audience: \"app\""),
        ("", r#", "aud": """#, "token is for another audience: \"\""),
        (
            "app",
            r#", "aud": ["app", 5]"#,
            "claim \"aud\" of the token is not a string or an array of strings",
        ),
        (
            "app",
            r#", "aud": {"app": 1}"#,
            "claim \"aud\" of the token is not a string or an array of strings",
        ),
    ] {
        assert_eq!(check(wanted, claim).unwrap_err().to_string(), message, "{wanted} {claim}");
    }
}

#[test]
fn a_token_of_an_issuer_without_keys_is_refused() {
    let keys = [key(&hmac())];
    let of =
        |issuer: &str| check(&hmac().token(&format!(r#"{{"exp": 1800003600{issuer}}}"#)), &keys);
    assert_eq!(of(""), Err(JwtError::MissingClaim("iss")));
    assert!(matches!(of(r#", "iss": 5"#), Err(JwtError::ClaimType { .. })));
    for issuer in ["https://issuer/", "HTTPS://issuer", "", " https://issuer"] {
        assert_eq!(
            of(&format!(r#", "iss": "{issuer}""#)),
            Err(JwtError::Issuer(issuer.to_owned()))
        );
    }
    let long = "x".repeat(500);
    let message = of(&format!(r#", "iss": "a\nb{long}""#)).unwrap_err().to_string();
    assert_eq!(message, format!("token has unknown issuer \"a?b{}...\"", &long[..97]));
}

#[test]
fn two_keys_are_valid_during_a_rotation() {
    let (old, new, third) =
        (Signer::new("EdDSA", "old"), Signer::new("EdDSA", "new"), Signer::new("EdDSA", "third"));
    let keys = [
        Key { key_id: "old".to_owned(), ..key(&old) },
        Key { key_id: "new".to_owned(), ..key(&new) },
    ];
    let of = |signer: &Signer, kid: &str| {
        check(&signer.sign(&format!(r#"{{"alg": "EdDSA"{kid}}}"#), GOOD), &keys)
    };
    assert!(of(&old, r#", "kid": "old""#).is_ok());
    assert!(of(&new, r#", "kid": "new""#).is_ok());
    // A token without kid is checked with each key.
    assert!(of(&old, "").is_ok() && of(&new, "").is_ok());
    assert_eq!(of(&old, r#", "kid": "new""#), Err(JwtError::Signature));
    assert_eq!(of(&third, ""), Err(JwtError::Signature));
    assert_eq!(of(&old, r#", "kid": "third""#), Err(JwtError::KeyId("third".to_owned())));
    assert_eq!(of(&old, r#", "kid": """#), Err(JwtError::KeyId(String::new())));
}

#[test]
fn a_key_without_an_id_verifies_tokens_with_any_kid() {
    let signer = hmac();
    let token = signer.sign(r#"{"alg": "HS256", "kid": "whatever"}"#, GOOD);
    assert!(check(&token, &[key(&signer)]).is_ok());
}

#[test]
fn a_key_of_another_issuer_is_not_tried() {
    let signer = hmac();
    let keys = [
        Key { issuer: "https://other".to_owned(), ..key(&signer) },
        key(&Signer::new("HS256", "another")),
    ];
    assert_eq!(check(&signer.token(GOOD), &keys), Err(JwtError::Signature));
}

#[test]
fn a_key_is_valid_only_within_its_period() {
    let signer = hmac();
    let during = |from: i64, until: i64| {
        let validity = Validity { from: from * 1_000_000, until: until * 1_000_000 };
        check(&signer.token(GOOD), &[Key { validity, ..key(&signer) }])
    };
    assert!(during(NOW, NOW + 1).is_ok());
    assert_eq!(during(NOW - 1, NOW), Err(JwtError::KeyExpired));
    assert_eq!(during(NOW + 1, NOW + 2), Err(JwtError::KeyExpired));
}

#[test]
fn audiences_of_one_key_may_be_several_rows() {
    let signer = hmac();
    let keys =
        ["ios", "android"].map(|audience| Key { audience: audience.to_owned(), ..key(&signer) });
    for audience in ["ios", "android"] {
        let claims =
            format!(r#"{{"iss": "https://issuer", "exp": 1800003600, "aud": "{audience}"}}"#);
        assert!(check(&signer.token(&claims), &keys).is_ok());
    }
}

/// Examples of RFC 7515, appendix A. They expired in 2011.
const OF_THE_RFC: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[test]
fn examples_of_rfc_7515_are_accepted() {
    for (algorithm, header, signature, jwk) in [
        (
            "HS256",
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        ),
        (
            "RS256",
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
        ),
        (
            "ES256",
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        ),
    ] {
        let material = Material::read(Algorithm::named(algorithm).unwrap(), jwk).unwrap();
        let (key_id, audience) = (String::new(), String::new());
        let keys = [Key {
            issuer: "joe".to_owned(),
            key_id,
            audience,
            validity: Validity::ALWAYS,
            material,
        }];
        let token = format!("{header}.{OF_THE_RFC}.{signature}");
        let then = verify(&token, &keys, 1_300_819_379_000_000);
        assert!(
            then.as_ref().is_ok_and(|claims| claims.contains("is_root")),
            "{algorithm}: {then:?}"
        );
        assert!(matches!(check(&token, &keys), Err(JwtError::Expired { .. })), "{algorithm}");
    }
}

#[test]
fn messages_repeat_nothing_of_a_token_or_a_key() {
    let signer = hmac();
    let claims = r#"{"iss": "https://issuer", "exp": 1, "secret": "tell-nobody"}"#;
    let token = signer.token(claims);
    let said = format!("{:?}", check(&token, &[key(&signer)]));
    assert!(
        said.contains("Expired") && !said.contains("tell-nobody") && !said.contains(&token[..10]),
        "{said}"
    );
}

proptest! {
    #[test]
    fn no_malformed_token_panics(token in "[A-Za-z0-9_.=\\-]{0,200}") {
        prop_assert!(check(&token, &[key(&hmac())]).is_err());
    }

    #[test]
    fn no_header_or_payload_panics(header in ".{0,40}", payload in ".{0,40}") {
        prop_assert!(check(&hmac().sign(&header, &payload), &[key(&hmac())]).is_err());
    }
}
