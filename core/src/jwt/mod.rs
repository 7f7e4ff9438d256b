//! Verification of signed JSON Web Tokens (RFC 7519, 7515, 7518, 8037, 8725).
//!
//! [`verify()`] accepts a token in the compact form that is signed with RS256, ES256, EdDSA
//! (Ed25519) or HS256 by one of the given keys. Each key has one algorithm, and a token has to name
//! that algorithm: a public key is never used as an HMAC secret. Keys inside a token (`jwk`, `jku`,
//! `x5u`, `x5c`) are never used.
//!
//! `exp` is required and has no leeway. `nbf` and `iat` may be up to 30 seconds in the future,
//! because clocks differ. A token that names an audience is accepted only by a key for that
//! audience.

mod algorithm;
mod error;
mod jwks;
mod key;
mod object;
mod verify;

pub use algorithm::Algorithm;
pub use error::{JwtError, KeyError, MAX_TOKEN};
pub use jwks::{JwksEntry, read_jwks};
pub use key::{Key, Material, Validity};
pub use verify::{LEEWAY, verify};
