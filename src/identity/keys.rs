//! Keys that verify tokens: the table `carrel.jwt_keys`.
//!
//! A backend caches the keys until the table changes. A trigger invalidates the table's entry in the relation
//! cache, and Postgres tells all backends at commit. Validity periods are checked at each use of a key.

use crate::access;
use crate::pg::cache::{self, Changes};
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::heap::Table;
use crate::pg::spi::{self, Access, Db};
use crate::pg::trigger::{self, Returned};
use crate::pg::values::Jsonb;
use carrel_core::jwt::{Algorithm, JwksEntry, Key, Material, Validity, read_jwks};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

const KEYS: Table = Table { name: c"jwt_keys", index: c"jwt_keys_pkey" };

/// Size limit of an issuer, a key id and an audience, in bytes.
const MAX_NAME: usize = 800;

const NO_ISSUER: &str = "issuer must be the claim \"iss\" of the tokens";

thread_local! {
    static KNOWN: RefCell<Option<Rc<[Key]>>> = const { RefCell::new(None) };
    /// Changes of jwt_keys.
    static CHANGES: Changes = const { Changes::of(&[]) };
}

/// Runs `work` with the current keys.
pub fn with<T>(work: impl FnOnce(&[Key]) -> T) -> Result<T> {
    cache::accept_changes()?;
    if Changes::take(&CHANGES) {
        KNOWN.set(None);
    }
    if let Some(keys) = KNOWN.with_borrow(Clone::clone) {
        return Ok(work(&keys));
    }
    let table = KEYS.oid()?;
    CHANGES.with(|changes| changes.watch(vec![table]));
    let keys: Rc<[Key]> = read()?.into();
    KNOWN.set(Some(keys.clone()));
    Ok(work(&keys))
}

/// Converts Postgres's microseconds since 2000 to microseconds since 1970. Infinity stays.
pub fn since_1970(at: pg_sys::TimestampTz) -> i64 {
    const BETWEEN: i64 = 946_684_800_000_000;
    if at == i64::MIN { at } else { at.saturating_add(BETWEEN) }
}

fn read() -> Result<Vec<Key>> {
    let mut keys = Vec::new();
    KEYS.read(
        &[],
        [c"issuer", c"key_id", c"audience", c"algorithm", c"key", c"valid_from", c"valid_until"],
        |row| {
            let issuer: String = row.need(1)?;
            let (algorithm, key): (String, String) = (row.need(4)?, row.need(5)?);
            let from: TimestampWithTimeZone = row.need(6)?;
            let until: TimestampWithTimeZone = row.need(7)?;
            let validity = Validity {
                from: since_1970(pg_sys::TimestampTz::from(from)),
                until: since_1970(pg_sys::TimestampTz::from(until)),
            };
            match material(&algorithm, &key) {
                Ok(material) => {
                    let (key_id, audience) = (row.need(2)?, row.need(3)?);
                    keys.push(Key { issuer, key_id, audience, validity, material });
                }
                // The row bypassed the trigger that checks keys. It verifies nothing.
                Err(_) => warning!("a key of issuer \"{issuer}\" in carrel.jwt_keys is malformed"),
            }
            Ok(())
        },
    )?;
    Ok(keys)
}

fn material(algorithm: &str, key: &str) -> Result<Material> {
    let named =
        Algorithm::named(algorithm).filter(|named| named.name() == algorithm).ok_or_else(|| {
            bad(format!("unknown algorithm \"{algorithm}\""))
                .hint("Use RS256, ES256, EdDSA or HS256.")
        })?;
    Material::read(named, key).map_err(|error| {
        bad(error.to_string()).hint(match named {
            Algorithm::Hs256 => "Give a secret of at least 32 bytes, or a JWK of type oct.",
            _ => "Give the public key as PEM (BEGIN PUBLIC KEY) or as a JWK.",
        })
    })
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(SqlState::InvalidParameterValue, message)
}

/// Trigger BEFORE INSERT OR UPDATE of jwt_keys: refuses keys that cannot verify tokens. It also checks what
/// constraints check, because errors of constraints show the whole row, with the secret of an HS256 key.
/// Errors: 22023 (invalid key).
#[pg_trigger]
fn check_jwt_key<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::before_row(trigger, |row| {
        if trigger::restoring()? {
            return Ok(());
        }
        let names =
            [c"issuer", c"key_id", c"audience"].map(|column| row.new.need::<String>(column));
        let [issuer, key_id, audience] = names;
        let (issuer, key_id, audience) = (issuer?, key_id?, audience?);
        if issuer.is_empty() {
            return Err(bad(NO_ISSUER));
        }
        for (name, value) in [("issuer", issuer), ("key_id", key_id), ("audience", audience)] {
            // The three are the key of an index, whose entries are limited to 2704 bytes.
            if value.len() > MAX_NAME {
                return Err(bad(format!(
                    "{name} has {} bytes: it may have {MAX_NAME} at most",
                    value.len()
                )));
            }
        }
        let from: TimestampWithTimeZone = row.new.need(c"valid_from")?;
        let until: TimestampWithTimeZone = row.new.need(c"valid_until")?;
        if from >= until {
            return Err(bad("key is never valid: valid_until is not after valid_from"));
        }
        let (algorithm, key): (String, String) =
            (row.new.need(c"algorithm")?, row.new.need(c"key")?);
        material(&algorithm, &key).map(drop)
    })
}

