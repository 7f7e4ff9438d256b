//! Rights of callers: whose usage they may record, read and change.

use crate::access;
use crate::identity;
use crate::pg::error::{Error, Result, SqlState};
use crate::users;
use pgrx::datum::Uuid;

/// Rights of the caller, read before any work is done as the owner.
pub struct Caller {
    is_service: bool,
}

impl Caller {
    pub fn now() -> Result<Self> {
        Ok(Self { is_service: access::is_service()? })
    }

    /// Returns the user to record for: `named`, else the caller.
    ///
    /// Only a service may name another user; its claims may name nobody, or be malformed. Fails
    /// with 42501.
    pub fn recording_user(&self, named: Option<Uuid>) -> Result<Uuid> {
        let Some(user) = named else { return identity::require() };
        if self.is_service || identity::current()? == Some(user) {
            return Ok(user);
        }
        Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("usage of user {user} is not the caller's to record"),
        )
        .hint("Leave user_id out: it is the caller's by default."))
    }
}

/// Returns the user to record for: see [`Caller::recording_user`].
pub fn recording_user(named: Option<Uuid>) -> Result<Uuid> {
    Caller::now()?.recording_user(named)
}

/// Returns the user to read: `named`, else the caller.
///
/// Only a service may name another user. To other callers that user does not exist: PT404.
pub fn readable_user(named: Option<Uuid>) -> Result<Uuid> {
    let Some(named) = named else { return identity::require() };
    if !access::is_service()? && identity::current()? != Some(named) {
        return Err(users::no_such_user(named));
    }
    Ok(named)
}

/// Returns the user whose rows carrel's functions may change for the caller; None for services: all
/// users.
pub fn only_of() -> Result<Option<Uuid>> {
    match access::is_service()? {
        true => Ok(None),
        false => identity::require().map(Some),
    }
}
