//! Keys are read from PEM, JWKs and key sets. Weak keys and keys of another kind are rejected.

#[path = "jwt/signer.rs"]
#[allow(dead_code, reason = "not every test that uses this file needs all of it")]
mod signer;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carrel_core::jwt::{Algorithm, JwksEntry, Material, read_jwks};
use proptest::prelude::*;
use serde_json::Value;
use signer::Signer;

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn the_example_of_rfc_8037_is_accepted() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let material = Material::read(Algorithm::EdDsa, jwk).unwrap();
    let signature = decode(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
    assert!(
        material.is_signed(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", &signature)
    );
    assert!(
        !material
            .is_signed(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmg", &signature)
    );
}

#[test]
fn public_keys_are_read_from_pem() {
    for (algorithm, pem) in [
        (Algorithm::Rs256, include_str!("jwt/rsa2048.pem")),
        (Algorithm::Es256, include_str!("jwt/p256.pem")),
        (Algorithm::EdDsa, include_str!("jwt/ed25519.pem")),
    ] {
        for spelt in [
            pem.to_owned(),
            pem.trim().to_owned(),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\n   "),
            pem.replace('\n', "\\n"),
        ] {
            let read = Material::read(algorithm, &spelt);
            assert_eq!(
                read.map(|key| key.algorithm()).map_err(|error| error.to_string()),
                Ok(algorithm),
                "{spelt}"
            );
        }
    }
    let rsa = Signer::new("RS256", "");
    let material = Material::read(Algorithm::Rs256, include_str!("jwt/rsa2048.pem")).unwrap();
    let token = rsa.token("{}");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert!(material.is_signed(signed.as_bytes(), &decode(signature)));
}

fn assert_refused(cases: &[(Algorithm, &str, &str)]) {
    for (algorithm, key, message) in cases {
        let refused = Material::read(*algorithm, key).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), Some(*message), "{key}");
    }
}

#[test]
fn keys_in_pem_and_secrets_that_are_weak_or_of_another_kind_are_refused() {
    let p256 = include_str!("jwt/p256.pem");
    assert_refused(&[
        (
            Algorithm::Rs256,
            include_str!("jwt/rsa1024.pem"),
            "RSA key has 1024 bits: it has to have 2048 to 8192",
        ),
        (Algorithm::Rs256, p256, "key is for ES256, not RS256"),
        (Algorithm::Hs256, p256, "key is for ES256, not HS256"),
        (Algorithm::Es256, include_str!("jwt/p384.pem"), "EC key is on another curve than P-256"),
        (Algorithm::Es256, "secret", "key is neither PEM (BEGIN PUBLIC KEY) nor a JWK"),
        (Algorithm::Es256, "", "key is neither PEM (BEGIN PUBLIC KEY) nor a JWK"),
        (
            Algorithm::Hs256,
            &"x".repeat(31),
            "HS256 secret has 31 bytes: it has to have at least 32",
        ),
        (Algorithm::Hs256, "", "HS256 secret has 0 bytes: it has to have at least 32"),
        (
            Algorithm::Es256,
            "-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----",
            "key is a private key: give the public one",
        ),
        (
            Algorithm::Rs256,
            "-----BEGIN CERTIFICATE-----\nMHc=\n-----END CERTIFICATE-----",
            "key is PEM of another kind than PUBLIC KEY",
        ),
        (Algorithm::Es256, &p256[..p256.len() - 40], "malformed PEM"),
        (Algorithm::Es256, &p256.replace("MFkw", "MFkx"), "malformed PEM"),
    ]);
}