/// Trigger AFTER INSERT OR UPDATE OR DELETE of jwt_keys, by replication too: makes all backends read the keys
/// again after the commit.
#[pg_trigger]
fn forget_jwt_keys<'a>(trigger: &'a PgTrigger<'a>) -> Returned<'a> {
    trigger::after_row(trigger, |_| cache::invalidate(KEYS.oid()?))
}

/// Adds the keys of a JWKS to carrel.jwt_keys for an issuer and an audience.
///
/// An empty audience is for tokens without one. A key with the same kid is replaced. Other keys stay, unless
/// remove_missing is true.
///
/// Returns a row for each key: its kid, its algorithm, and the outcome (added, replaced, unchanged, skipped
/// or removed). detail is the reason why a key was skipped.
///
/// Callable by operators. Errors: 22023 (invalid JWKS, or no key of a supported kind).
#[pg_extern(volatile, parallel_unsafe)]
fn import_jwks(
    jwks: Option<Jsonb>,
    issuer: Option<&str>,
    audience: default!(Option<&str>, "''"),
    remove_missing: default!(Option<bool>, false),
) -> TableIterator<
    'static,
    (
        name!(key_id, String),
        name!(algorithm, Option<String>),
        name!(outcome, String),
        name!(detail, Option<String>),
    ),
> {
    let rows = guard(|| {
        access::require_operator("import_jwks")?;
        spi::need_writable(c"INSERT")?;
        let jwks = jwks.ok_or_else(|| bad("jwks must not be null"))?.to_text()?;
        let issuer = issuer.filter(|issuer| !issuer.is_empty());
        let issuer = issuer.ok_or_else(|| bad(NO_ISSUER))?;
        let audience = audience.ok_or_else(|| bad("audience must not be null"))?;
        let remove = remove_missing.ok_or_else(|| bad("remove_missing must not be null"))?;
        let entries = read_jwks(&jwks).map_err(|why| {
            bad(why).hint("Give the JSON of the issuer's jwks_uri: {\"keys\": [...]}")
        })?;
        spi::as_owner(Access::Write, |db| import(db, entries, issuer, audience, remove))
    });
    TableIterator::new(rows)
}

type Imported = (String, Option<String>, String, Option<String>);

fn import(
    db: &Db,
    entries: Vec<JwksEntry>,
    issuer: &str,
    audience: &str,
    remove: bool,
) -> Result<Vec<Imported>> {
    let mut rows = Vec::new();
    let mut kept: HashSet<String> = HashSet::new();
    for JwksEntry { key_id, key } in entries {
        let skipped = |why: &str| Ok((None, "skipped", Some(why.to_owned())));
        let (algorithm, outcome, detail) = match key {
            Err(why) => skipped(&why),
            Ok(_) if kept.contains(&key_id) => skipped("another key of the set has the same kid"),
            Ok((algorithm, jwk)) => {
                kept.insert(key_id.clone());
                let outcome = put(db, issuer, &key_id, audience, algorithm, &jwk)?;
                Ok::<_, Error>((Some(algorithm.name().to_owned()), outcome, None))
            }
        }?;
        rows.push((key_id, algorithm, outcome.to_owned(), detail));
    }
    if kept.is_empty() {
        let why: Vec<String> = rows
            .iter()
            .map(|(key_id, _, _, why)| {
                format!("\"{key_id}\" is {}", why.as_deref().unwrap_or_default())
            })
            .collect();
        return Err(bad("JWKS has no key for RS256, ES256, EdDSA or HS256").detail(
            if why.is_empty() {
                "It is empty.".to_owned()
            } else {
                format!("Key {}.", why.join("; "))
            },
        ));
    }
    if remove {
        let kept: Vec<String> = kept.into_iter().collect();
        let removed = db.rows(
            "delete from carrel.jwt_keys where issuer = $1 and audience = $2 and key_id <> all ($3)
            returning key_id, algorithm",
            &[issuer.into(), audience.into(), kept.into()],
            |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?)),
        )?;
        rows.extend(
            removed
                .into_iter()
                .map(|(key_id, algorithm)| (key_id, Some(algorithm), "removed".to_owned(), None)),
        );
    }
    Ok(rows)
}

fn put(
    db: &Db,
    issuer: &str,
    key_id: &str,
    audience: &str,
    algorithm: Algorithm,
    jwk: &str,
) -> Result<&'static str> {
    let name = [issuer.into(), key_id.into(), audience.into()];
    let key = [algorithm.name().into(), jwk.into()];
    let is_there = db.first(
        "select algorithm = $4 and key = $5 from carrel.jwt_keys
        where issuer = $1 and key_id = $2 and audience = $3",
        &[name.as_slice(), key.as_slice()].concat(),
        |row| row.need::<bool>(1),
    )?;
    if is_there == Some(true) {
        return Ok("unchanged");
    }
    db.execute(
        "insert into carrel.jwt_keys (issuer, key_id, audience, algorithm, key) values ($1, $2, $3, $4, $5)
        on conflict (issuer, key_id, audience) do update set algorithm = excluded.algorithm, key = excluded.key",
        &[name.as_slice(), key.as_slice()].concat(),
    )?;
    Ok(if is_there.is_some() { "replaced" } else { "added" })
}
