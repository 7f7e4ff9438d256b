//! Keys that verify signatures.
//!
//! A public key is PEM (`-----BEGIN PUBLIC KEY-----`, SubjectPublicKeyInfo) or a JWK. An HS256
//! secret is a text, whose bytes are the secret, or a JWK of type `oct`. RSA keys have 2048 to 8192
//! bits, EC keys are on P-256, OKP keys are Ed25519, and secrets have at least 32 bytes (RFC 7518,
//! 3.2).

use super::algorithm::Algorithm;
use super::error::KeyError;
use super::object::Object;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use ring::{agreement, hmac, rand};
use serde_json::Value;
use spki::der::asn1::UintRef;
use spki::der::{Decode, Reader, SliceReader};
use spki::{Document, ObjectIdentifier, SubjectPublicKeyInfoRef};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Bytes of an HS256 secret, at least.
const MIN_SECRET: usize = 32;
/// Bits of an RSA modulus.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Key, and the tokens that it can verify.
pub struct Key {
    pub issuer: String,
    /// `kid` of the tokens; empty for any `kid`.
    pub key_id: String,
    /// `aud` of the tokens; empty for tokens without `aud`.
    pub audience: String,
    pub validity: Validity,
    pub material: Material,
}

/// Validity of a key, in microseconds since 1970. The end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub from: i64,
    pub until: i64,
}

impl Validity {
    /// No limits: the least and the greatest number stand for infinity.
    pub const ALWAYS: Self = Self { from: i64::MIN, until: i64::MAX };

    /// True if the key is valid at `now`, in microseconds since 1970.
    pub fn contains(self, now: i64) -> bool {
        self.from <= now && (now < self.until || self.until == i64::MAX)
    }
}

/// Checked key material.
pub enum Material {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed point of P-256.
    P256([u8; 65]),
    Ed25519([u8; 32]),
    Secret(hmac::Key),
}

impl Material {
    /// Reads a key: PEM, a JWK or, for HS256, a secret. Errors: malformed, too weak, or a key for
    /// another algorithm.
    pub fn read(algorithm: Algorithm, key: &str) -> Result<Self, KeyError> {
        let trimmed = key.trim();
        let material = if trimmed.starts_with("-----BEGIN ") {
            Self::of_pem(trimmed)?
        } else if trimmed.starts_with('{') {
            let jwk =
                Object::parse(trimmed).map_err(|why| KeyError(format!("malformed JWK: {why}")))?;
            if let Some(why) = other_purpose(|name| jwk.get(name)) {
                return Err(KeyError(format!("JWK is {why}")));
            }
            if jwk.get("kty").and_then(Value::as_str) != Some("oct") && jwk.get("d").is_some() {
                return Err(KeyError("JWK is a private key: give the public one".into()));
            }
            Self::of_jwk(&jwk)?
        } else if algorithm == Algorithm::Hs256 {
            Self::of_secret(key.as_bytes())?
        } else {
            return Err(KeyError("key is neither PEM (BEGIN PUBLIC KEY) nor a JWK".into()));
        };
        if material.algorithm() != algorithm {
            return Err(KeyError(format!("key is for {}, not {algorithm}", material.algorithm())));
        }
        Ok(material)
    }

