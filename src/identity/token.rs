//! Verified identity: the user of a signed token, for the rest of the transaction. SQL cannot write it.

use super::{claims, keys};
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::{backend, clock, sealed};
use pgrx::datum::Uuid;
use std::ffi::CStr;

/// Text shown instead of a statement that contains a token.
const HIDDEN: &CStr = c"select carrel.authenticate('…')";

/// User of the verified token, if any.
pub fn verified() -> Option<Uuid> {
    sealed::get()
}

/// Verifies a token and sets its user until the transaction ends. No token: no user.
pub fn authenticate(token: Option<&str>) -> Result<Option<Uuid>> {
    let Some(token) = token else {
        forget();
        return Ok(None);
    };
    backend::hide_statement(HIDDEN);
    // If the token is not a parameter, the statement contains it: keep the statement out of the log.
    let user = verify(token).map_err(Error::without_statement)?;
    sealed::set(Some(user));
    Ok(Some(user))
}

/// Clears the user.
pub fn forget() {
    if verified().is_some() {
        sealed::set(None);
    }
}

fn verify(token: &str) -> Result<Uuid> {
    let now = keys::since_1970(clock::wall_micros());
    let claims = keys::with(|keys| carrel_core::jwt::verify(token, keys, now))?;
    let claims = claims.map_err(|error| {
        use carrel_core::jwt::JwtError;
        let refused = Error::new(SqlState::InvalidAuthorization, error.to_string());
        match error {
            JwtError::Expired { .. } => refused.hint("Refresh the token, or sign in again."),
            JwtError::Malformed(_) => refused
                .hint("Give the token as the issuer made it, without \"Bearer\": header.payload.signature."),
            _ => refused,
        }
    })?;
    claims::of_token(&claims)
}
