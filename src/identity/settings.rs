//! The settings of identity: `carrel.identity_source` and `carrel.identity_claim`, for superusers to set per database or
//! login role. SET ROLE applies no settings of a role.
//!
//! Until the library is loaded, Postgres takes any value for them, as placeholders, and checks it when the library
//! defines them. What a session SET before is dropped then, in favour of the database's or role's value. What a client
//! gave when it connected (`options`, PGOPTIONS) has replaced that value, and is dropped as well: the default would
//! apply, which is less strict. Identity is refused in such a session.

use crate::pg::error::{Error, Result, SqlState};
use crate::pg::owner;
use crate::pg::spi::{self, Access};
use crate::pg::{backend, guc, sealed};
use carrel_core::claims;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// What makes an identity.
#[derive(Clone, Copy, PartialEq, PostgresGucEnum)]
enum Source {
    #[name = c"claims"]
    Claims,
    #[name = c"token"]
    Token,
}

const SOURCE_NAME: &CStr = c"carrel.identity_source";
const CLAIM_NAME: &CStr = c"carrel.identity_claim";

static SOURCE: GucSetting<Source> = GucSetting::<Source>::new(Source::Claims);
static CLAIM: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"sub"));

thread_local! {
    /// The setting of which a value was given to this session and refused.
    static REFUSED: Cell<Option<&'static CStr>> = const { Cell::new(None) };
    /// Set where a parallel worker was the first to load the library: its leader passed on what a session gave for settings
    /// that nobody had checked.
    static IS_UNCHECKED: Cell<bool> = const { Cell::new(false) };
}

/// Registers `carrel.identity_source`, `carrel.identity_claim` and `carrel.verified_user`.
pub fn register_settings() {
    IS_UNCHECKED.set(backend::is_started_worker());
    let given = [SOURCE_NAME, CLAIM_NAME].map(|name| (name, guc::has_default(name)));
    GucRegistry::define_enum_guc(
        SOURCE_NAME,
        c"What makes the identity of end users: claims or token.",
        c"claims: the setting request.jwt.claims, and act_as(); token: only authenticate(), which verifies a signed JWT.",
        &SOURCE,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        CLAIM_NAME,
        c"The claim of the JWT that names the tenant.",
        c"A path such as app_metadata.org_id makes an organisation the tenant.",
        &CLAIM,
        GucContext::Suset,
        GucFlags::default(),
    );
    sealed::register_setting();
    let refused = given.into_iter().find(|(name, was_given)| *was_given && !guc::has_default(name));
    if let Some((name, _)) = refused {
        REFUSED.set(Some(name));
        // Parallel workers get the settings, and not the flag.
        guc::override_value(SOURCE_NAME, c"token");
    }
}

/// Says if claims make the identity of end users.
pub fn are_claims_trusted() -> Result<bool> {
    if IS_UNCHECKED.get() {
        return Err(Error::new(
            SqlState::InvalidAuthorization,
            "carrel was not loaded when this parallel query began",
        )
        .hint("Call carrel.current_user_id() in a statement before it."));
    }
    match REFUSED.get() {
        None => Ok(SOURCE.get() == Source::Claims),
        Some(name) => {
            let name = name.to_string_lossy();
            Err(Error::new(
                SqlState::InsufficientPrivilege,
                format!("{name} was given a value that is not accepted when this session began"),
            )
            .detail("A superuser sets it: alter database … set, or alter role … set."))
        }
    }
}

/// Tells whether the source is token for this database, or for any role in it.
pub fn is_token_anywhere() -> Result<bool> {
    spi::as_owner_of_catalogs(owner::oid()?, Access::Read, |db| {
        db.value(
            "select exists (
                select from pg_db_role_setting as s
                cross join lateral unnest(s.setconfig) as setting
                where s.setdatabase in (0, (select d.oid from pg_database as d where d.datname = current_database()))
                    and lower(setting) = 'carrel.identity_source=token'
            )",
            &[],
        )
    })
}

/// The claim that names the tenant.
pub fn identity_claim() -> Result<String> {
    let claim = CLAIM.get().unwrap_or_else(|| c"sub".to_owned());
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
