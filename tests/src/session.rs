//! A session: one connection of one role.
//!
//! Statements go by the simple protocol, so that tests read as SQL does and values come as text;
//! [`Session::client`] is there for tests of the extended protocol.

use postgres::error::DbError;
use postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use std::io::{Read, Write};
use std::path::Path;

pub struct Session {
    client: Client,
}

impl Session {
    pub(crate) fn open(directory: &Path, database: &str, role: &str) -> Result<Self, Error> {
        let mut config = Config::new();
        config.host_path(directory).dbname(database).user(role);
        Ok(Self { client: config.connect(NoTls)? })
    }

    /// The connection itself.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Sets the claims of the session as PostgREST would for a user.
    #[track_caller]
    pub fn claim(&mut self, user_id: &str) {
        self.run(&format!(r#"set request.jwt.claims = '{{"sub": "{user_id}"}}'"#));
    }

    /// Runs statements that have to work.
    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        self.messages(sql);
    }

    /// Runs a statement that has to work; returns how many rows it touched.
    #[track_caller]
    pub fn touched(&mut self, sql: &str) -> u64 {
        let messages = self.messages(sql);
        let counts = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::CommandComplete(count) => Some(*count),
            _ => None,
        });
        counts.last().unwrap_or_else(|| panic!("nothing was run: {sql}"))
    }

    /// The rows of a query, the values of each joined by `|`; null is empty.
    #[track_caller]
    pub fn column(&mut self, sql: &str) -> Vec<String> {
        let messages = self.messages(sql);
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            let values = (0..row.len()).map(|column| row.get(column).unwrap_or_default());
            values.collect::<Vec<_>>().join("|")
        })
        .collect()
    }

    /// The one value of a query that gives one row; null is empty.
    #[track_caller]
    pub fn value(&mut self, sql: &str) -> String {
        let mut rows = self.column(sql);
        assert_eq!(rows.len(), 1, "rows of {sql}: {rows:?}");
        rows.remove(0)
    }

    /// The same for a whole number.
    #[track_caller]
    pub fn number(&mut self, sql: &str) -> i64 {
        let value = self.value(sql);
        value.parse().unwrap_or_else(|_| panic!("{value} is no number: {sql}"))
    }

    /// The SQLSTATE with which statements fail; panics if they work.
    #[track_caller]
    pub fn refused(&mut self, sql: &str) -> String {
        self.failure(sql).code().code().to_owned()
    }

    /// The error with which statements fail; panics if they work.
    #[track_caller]
    pub fn failure(&mut self, sql: &str) -> DbError {
        match self.client.simple_query(sql) {
            Ok(messages) => panic!("this should have failed: {sql}\nbut gave {messages:?}"),
            Err(error) => database_error(error, sql),
        }
    }

    /// Runs statements whose outcome the caller decides on: how many rows the last touched, or the
    /// SQLSTATE.
    #[track_caller]
    pub fn attempt(&mut self, sql: &str) -> Result<u64, String> {
        match self.client.simple_query(sql) {
            Ok(messages) => Ok(messages
                .iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::CommandComplete(count) => Some(*count),
                    _ => None,
                })
                .next_back()
                .unwrap_or(0)),
            Err(error) => Err(database_error(error, sql).code().code().to_owned()),
        }
    }

    /// Sends lines by COPY … FROM STDIN; how many rows came in, or the SQLSTATE.
    #[track_caller]
    pub fn copy_in(&mut self, copy: &str, lines: &str) -> Result<u64, String> {
        let send = |client: &mut Client| {
            let mut writer = client.copy_in(copy)?;
            // What fails here, finish() tells better.
            let _ = writer.write_all(lines.as_bytes());
            writer.finish()
        };
        send(&mut self.client).map_err(|error| database_error(error, copy).code().code().to_owned())
    }

    /// What COPY … TO STDOUT gives.
    #[track_caller]
    pub fn copy_out(&mut self, copy: &str) -> String {
        let mut text = String::new();
        let mut reader = match self.client.copy_out(copy) {
            Ok(reader) => reader,
            Err(error) => panic!("{copy}\n{error:?}"),
        };
        reader.read_to_string(&mut text).unwrap_or_else(|error| panic!("{copy}\n{error:?}"));
        text
    }

    #[track_caller]
    fn messages(&mut self, sql: &str) -> Vec<SimpleQueryMessage> {
        match self.client.simple_query(sql) {
            Ok(messages) => messages,
            Err(error) => match error.as_db_error() {
                Some(error) => panic!(
                    "{sql}\n{} {}\n{}\n{}",
                    error.code().code(),
                    error.message(),
                    error.detail().unwrap_or_default(),
                    error.where_().unwrap_or_default()
                ),
                None => panic!("{sql}\n{error:?}"),
            },
        }
    }
}

#[track_caller]
fn database_error(error: Error, sql: &str) -> DbError {
    match error.as_db_error() {
        Some(error) => error.clone(),
        None => panic!("not an error of the database: {error:?}: {sql}"),
    }
}
