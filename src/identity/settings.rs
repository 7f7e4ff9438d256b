//! Settings `carrel.identity_source` and `carrel.identity_claim`. Superusers set them per database or login
//! role. SET ROLE does not apply a role's settings.
//!
//! Before the library is loaded, Postgres accepts any value for them as a placeholder, and checks it when the
//! library defines the setting. A value from SET is then dropped in favour of the database's or role's value.
//! A value from the client's connection (`options`, PGOPTIONS) has already replaced the database's or role's
//! value; when it is dropped, the less strict default would apply. Identity is refused in such a session.

use crate::pg::error::{Error, Result, SqlState};
use crate::pg::owner;
use crate::pg::sealed::{self, SealedSetting};
use crate::pg::spi::{self, Access};
use crate::pg::{backend, guc};
use carrel_core::claims;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// Source of identity.
#[derive(Clone, Copy, PartialEq, PostgresGucEnum)]
enum IdentitySource {
    #[name = c"claims"]
    Claims,
    #[name = c"token"]
    Token,
}

const SOURCE_NAME: &CStr = c"carrel.identity_source";
const CLAIM_NAME: &CStr = c"carrel.identity_claim";

/// Setting with the user of the verified token.
static VERIFIED_USER: SealedSetting = SealedSetting {
    name: c"carrel.verified_user",
    description: c"The user of the verified token.",
    details: c"Only authenticate() sets it, for a transaction.",
    message: c"carrel.verified_user cannot be set",
    hint: c"Call carrel.authenticate() with the user's token.",
};

static SOURCE: GucSetting<IdentitySource> =
    GucSetting::<IdentitySource>::new(IdentitySource::Claims);
static CLAIM: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"sub"));

thread_local! {
    /// Setting whose value, given to this session, was refused.
    static REFUSED: Cell<Option<&'static CStr>> = const { Cell::new(None) };
    /// True if a parallel worker loaded the library first: its leader passed on unchecked values.
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
    sealed::register_setting(&VERIFIED_USER);
    let refused = given.into_iter().find(|(name, was_given)| *was_given && !guc::has_default(name));
    if let Some((name, _)) = refused {
        REFUSED.set(Some(name));
        // Parallel workers inherit settings, but not this flag.
        guc::override_value(SOURCE_NAME, c"token");
    }
}

/// Returns true if the source of this session is claims. Fails if the session began with a value that is not
/// accepted.
pub fn is_source_claims() -> Result<bool> {
    if IS_UNCHECKED.get() {
        return Err(Error::new(
            SqlState::InvalidAuthorization,
            "carrel was not loaded when this parallel query began",
        )
        .hint("Call carrel.current_user_id() in a statement before it."));
    }
    match REFUSED.get() {
        None => Ok(SOURCE.get() == IdentitySource::Claims),
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

/// Returns true if the source is token for this database or for any role in it.
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

/// Claim that names the tenant.
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