#[test]
fn json_web_keys_that_are_weak_or_of_another_kind_are_refused() {
    let off_curve = {
        let jwk: Value = serde_json::from_str(&Signer::new("ES256", "").jwk()).unwrap();
        format!(r#"{{"kty": "EC", "crv": "P-256", "x": {0}, "y": {0}}}"#, jwk["x"])
    };
    assert_refused(&[
        (
            Algorithm::Hs256,
            r#"{"kty": "oct", "k": "c2hvcnQ"}"#,
            "HS256 secret has 5 bytes: it has to have at least 32",
        ),
        (Algorithm::Es256, &off_curve, "EC key is not a point of P-256"),
        (Algorithm::Es256, "{", "malformed JWK: not valid JSON"),
        (Algorithm::Es256, "{}", "JWK has no \"kty\""),
        (Algorithm::Es256, r#"{"kty": "EC", "crv": "P-256"}"#, "JWK has no \"x\""),
        (
            Algorithm::Es256,
            r#"{"kty": "EC", "crv": "P-256", "x": "*", "y": "AA"}"#,
            "\"x\" of the JWK is not base64url",
        ),
        (
            Algorithm::EdDsa,
            r#"{"kty": "OKP", "crv": "X25519", "x": "AA"}"#,
            "OKP key is on another curve than Ed25519",
        ),
        (
            Algorithm::EdDsa,
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "AA"}"#,
            "Ed25519 key does not have 32 bytes",
        ),
        (
            Algorithm::EdDsa,
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "AA", "use": "enc"}"#,
            "JWK is not for signatures",
        ),
        (
            Algorithm::EdDsa,
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}"#,
            "JWK is a private key: give the public one",
        ),
        (Algorithm::Hs256, r#"{"kty": "AKP"}"#, "JWK is of another type than RSA, EC, OKP and oct"),
    ]);
}

#[test]
fn unusable_keys_of_a_set_have_a_reason() {
    let member = |jwk: &str, more: &str| format!("{}, {more}}}", jwk.trim_end_matches('}'));
    let (ec, ed) = (Signer::new("ES256", "one").jwk(), Signer::new("EdDSA", "two").jwk());
    let set = [
        member(&ec, r#""kid": "one", "alg": "ES256", "use": "sig", "x5c": ["MII"]"#),
        member(&ed, r#""d": "private""#),
        member(&Signer::new("RS256", "").jwk(), r#""kid": "enc", "use": "enc""#),
        member(&Signer::new("RS256", "").jwk(), r#""kid": "512", "alg": "RS512""#),
        r#"{"kty": "EC", "crv": "P-384", "kid": "384"}"#.to_owned(),
        r#"{"kty": "AKP", "kid": "pq"}"#.to_owned(),
        "5".to_owned(),
        member(&ed, r#""kid": "curve", "alg": "Ed25519""#),
        member(&ec, r#""kid": "both", "key_ops": ["sign", "verify"]"#),
        member(&ec, r#""kid": "signs", "key_ops": ["sign"]"#),
        member(&ec, r#""kid": "odd", "key_ops": "verify""#),
        member(&ec, r#""kid": 7"#),
    ];
    let entries = read_jwks(&format!(r#"{{"keys": [{}]}}"#, set.join(","))).unwrap();
    let said: Vec<(&str, Result<Algorithm, &str>)> = entries
        .iter()
        .map(|JwksEntry { key_id, key }| {
            (key_id.as_str(), key.as_ref().map(|(algorithm, _)| *algorithm).map_err(String::as_str))
        })
        .collect();
    assert_eq!(
        said,
        [
            ("one", Ok(Algorithm::Es256)),
            ("", Ok(Algorithm::EdDsa)),
            ("enc", Err("not for signatures")),
            ("512", Err("for RS512")),
            ("384", Err("EC key is on another curve than P-256")),
            ("pq", Err("of another type than RSA, EC, OKP and oct")),
            ("", Err("not a JSON object")),
            ("curve", Ok(Algorithm::EdDsa)),
            ("both", Ok(Algorithm::Es256)),
            ("signs", Err("not for verifying: \"key_ops\" lacks \"verify\"")),
            ("odd", Err("not for verifying: \"key_ops\" lacks \"verify\"")),
            ("", Err("without a \"kid\" that is a string")),
        ]
    );
    let (_, jwk) = entries[1].key.as_ref().unwrap();
    assert!(!jwk.contains("private") && Material::read(Algorithm::EdDsa, jwk).is_ok(), "{jwk}");
    for (json, message) in [
        ("", "malformed JWKS: not valid JSON"),
        ("[]", "malformed JWKS: not a JSON object"),
        ("{}", "JWKS has no array \"keys\""),
        (r#"{"keys": {}}"#, "JWKS has no array \"keys\""),
    ] {
        assert_eq!(read_jwks(json), Err(message.to_owned()));
    }
}

proptest! {
    #[test]
    fn no_malformed_key_panics(key in "(\\{|-----BEGIN PUBLIC KEY-----\n)?.{0,60}") {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            prop_assert!(Material::read(algorithm, &key).is_err());
        }
    }
}
