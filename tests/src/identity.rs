//! Who a session or a transaction is: by claims, or by tokens that the database verifies. CARREL_IDENTITY=token runs the tests
//! with the latter; servers then have `carrel.identity_source = token`.

#[path = "../../core/tests/jwt/signer.rs"]
mod signer;

pub use signer::{Signer, base64url};
use std::sync::OnceLock;

/// Issuer of the tests' tokens.
const ISSUER: &str = "https://tests.example";
/// The year 2100.
const FAR: i64 = 4_102_444_800;

/// Says if this run's identities are verified tokens.
pub fn by_token() -> bool {
    static BY_TOKEN: OnceLock<bool> = OnceLock::new();
    *BY_TOKEN.get_or_init(|| match std::env::var("CARREL_IDENTITY").as_deref() {
        Ok("token") => true,
        Ok("" | "claims") | Err(_) => false,
        Ok(other) => panic!("CARREL_IDENTITY={other}: it is claims or token"),
    })
}

fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::new("EdDSA", "the key of the tests"))
}

/// A token of a user's that the key of [`key`] verifies.
pub fn token(user: &str) -> String {
    signer().token(&format!(r#"{{"iss": "{ISSUER}", "sub": "{user}", "exp": {FAR}}}"#))
}

/// The statement that gives a database the key.
pub fn key() -> String {
    format!(
        "insert into carrel.jwt_keys (issuer, algorithm, key) values ('{ISSUER}', 'EdDSA', '{}') on conflict do nothing",
        signer().jwk()
    )
}

/// The statement that makes a user of a transaction, to be sent within it.
pub fn act(user: &str) -> String {
    if by_token() {
        authenticate(user)
    } else {
        format!(r#"set local request.jwt.claims = '{{"sub": "{user}"}}'"#)
    }
}

/// The statement that verifies a token of a user's.
pub fn authenticate(user: &str) -> String {
    format!("select carrel.authenticate('{}')", token(user))
}
