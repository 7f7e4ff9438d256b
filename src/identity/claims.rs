//! Claims of PostgREST and Supabase: `request.jwt.claims`, or `request.jwt.claim.<name>` of PostgREST before
//! version 9.

use super::settings::identity_claim;
use crate::pg::error::{Error, Result, SqlState};
use crate::pg::guc;
use crate::pg::spi;
use carrel_core::claims::{self, Mistake};
use pgrx::datum::Uuid;
use std::cell::RefCell;
use std::ffi::{CStr, CString};

const CLAIMS: &CStr = c"request.jwt.claims";

/// User named by the claims; None if there are no claims.
pub fn current() -> Result<Option<Uuid>> {
    let claim = identity_claim()?;
    let user = guc::with_value(CLAIMS, |claims| Some(of_setting(claims?, &claim)));
    user.unwrap_or_else(|| of_legacy_setting(&claim))
}

/// User named by the setting of PostgREST before version 9.
fn of_legacy_setting(claim: &str) -> Result<Option<Uuid>> {
    let id = legacy_setting(claim)?;
    let id = guc::with_value(&id, |id| id.map(|id| id.to_string_lossy().into_owned()));
    let Some(id) = id else { return Ok(None) };
    let user = claims::tenant_of_string(&id, claim).map_err(|error| malformed(&error, claim))?;
    Ok(Some(Uuid::from_bytes(*user.as_bytes())))
}

/// Replaces the claims until the transaction ends.
pub fn replace(user: Option<Uuid>) -> Result<()> {
    let claim = identity_claim()?;
    let claims = match user {
        Some(user) => claims::claims_for(&claim, uuid::Uuid::from_bytes(*user.as_bytes())),
        None => String::new(),
    };
    set_local(CLAIMS, &claims)?;
    // With empty claims, the setting of PostgREST before version 9 would apply: clear it too.
    let legacy = legacy_setting(&claim)?;
    if guc::with_value(&legacy, |value| value.is_some()) {
        set_local(&legacy, "")?;
    }
    Ok(())
}

/// User named by the claims of a verified token.
pub fn of_token(claims: &str) -> Result<Uuid> {
    let claim = identity_claim()?;
    let user = claims::tenant(claims, &claim).map_err(|error| {
        Error::new(SqlState::InvalidAuthorization, format!("token does not name a user: {error}"))
    })?;
    let user = user.ok_or_else(|| {
        let message = format!("token does not name a user: it has no claim \"{claim}\"");
        Error::new(SqlState::InvalidAuthorization, message)
    })?;
    Ok(Uuid::from_bytes(*user.as_bytes()))
}

/// User named by claims. The last result is cached: policies ask for every statement, and in some plans for
/// every row.
fn of_setting(claims: &CStr, claim: &str) -> Result<Option<Uuid>> {
    struct CachedUser {
        claims: CString,
        claim: String,
        user: Option<Uuid>,
    }
    thread_local! {
        static LAST: RefCell<Option<CachedUser>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        if let Some(last) = last
            && last.claims.as_c_str() == claims
            && last.claim == claim
        {
            return Ok(last.user);
        }
        let text = claims.to_str().map_err(|_| {
            Error::new(SqlState::InvalidAuthorization, "malformed claims: not valid UTF-8")
        })?;
        let user = claims::tenant(text, claim).map_err(|error| malformed(&error, claim))?;
        let user = user.map(|user| Uuid::from_bytes(*user.as_bytes()));
        *last = Some(CachedUser { claims: claims.to_owned(), claim: claim.to_owned(), user });
        Ok(user)
    })
}

fn malformed(error: &claims::ClaimsError, claim: &str) -> Error {
    let example = claims::claims_for(claim, uuid::Uuid::from_u128(0x1234 << 112));
    let hint = match error.mistake() {
        Mistake::Json => format!("request.jwt.claims must be a JSON object, such as {example}."),
        Mistake::Value => format!("The user id must be a UUID, as in {example}."),
        Mistake::Repeated => format!("Name the user once, as in {example}."),
    };
    Error::new(SqlState::InvalidAuthorization, error.to_string()).hint(hint)
}

/// Returns true if the session has claims with any content.
pub fn are_set() -> bool {
    guc::with_value(CLAIMS, |claims| claims.is_some())
}

/// Role that set the claims; None if there are none.
pub fn setter() -> Result<Option<pgrx::pg_sys::Oid>> {
    if are_set() {
        return Ok(spi::role_that_set(CLAIMS));
    }
    Ok(spi::role_that_set(&legacy_setting(&identity_claim()?)?))
}

/// Name of the setting of PostgREST before version 9.
fn legacy_setting(claim: &str) -> Result<CString> {
    CString::new(format!("request.jwt.claim.{claim}")).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, "carrel.identity_claim contains a zero byte")
    })
}

fn set_local(name: &CStr, value: &str) -> Result<()> {
    let value = CString::new(value).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, "a claim's name contains a zero byte")
    })?;
    spi::set_local(name, &value);
    Ok(())
}
