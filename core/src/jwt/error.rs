//! Errors of tokens and keys.
//!
//! A message names the check that failed. It can contain an issuer, a key id, an audience or the
//! name of an algorithm; never a part of the token as it was sent, and nothing of a key.

use super::algorithm::Algorithm;
use std::fmt;

/// Size limit of a token, in bytes. Tokens of identity providers have 1 to 4 kB; HTTP servers
/// refuse longer headers than 8 or 16 kB.
pub const MAX_TOKEN: usize = 16_384;

/// The check that a token failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtError {
    /// More bytes than [`MAX_TOKEN`].
    TooLarge { bytes: usize },
    /// No token in the compact form.
    Malformed(&'static str),
    /// A header that is no JSON object, or has a member twice or of another type.
    Header(String),
    /// Claims that are no JSON object, or have a member twice.
    Payload(String),
    /// `alg` is `none`.
    Unsigned,
    /// An algorithm that is not supported, or no `alg`.
    Algorithm(Option<String>),
    /// A `crit` header.
    Critical,
    /// A `typ` of tokens that do not identify a caller.
    Type,
    /// No key of this issuer.
    Issuer(String),
    /// No key of this id.
    KeyId(String),
    /// The key is for another algorithm.
    KeyAlgorithm { token: Algorithm, key: Algorithm },
    /// The key is not valid now.
    KeyExpired,
    /// No candidate key made the signature.
    Signature,
    /// A claim that has to be there.
    MissingClaim(&'static str),
    /// A claim of another JSON type than it has to be.
    ClaimType { claim: &'static str, wanted: &'static str },
    /// `exp` has passed.
    Expired { seconds: u64 },
    /// `nbf` is in the future.
    NotYetValid { seconds: u64 },
    /// `iat` is in the future.
    IssuedInFuture { seconds: u64 },
    /// `aud` does not name the audience of the key.
    Audience(Option<String>),
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => {
                write!(f, "token has {bytes} bytes: it may have {}", MAX_TOKEN)
            }
            Self::Malformed(why) => write!(f, "not a signed JWT: {why}"),
            Self::Header(why) => write!(f, "malformed token header: {why}"),
            Self::Payload(why) => write!(f, "malformed token payload: {why}"),
            Self::Unsigned => f.write_str("token is not signed (alg \"none\")"),
            Self::Algorithm(None) => f.write_str("token names no algorithm"),
            Self::Algorithm(Some(name)) => {
                write!(
                    f,
                    "token has algorithm \"{name}\": supported are RS256, ES256, EdDSA and HS256"
                )
            }
            Self::Critical => f.write_str("token has a \"crit\" header, which is not supported"),
            Self::Type => f.write_str("token is of another type than JWT or at+jwt"),
            Self::Issuer(issuer) => write!(f, "token has unknown issuer \"{issuer}\""),
            Self::KeyId(id) => write!(f, "token is signed by unknown key \"{id}\" of its issuer"),
            Self::KeyAlgorithm { token, key } => {
                write!(f, "token is signed with {token}, but the key is for {key}")
            }
            Self::KeyExpired => f.write_str("token is signed by a key that is not valid now"),
            Self::Signature => f.write_str("token has an invalid signature"),
            Self::MissingClaim(claim) => write!(f, "token has no claim \"{claim}\""),
            Self::ClaimType { claim, wanted } => {
                write!(f, "claim \"{claim}\" of the token is not {wanted}")
            }
            Self::Expired { seconds } => write!(f, "token expired {seconds} seconds ago"),
            Self::NotYetValid { seconds } => {
                write!(f, "token is not valid yet: it will be in {seconds} seconds")
            }
            Self::IssuedInFuture { seconds } => {
                write!(f, "token was issued {seconds} seconds in the future")
            }
            Self::Audience(None) => f.write_str("token has no audience, but the key is for one"),
            Self::Audience(Some(audience)) => {
                write!(f, "token is for another audience: \"{audience}\"")
            }
        }
    }
}

impl std::error::Error for JwtError {}

/// Error: key that cannot be used. The message contains nothing of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError(pub(super) String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}