    /// Algorithm of the key. A key has only one.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Secret(_) => Algorithm::Hs256,
        }
    }

    /// True if the key made the signature.
    pub fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok()
            }
            Self::Secret(secret) => hmac::verify(secret, message, signature).is_ok(),
        }
    }

    fn of_pem(pem: &str) -> Result<Self, KeyError> {
        let label = pem.trim_start_matches("-----BEGIN ").split("-----").next().unwrap_or_default();
        if label.contains("PRIVATE KEY") {
            return Err(KeyError("key is a private key: give the public one".into()));
        }
        if label != "PUBLIC KEY" {
            return Err(KeyError("key is PEM of another kind than PUBLIC KEY".into()));
        }
        let malformed = || KeyError("malformed PEM".into());
        let (_, der) = Document::from_pem(&tidy(pem)).map_err(|_| malformed())?;
        let info = SubjectPublicKeyInfoRef::from_der(der.as_bytes()).map_err(|_| malformed())?;
        let bytes = info.subject_public_key.as_bytes().ok_or_else(malformed)?;
        match info.algorithm.oid {
            RSA => {
                let (n, e) = rsa_components(bytes).map_err(|_| malformed())?;
                Self::of_rsa(n, e)
            }
            EC => {
                match info.algorithm.parameters.map(|curve| curve.decode_as::<ObjectIdentifier>()) {
                    Some(Ok(P256)) => Self::of_point(bytes),
                    _ => Err(KeyError("EC key is on another curve than P-256".into())),
                }
            }
            ED25519_OID => Self::of_ed25519(bytes),
            _ => Err(KeyError("key is neither RSA, EC on P-256 nor Ed25519".into())),
        }
    }

    /// Reads a JWK (RFC 7517). Private members are ignored.
    pub(super) fn of_jwk(jwk: &Object) -> Result<Self, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| {
            let text = text(name).ok_or_else(|| KeyError(format!("JWK has no \"{name}\"")))?;
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| KeyError(format!("\"{name}\" of the JWK is not base64url")))
        };
        match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Self::of_rsa(&bytes("n")?, &bytes("e")?),
            (Some("EC"), Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(KeyError("coordinates of a P-256 key have 32 bytes".into()));
                }
                Self::of_point(&[&[4], x.as_slice(), y.as_slice()].concat())
            }
            (Some("EC"), _) => Err(KeyError("EC key is on another curve than P-256".into())),
            (Some("OKP"), Some("Ed25519")) => Self::of_ed25519(&bytes("x")?),
            (Some("OKP"), _) => Err(KeyError("OKP key is on another curve than Ed25519".into())),
            (Some("oct"), _) => Self::of_secret(&bytes("k")?),
            (Some(_), _) => {
                Err(KeyError("JWK is of another type than RSA, EC, OKP and oct".into()))
            }
            (None, _) => Err(KeyError("JWK has no \"kty\"".into())),
        }
    }

    fn of_rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let strip = |bytes: &[u8]| {
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            bytes[zeros..].to_vec()
        };
        let (n, e) = (strip(n), strip(e));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError(format!(
                "RSA key has {bits} bits: it has to have {} to {}",
                RSA_BITS.start(),
                RSA_BITS.end()
            )));
        }
        let exponent =
            e.iter().fold(0_u64, |value, byte| value.saturating_mul(256) + u64::from(*byte));
        if n.last().is_none_or(|byte| byte % 2 == 0)
            || e.len() > 4
            || exponent < 3
            || exponent % 2 == 0
            || exponent >= 1 << 32
        {
            return Err(KeyError("modulus and exponent are not those of an RSA key".into()));
        }
        Ok(Self::Rsa { n, e })
    }

    fn of_point(bytes: &[u8]) -> Result<Self, KeyError> {
        let point = <[u8; 65]>::try_from(bytes).ok().filter(|point| point[0] == 4);
        let point = point.ok_or_else(|| KeyError("EC key is not an uncompressed point".into()))?;
        if !is_on_curve(&point) {
            return Err(KeyError("EC key is not a point of P-256".into()));
        }
        Ok(Self::P256(point))
    }

    fn of_ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let point = <[u8; 32]>::try_from(bytes);
        point.map(Self::Ed25519).map_err(|_| KeyError("Ed25519 key does not have 32 bytes".into()))
    }

    fn of_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET {
            return Err(KeyError(format!(
                "HS256 secret has {} bytes: it has to have at least {MIN_SECRET}",
                secret.len()
            )));
        }
        // PEM after other text: a public key that everybody knows is no secret.
        if secret.windows(11).any(|bytes| bytes == b"-----BEGIN ") {
            return Err(KeyError("HS256 secret is a PEM key".into()));
        }
        Ok(Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }
}

/// Why a JWK with these members is not for verifying signatures (RFC 7517, 4.2 and 4.3); None if it is.
pub(super) fn other_purpose<'j>(
    member: impl Fn(&str) -> Option<&'j Value>,
) -> Option<&'static str> {
    if member("use").is_some_and(|purpose| purpose.as_str() != Some("sig")) {
        return Some("not for signatures");
    }
    let verifies = |operations: &Value| {
        operations
            .as_array()
            .is_some_and(|list| list.iter().any(|name| name.as_str() == Some("verify")))
    };
    member("key_ops")
        .is_some_and(|operations| !verifies(operations))
        .then_some("not for verifying: \"key_ops\" lacks \"verify\"")
}

/// Normalizes PEM for strict parsers: removes blanks around lines, which editors, environment
/// variables and YAML add.
fn tidy(pem: &str) -> String {
    let pem = pem.replace("\\n", "\n");
    pem.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n") + "\n"
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017).
fn rsa_components(der: &[u8]) -> spki::der::Result<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let components = reader.sequence(|reader| {
        let n = UintRef::decode(reader)?.as_bytes();
        Ok::<_, spki::der::Error>((n, UintRef::decode(reader)?.as_bytes()))
    })?;
    reader.finish()?;
    Ok(components)
}

/// True if a point is on P-256. ring's `verify` does not distinguish a bad key from a bad
/// signature; key agreement does.
fn is_on_curve(point: &[u8]) -> bool {
    let random = rand::SystemRandom::new();
    let Ok(own) = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random) else {
        return false;
    };
    let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point);
    agreement::agree_ephemeral(own, &peer, |_| ()).is_ok()
}
