//! Two users in real sessions: whatever one does, nothing of the other's is read, changed or
//! deleted, and nobody writes what is not theirs to write.

mod claims;
mod forgery;
mod plans;
mod reading;
mod service;
mod writing;

use carrel_tests::{Cluster, Database, TABLES};

/// A database in which Alice and Bob have rows in every table.
fn lived_in() -> Database<'static> {
    Cluster::shared().lived_in()
}

/// Every row of a user's, as the superuser sees them.
fn rows_of(database: &Database, user: &str) -> Vec<String> {
    let mut session = database.superuser();
    let rows = TABLES.iter().flat_map(|table| {
        let rows = session.column(&format!(
            "select '{table}', t::text from carrel.{table} as t where user_id = '{user}' order by id"
        ));
        assert!(!rows.is_empty(), "{user} has nothing in {table}");
        rows
    });
    rows.collect()
}

/// The id of one of a user's rows.
fn id_of(database: &Database, table: &str, user: &str) -> String {
    let ids = database.superuser().column(&format!(
        "select id from carrel.{table} where user_id = '{user}' order by id limit 1"
    ));
    ids.into_iter().next().unwrap_or_else(|| panic!("{user} has nothing in {table}"))
}

/// The id of a user's document without a text, to which they may add chunks.
fn textless_document(database: &Database, user: &str) -> String {
    database.superuser().value(&format!(
        "select id from carrel.documents where user_id = '{user}' and content_text is null"
    ))
}

fn refused<T>(sqlstate: &str) -> Result<T, String> {
    Err(sqlstate.to_owned())
}
