//! Verification of a token: header, signature, times, audience.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::error::{JwtError, MAX_TOKEN};
use super::key::Key;
use super::object::Object;
use crate::excerpt::excerpt;

/// Seconds that `nbf` and `iat` may lie in the future.
pub const LEEWAY: f64 = 30.0;
/// Values of `typ` that access tokens and ID tokens have. Other tokens (`logout+jwt`, `dpop+jwt`)
/// do not identify a caller, though one key may sign both kinds (RFC 8725, 3.11).
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// Returns the claims of a token, as JSON text, if one of the keys signed the token and it is valid
/// at `now`, in microseconds since 1970.
pub fn verify(token: &str, keys: &[Key], now: i64) -> Result<String, JwtError> {
    if token.len() > MAX_TOKEN {
        return Err(JwtError::TooLarge { bytes: token.len() });
    }
    let parts = TokenParts::split(token)?;
    let header = Object::parse(&parts.header()?).map_err(|why| JwtError::Header(why.into()))?;
    let algorithm = check_header(&header)?;
    let claims_json = decode(parts.payload, "payload")?;
    let claims_json = String::from_utf8(claims_json)
        .map_err(|_| JwtError::Malformed("the payload is not valid UTF-8"))?;
    let claims = Object::parse(&claims_json).map_err(|why| JwtError::Payload(why.into()))?;
    let issuer = match claims.get("iss") {
        Some(value) => {
            value.as_str().ok_or(JwtError::ClaimType { claim: "iss", wanted: "a string" })?
        }
        None => return Err(JwtError::MissingClaim("iss")),
    };
    let key_id = match header.get("kid") {
        Some(value) => {
            Some(value.as_str().ok_or(JwtError::Header("\"kid\" is not a string".into()))?)
        }
        None => None,
    };
    let signature = decode(parts.signature, "signature")?;
    let candidates = candidates(keys, issuer, key_id, algorithm, now)?;
    let signed: Vec<&Key> = candidates
        .into_iter()
        .filter(|key| key.material.is_signed(parts.signed.as_bytes(), &signature))
        .collect();
    if signed.is_empty() {
        return Err(JwtError::Signature);
    }
    check_times(&claims, now)?;
    check_audience(&claims, &signed)?;
    Ok(claims_json)
}

/// Parts of a token in the compact form.
struct TokenParts<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// Header and payload with the dot between them.
    signed: &'t str,
}

impl<'t> TokenParts<'t> {
    fn split(token: &'t str) -> Result<Self, JwtError> {
        let not_three = || JwtError::Malformed("it does not have three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(not_three)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_three)?;
        if payload.contains('.') {
            return Err(not_three());
        }
        Ok(Self { header, payload, signature, signed })
    }

    fn header(&self) -> Result<String, JwtError> {
        String::from_utf8(decode(self.header, "header")?)
            .map_err(|_| JwtError::Malformed("the header is not valid UTF-8"))
    }
}

/// Decodes base64url without padding. Bits beyond the last byte have to be zero, so that a token
/// has one spelling.
fn decode(part: &str, name: &'static str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| {
        JwtError::Malformed(match name {
            "header" => "the header is not base64url",
            "payload" => "the payload is not base64url",
            _ => "the signature is not base64url",
        })
    })
}

/// Returns the algorithm that the header names.
fn check_header(header: &Object) -> Result<Algorithm, JwtError> {
    // Extensions that a receiver has to understand. None are supported.
    if header.get("crit").is_some() {
        return Err(JwtError::Critical);
    }
    if let Some(kind) = header.get("typ") {
        let kind = kind.as_str().map(str::to_ascii_lowercase).unwrap_or_default();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        if !TYPES.contains(&kind) {
            return Err(JwtError::Type);
        }
    }
    let name = header.get("alg").and_then(|name| name.as_str()).ok_or(JwtError::Algorithm(None))?;
    if name.eq_ignore_ascii_case("none") {
        return Err(JwtError::Unsigned);
    }
    Algorithm::named(name).ok_or_else(|| JwtError::Algorithm(Some(excerpt(name))))
}

/// Selects the keys that may have signed a token. A key without an id can have signed any token of
/// its issuer and algorithm, and any key a token without `kid`.
fn candidates<'k>(
    keys: &'k [Key],
    issuer: &str,
    key_id: Option<&str>,
    algorithm: Algorithm,
    now: i64,
) -> Result<Vec<&'k Key>, JwtError> {
    let mut found: Vec<&Key> = keys.iter().filter(|key| key.issuer == issuer).collect();
    if found.is_empty() {
        return Err(JwtError::Issuer(excerpt(issuer)));
    }
    if let Some(id) = key_id {
        found.retain(|key| key.key_id == id || key.key_id.is_empty());
        if found.is_empty() {
            return Err(JwtError::KeyId(excerpt(id)));
        }
    }
    let other = found.first().map(|key| key.material.algorithm());
    found.retain(|key| key.material.algorithm() == algorithm);
    if found.is_empty() {
        return Err(JwtError::KeyAlgorithm { token: algorithm, key: other.unwrap_or(algorithm) });
    }
    found.retain(|key| key.validity.contains(now));
    if found.is_empty() { Err(JwtError::KeyExpired) } else { Ok(found) }
}

fn check_times(claims: &Object, now: i64) -> Result<(), JwtError> {
    let now = now as f64 / 1e6;
    let time = |claim: &'static str| match claims.get(claim) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(time) if time.is_finite() => Ok(Some(time)),
            _ => Err(JwtError::ClaimType { claim, wanted: "a number of seconds since 1970" }),
        },
    };
    let Some(expires) = time("exp")? else { return Err(JwtError::MissingClaim("exp")) };
    if now >= expires {
        return Err(JwtError::Expired { seconds: (now - expires) as u64 });
    }
    if let Some(begins) = time("nbf")?
        && now + LEEWAY < begins
    {
        return Err(JwtError::NotYetValid { seconds: (begins - now).ceil() as u64 });
    }
    if let Some(issued) = time("iat")?
        && now + LEEWAY < issued
    {
        return Err(JwtError::IssuedInFuture { seconds: (issued - now).ceil() as u64 });
    }
    Ok(())
}

/// Checks `aud` against the keys that signed the token. A key without an audience accepts only
/// tokens without `aud`: an issuer that serves several applications names in `aud` the one that a
/// token is for.
fn check_audience(claims: &Object, signed: &[&Key]) -> Result<(), JwtError> {
    let wrong = JwtError::ClaimType { claim: "aud", wanted: "a string or an array of strings" };
    let audiences: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(serde_json::Value::String(audience)) => vec![audience],
        Some(serde_json::Value::Array(audiences)) => audiences
            .iter()
            .map(|audience| audience.as_str())
            .collect::<Option<_>>()
            .ok_or(wrong)?,
        Some(_) => return Err(wrong),
    };
    let fits = |key: &&Key| match key.audience.as_str() {
        "" => audiences.is_empty(),
        wanted => audiences.contains(&wanted),
    };
    if signed.iter().any(fits) {
        return Ok(());
    }
    Err(JwtError::Audience(audiences.first().map(|audience| excerpt(audience))))
}
