//! Key sets as issuers publish them (JWKS, RFC 7517).

use super::algorithm::Algorithm;
use super::key::{Material, other_purpose};
use super::object::Object;
use crate::excerpt::excerpt;
use serde_json::{Map, Value};

/// A key of a set.
#[derive(Debug, PartialEq, Eq)]
pub struct JwksEntry {
    /// `kid`; empty if the key has none.
    pub key_id: String,
    /// Algorithm, and the key as a JWK of its public members; or the reason why the key can't be
    /// used.
    pub key: Result<(Algorithm, String), String>,
}

/// Reads a key set, in its order. Keys for other purposes and of other kinds are entries with a
/// reason. The error is the reason why the text is no key set.
pub fn read_jwks(json: &str) -> Result<Vec<JwksEntry>, String> {
    let set = Object::parse(json).map_err(|why| format!("malformed JWKS: {why}"))?;
    let Some(Value::Array(keys)) = set.get("keys") else {
        return Err("JWKS has no array \"keys\"".to_owned());
    };
    Ok(keys.iter().map(read_entry).collect())
}

fn read_entry(jwk: &Value) -> JwksEntry {
    match jwk.get("kid") {
        None => JwksEntry { key_id: String::new(), key: read_key(jwk) },
        Some(Value::String(key_id)) => JwksEntry { key_id: key_id.clone(), key: read_key(jwk) },
        // Tokens name keys by strings (RFC 7515, 4.1.4).
        Some(_) => JwksEntry {
            key_id: String::new(),
            key: Err("without a \"kid\" that is a string".to_owned()),
        },
    }
}

fn read_key(jwk: &Value) -> Result<(Algorithm, String), String> {
    if !jwk.is_object() {
        return Err("not a JSON object".to_owned());
    }
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if let Some(why) = other_purpose(|name| jwk.get(name)) {
        return Err(why.to_owned());
    }
    let members: &[&str] = match text("kty") {
        Some("RSA") => &["kty", "n", "e"],
        Some("EC") => &["kty", "crv", "x", "y"],
        Some("OKP") => &["kty", "crv", "x"],
        Some("oct") => &["kty", "k"],
        _ => return Err("of another type than RSA, EC, OKP and oct".to_owned()),
    };
    let public: Map<String, Value> = members
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), jwk.get(*name)?.clone())))
        .collect();
    let public = Value::Object(public).to_string();
    let object = Object::parse(&public).map_err(str::to_owned)?;
    let algorithm = Material::of_jwk(&object).map_err(|error| error.to_string())?.algorithm();
    match text("alg") {
        Some(name) if Algorithm::named(name) != Some(algorithm) => {
            Err(format!("for {}", excerpt(name)))
        }
        _ => Ok((algorithm, public)),
    }
}
