//! UUIDs that sort by time (version 7), lease tokens, and random numbers.

use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::cell::RefCell;

/// Returns a new UUID of version 7 (RFC 9562): milliseconds since 1970, then 74 random bits. Callable by
/// users, services and operators.
#[pg_extern(volatile, parallel_safe)]
pub fn uuid_v7() -> Uuid {
    let random = random();
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Uuid::from_bytes(*id.as_bytes())
}

/// UUID version of lease tokens, and of the usage events that bill attempts. Ids of end users' events must
/// have another version, so they cannot collide.
pub const OF_LEASES: u8 = 8;

/// Version of a UUID (RFC 9562).
pub fn version(id: Uuid) -> u8 {
    id.as_bytes()[6] >> 4
}

/// Returns a new lease token: a UUID like those of uuid_v7(), but of version 8. Used by the functions that
/// claim work.
#[pg_extern(volatile, parallel_safe)]
fn lease_token() -> Uuid {
    let mut token = *uuid_v7().as_bytes();
    token[6] = token[6] & 0x0f | OF_LEASES << 4;
    Uuid::from_bytes(token)
}

/// Random bytes from a pool: a call of the system's generator takes longer than generating a hundred bytes.
fn random() -> [u8; 10] {
    const MANY: usize = 1280;
    thread_local! {
        static POOL: RefCell<([u8; MANY], usize)> = const { RefCell::new(([0; MANY], 0)) };
    }
    POOL.with_borrow_mut(|(pool, left)| {
        if *left == 0 {
            // SAFETY: fills the buffer; returns false if the system's generator fails.
            if !unsafe { pg_sys::pg_strong_random(pool.as_mut_ptr().cast(), MANY) } {
                error!("could not generate random values");
            }
            *left = MANY / 10;
        }
        *left -= 1;
        let mut bytes = [0; 10];
        // Used bytes are erased from the pool.
        pool[*left * 10..][..10].swap_with_slice(&mut bytes);
        bytes
    })
}

/// Random number.
pub fn random_number() -> u64 {
    random().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
