//! Identity of the caller, decided by [`current`].
//!
//! There are two sources of identity ([`settings`]). *Claims* are settings that PostgREST derives from a
//! token after verifying it ([`claims`]). Any session that can send SQL can set them, so they are for
//! connections that only the application's server or PostgREST holds. A *verified token* ([`token`]) is
//! checked against `carrel.jwt_keys` ([`keys`]), and SQL cannot change its result.
//!
//! A verified identity always counts. Claims count if `carrel.identity_source` is `claims`, and for services
//! and superusers, who may act as any user. The outer user decides which role that is: the session's role, or
//! the role of SET ROLE. SECURITY DEFINER functions and carrel's own work as the owner do not change the
//! outer user, so claims forged by an end user do not count in such functions either.

mod claims;
mod keys;
mod settings;
mod token;

use crate::access::{self, RoleKind};
use crate::pg::error::{self, Error, Result, SqlState, guard};
use crate::pg::{owner, roles, xact};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

pub use settings::register_settings;

/// Returns the user of the transaction: the user of its verified token, or else of its JWT claims.
///
/// Null if there is no user. Callable by users, services and operators. Errors: 28000 (malformed claims).
#[pg_extern(stable, parallel_safe)]
fn current_user_id() -> Option<Uuid> {
    guard(current)
}

/// Acts as a user for the rest of the transaction, by replacing the claims. Null: as nobody.
///
/// Has no effect for end users if carrel.identity_source is token; a warning says so. Callable by users and
/// services.
#[pg_extern(volatile, parallel_unsafe)]
fn act_as(user_id: Option<Uuid>) {
    guard(|| {
        if !are_claims_trusted()? {
            warning!("act_as() has no effect: carrel.identity_source is token");
            return Ok(());
        }
        warn_outside_transaction("act_as");
        token::forget();
        claims::replace(user_id)
    })
}

/// Verifies a signed JWT against carrel.jwt_keys and acts as its user for the rest of the transaction.
///
/// Returns the user. A null token: as nobody. Callable by users and services. Errors: 28000 (the token failed
/// a check, which the message names).
#[pg_extern(volatile, parallel_unsafe)]
fn authenticate(token: Option<&str>) -> Option<Uuid> {
    guard(|| {
        let user = token::authenticate(token)?;
        warn_outside_transaction("authenticate");
        Ok(user)
    })
}

/// User id of the caller. Fails with 42501 if its role is not granted carrel, else with 28000 if there is no
/// user.
pub fn require() -> Result<Uuid> {
    if !access::rights()?.may_be_a_user() {
        let role = access::current_role();
        return Err(Error::new(
            SqlState::InsufficientPrivilege,
            format!("role \"{role}\" is not granted carrel"),
        )
        .hint(format!(
            "An administrator grants it to a role of end users: select carrel.grant_user('{role}')"
        )));
    }
    match current()? {
        Some(user) => Ok(user),
        None => Err(nobody()?),
    }
}

/// Error for a transaction without a user.
fn nobody() -> Result<Error> {
    if is_code_of_others()? {
        let message = "no user is set in a security-restricted operation";
        return Ok(Error::new(SqlState::InvalidAuthorization, message).detail("Functions of indexes, materialized views and foreign keys' actions run in one, as the owner of a table."));
    }
    let no_user =
        || Error::new(SqlState::InvalidAuthorization, "no user is set for this transaction");
    if !are_claims_trusted()? {
        return Ok(no_user().hint(
            "Call carrel.authenticate() with the user's token first, in the same transaction.",
        ));
    }
    if !claims::are_set() {
        return Ok(no_user().hint("Call carrel.act_as() or set request.jwt.claims first."));
    }
    let claim = settings::identity_claim()?;
    let hint = match access::is_session_of_service()? {
        true => "Set carrel.identity_claim if the user id is in another claim.".to_owned(),
        false => format!("Sign in: the token must have the user id as \"{claim}\"."),
    };
    let message = format!("the claims have no \"{claim}\"");
    Ok(Error::new(SqlState::InvalidAuthorization, message).hint(hint))
}

/// User id of the caller. None if no user is set, or if the role is neither an end user nor a service of
/// carrel.
pub fn current() -> Result<Option<Uuid>> {
    if is_code_of_others()? || !access::rights()?.may_be_a_user() {
        return Ok(None);
    }
    if let Some(user) = token::verified() {
        return Ok(Some(user));
    }
    if are_claims_trusted()? { claims::current() } else { Ok(None) }
}

/// Returns true in code of a table's owner that runs in sessions of other roles: in a security-restricted
/// operation. Such code has no identity.
fn is_code_of_others() -> Result<bool> {
    Ok(roles::is_restricted() && Some(roles::current()) != owner::find()?)
}

/// Returns true if claims identify the caller.
///
/// | session of | code of      | claims set by | claims identify the caller                      |
/// |------------|--------------|---------------|-------------------------------------------------|
/// | plain role | any role     | any role      | if the source is claims                         |
/// | service    | service      | trusted role  | always                                          |
/// | service    | service      | other role    | if no role's source is token                    |
/// | service    | plain role   | any role      | if the source is claims, and no role's is token |
///
/// *Session of*: the outer user, which is the session's role or the role of SET ROLE. *Code of*: the current
/// role, which differs in SECURITY DEFINER functions. *Service* includes superusers and the owner of the tables;
/// a plain role is none of them. *Trusted* to set claims are services, the role that logged in and the session's
/// role: [`are_claims_of_others`]. *Source*: `carrel.identity_source` of this session.
fn are_claims_trusted() -> Result<bool> {
    let are_of_others = are_claims_of_others()?;
    let is_source = settings::is_source_claims()?;
    let is_session_of_service = access::is_session_of_service()?;
    let is_code_of_plain_role = roles::current() != roles::of_session() && !access::is_service()?;
    match (is_session_of_service, is_code_of_plain_role, are_of_others) {
        (false, _, _) => Ok(is_source),
        (true, false, false) => Ok(true),
        (true, false, true) => Ok(!settings::is_token_anywhere()?),
        (true, true, _) => Ok(is_source && !settings::is_token_anywhere()?),
    }
}

/// Returns true if a plain role set the claims that neither logged in nor is the session's.
fn are_claims_of_others() -> Result<bool> {
    let Some(setter) = claims::setter()? else { return Ok(false) };
    if [roles::of_session(), roles::of_login()].contains(&setter) {
        return Ok(false);
    }
    let rights = access::rights_of(setter)?;
    Ok(!rights.are_unrestricted() && !rights.has(RoleKind::Service))
}

fn warn_outside_transaction(function: &str) {
    if !xact::is_block() {
        // The context would quote a statement with the token.
        error::warn(&format!("{function}() can only be used in transaction blocks"));
    }
}
