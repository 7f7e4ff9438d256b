//! Identity of the caller: [`current`] is the one place that decides.
//!
//! There are two sources ([`settings`]). *Claims* are the settings that PostgREST makes of a token it has verified
//! ([`claims`]): whoever can send SQL can set them, so they are for connections that only the application's server or
//! PostgREST holds. A *verified token* ([`token`]) is checked here, against `carrel.jwt_keys` ([`keys`]), and SQL cannot
//! write its result.
//!
//! A verified identity always counts. Claims count where `carrel.identity_source` is `claims`, and for services and
//! superusers, who may act as anybody. The outer user decides which role that is: the session's, or that of SET ROLE. SECURITY
//! DEFINER functions, and carrel's own work as the owner, leave it as it is, so a claim that an end user forged counts
//! nowhere in their statement.

mod claims;
mod keys;
mod settings;
mod token;

use crate::access;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::{owner, roles, xact};
use pgrx::datum::Uuid;
use pgrx::prelude::*;

pub use settings::register_settings;

/// The user that the transaction's verified token or its JWT claims name; null where there are none.
/// Malformed claims are error 28000, never another user.
#[pg_extern(stable, parallel_safe)]
fn current_user_id() -> Option<Uuid> {
    guard(current)
}

/// Acts as a user for the rest of the transaction (null: as nobody), by replacing the claims. Where
/// carrel.identity_source is token, it has no effect for end users, and a warning says so.
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

/// Verifies a signed JWT against carrel.jwt_keys and acts as the user it names for the rest of the transaction (null: as
/// nobody); returns that user. A token that fails a check: 28000, saying which.
#[pg_extern(volatile, parallel_unsafe)]
fn authenticate(token: Option<&str>) -> Option<Uuid> {
    guard(|| {
        let user = token::authenticate(token)?;
        warn_outside_transaction("authenticate");
        Ok(user)
    })
}

/// The caller's user id, or error 28000 where there is none.
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

/// The error for a transaction in which no user is set, or whose claims name nobody.
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

/// The caller's user id, None where no user is set, or the role is not granted carrel as an end user or a service.
pub fn current() -> Result<Option<Uuid>> {
    if is_code_of_others()? || !access::rights()?.may_be_a_user() {
        return Ok(None);
    }
    if let Some(user) = token::verified() {
        return Ok(Some(user));
    }
    if are_claims_trusted()? { claims::current() } else { Ok(None) }
}

/// Tells whether this is code of a table's owner that runs in the sessions of others, and as nobody: in a security-restricted
/// operation.
fn is_code_of_others() -> Result<bool> {
    Ok(roles::is_restricted() && Some(roles::current()) != owner::find()?)
}

/// Tells whether claims make an identity: where the source is claims, and for services.
///
/// Code of a plain role may run in a trusted session: a SECURITY DEFINER function in a service's, for one. Claims are no
/// identity there, if the source is token for anybody.
fn are_claims_trusted() -> Result<bool> {
    let are_trusted = settings::are_claims_trusted()?;
    let is_as_session = roles::current() == roles::of_session();
    if is_as_session && are_trusted {
        return Ok(true);
    }
    let is_session_of_service = access::is_session_of_service()?;
    if is_as_session || !is_session_of_service || access::is_service()? {
        return Ok(are_trusted || is_session_of_service);
    }
    Ok(are_trusted && !settings::is_token_anywhere()?)
}

fn warn_outside_transaction(function: &str) {
    if !xact::is_block() {
        warning!("{function}() can only be used in transaction blocks");
    }
}
