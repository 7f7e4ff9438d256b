//! Who is calling: the one place that decides.
//!
//! The identity is a claim of the transaction's JWT, as PostgREST and Supabase set it. Claims are a
//! setting: whoever can send SQL of their own can set them, so end users' roles are for connections
//! that only the application's server or PostgREST holds.

use crate::access;
use crate::error::{Error, Result, SqlState, guard};
use crate::spi;
use carrel_core::claims::{self, Mistake};
use pgrx::datum::Uuid;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, CString};

const CLAIMS: &CStr = c"request.jwt.claims";

static IDENTITY_CLAIM: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"sub"));

/// Registers `carrel.identity_claim`.
pub fn register_settings() {
    GucRegistry::define_string_guc(
        c"carrel.identity_claim",
        c"The claim of the JWT that names the tenant.",
        c"A path such as app_metadata.org_id makes an organisation the tenant.",
        &IDENTITY_CLAIM,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// The user that the transaction's claims name; null where there are none.
/// Malformed claims are error 28000, never another user.
#[pg_extern(stable, parallel_safe)]
fn current_user_id() -> Option<Uuid> {
    guard(current)
}

/// Acts as a user for the rest of the transaction (null: as nobody), by replacing the claims.
#[pg_extern(volatile, parallel_unsafe)]
fn act_as(user_id: Option<Uuid>) {
    guard(|| {
        let claim = identity_claim()?;
        let claims = match user_id {
            Some(user) => claims::claims_for(&claim, uuid::Uuid::from_bytes(*user.as_bytes())),
            None => String::new(),
        };
        // SAFETY: reads the state of the transaction.
        if !unsafe { pg_sys::IsTransactionBlock() } {
            warning!("act_as() can only be used in transaction blocks");
        }
        set_local(CLAIMS, &claims)?;
        // Claims that are empty give way to the setting of older PostgREST; it must not speak now.
        let legacy = legacy_setting(&claim)?;
        if setting(&legacy).is_some() {
            set_local(&legacy, "")?;
        }
        Ok(())
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

/// The error for claims that name nobody, or for none at all.
fn nobody() -> Result<Error> {
    let claim = identity_claim()?;
    if setting(CLAIMS).is_none() {
        return Ok(Error::new(
            SqlState::InvalidAuthorization,
            "no user is set for this transaction",
        )
        .hint("Call carrel.act_as() or set request.jwt.claims first."));
    }
    let hint = match access::is_session_of_service()? {
        true => "Set carrel.identity_claim if the user id is in another claim.".to_owned(),
        false => format!("Sign in: the token must have the user id as \"{claim}\"."),
    };
    let message = format!("the claims have no \"{claim}\"");
    Ok(Error::new(SqlState::InvalidAuthorization, message).hint(hint))
}

/// The caller's user id, None where there are no claims, or the role is not granted carrel as an end user or a service.
pub fn current() -> Result<Option<Uuid>> {
    if !access::rights()?.may_be_a_user() {
        return Ok(None);
    }
    let claim = identity_claim()?;
    if let Some(claims) = setting(CLAIMS) {
        return of_claims(claims, &claim);
    }
    let Some(id) = setting(&legacy_setting(&claim)?) else { return Ok(None) };
    let user = claims::tenant_of_string(&id.to_string_lossy(), &claim);
    let user = user.map_err(|error| malformed(&error, &claim))?;
    Ok(Some(Uuid::from_bytes(*user.as_bytes())))
}

/// The tenant in claims, remembered from call to call: policies ask for every statement, and in some
/// plans for every row.
fn of_claims(claims: &CStr, claim: &str) -> Result<Option<Uuid>> {
    struct Last {
        claims: CString,
        claim: String,
        user: Option<Uuid>,
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
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
        *last = Some(Last { claims: claims.to_owned(), claim: claim.to_owned(), user });
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

fn identity_claim() -> Result<String> {
    let claim = IDENTITY_CLAIM.get().unwrap_or_else(|| c"sub".to_owned());
    let claim = claim.to_string_lossy().into_owned();
    match claims::validate_claim(&claim) {
        Ok(()) => Ok(claim),
        Err(error) => Err(Error::new(
            SqlState::InvalidAuthorization,
            format!("carrel.identity_claim is not the name of a claim: \"{claim}\""),
        )
        .detail(format!("{error}."))
        .hint("Set it to a claim such as sub or app_metadata.org_id.")),
    }
}

/// Where PostgREST before version 9 put a claim by itself.
fn legacy_setting(claim: &str) -> Result<CString> {
    CString::new(format!("request.jwt.claim.{claim}")).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, "carrel.identity_claim contains a zero byte")
    })
}

/// A setting's value, None where it is unset or empty: SET LOCAL leaves '' behind after COMMIT.
fn setting<'a>(name: &CStr) -> Option<&'a CStr> {
    // SAFETY: a C string in, and out, or null where the setting is missing.
    let value = unsafe { pg_sys::GetConfigOption(name.as_ptr(), true, false) };
    if value.is_null() {
        return None;
    }
    // SAFETY: valid until the setting changes, which no caller here does before it is done with it.
    let value = unsafe { CStr::from_ptr(value) };
    (!value.is_empty()).then_some(value)
}

fn set_local(name: &CStr, value: &str) -> Result<()> {
    let value = CString::new(value).map_err(|_| {
        Error::new(SqlState::InvalidParameterValue, "a claim's name contains a zero byte")
    })?;
    spi::set_local(name, &value);
    Ok(())
}
