//! A session: one connection of one role.
//!
//! Statements go by the simple protocol, so that tests read as SQL does and values come as text;
//! [`Session::client`] is there for tests of the extended protocol.

use crate::identity;
use postgres::error::DbError;
use postgres::{Client, Config, Error, NoTls, Row, SimpleQueryMessage, Statement, types::ToSql};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub struct Session {
    client: Client,
    directory: PathBuf,
    database: String,
    role: String,
    /// Where identities are verified tokens: the statement that each transaction has to begin with.
    prefix: Option<String>,
}

impl Session {
    pub(crate) fn open(directory: &Path, database: &str, role: &str) -> Result<Self, Error> {
        Self::open_with(directory, database, role, "")
    }

    /// The same with options of the server's, as PGOPTIONS has them.
    pub(crate) fn open_with(
        directory: &Path,
        database: &str,
        role: &str,
        options: &str,
    ) -> Result<Self, Error> {
        let mut config = Config::new();
        config.host_path(directory).dbname(database).user(role);
        if !options.is_empty() {
            config.options(options);
        }
        Ok(Self {
            client: config.connect(NoTls)?,
            directory: directory.to_owned(),
            database: database.to_owned(),
            role: role.to_owned(),
            prefix: None,
        })
    }

    /// The connection itself.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Makes the session a user's: by claims as PostgREST sets them, or by a token that is verified in each transaction.
    #[track_caller]
    pub fn claim(&mut self, user_id: &str) {
        if identity::by_token() {
            self.give_key();
            self.prefix = Some(identity::authenticate(user_id));
        } else {
            self.run(&format!(r#"set request.jwt.claims = '{{"sub": "{user_id}"}}'"#));
        }
    }

    /// Gives the database the key that tokens are verified with.
    #[track_caller]
    pub fn give_key(&self) {
        let superuser = Self::open(&self.directory, &self.database, "postgres");
        superuser.unwrap_or_else(|error| panic!("{error:?}")).run(&identity::key());
    }

    /// Makes the session nobody's.
    #[track_caller]
    pub fn forget(&mut self) {
        self.prefix = None;
        self.run("reset request.jwt.claims");
    }

    /// Runs statements as they are sent by [`Self::run`]; gives what came of them.
    pub fn simple(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Error> {
        let Some(prefix) = &self.prefix else { return self.client.simple_query(sql) };
        let begins = |word: &str| sql.trim_start().to_lowercase().starts_with(word);
        if begins("rollback") || begins("commit") {
            return self.client.simple_query(sql);
        }
        // A transaction's options come before everything else.
        let (first, rest, place) = match sql.split_once(';') {
            Some((first, rest)) if begins("begin") => (format!("{first};"), rest, 1),
            None if begins("begin") => (format!("{sql};"), "", 1),
            _ => (String::new(), sql, 0),
        };
        let messages = self.client.simple_query(&format!("{first} {prefix}; {rest}"))?;
        let mut ended = 0;
        Ok(messages
            .into_iter()
            .filter(|message| {
                let is_of_prefix = ended == place;
                ended += usize::from(matches!(message, SimpleQueryMessage::CommandComplete(_)));
                !is_of_prefix
            })
            .collect())
    }

    /// Runs a prepared statement.
    pub fn rows(
        &mut self,
        statement: &Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.identified(|client| client.query(statement, params))
    }

    /// Does work of the extended protocol as the session's user.
    fn identified<T>(
        &mut self,
        work: impl FnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(prefix) = &self.prefix else { return work(&mut self.client) };
        let is_in_block = self.client.batch_execute("savepoint probe; release probe").is_ok();
        if !is_in_block {
            self.client.batch_execute("begin")?;
        }
        self.client.batch_execute(prefix)?;
        let result = work(&mut self.client);
        if !is_in_block {
            self.client.batch_execute(if result.is_ok() { "commit" } else { "rollback" })?;
        }
        result
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
        match self.simple(sql) {
            Ok(messages) => panic!("this should have failed: {sql}\nbut gave {messages:?}"),
            Err(error) => database_error(error, sql),
        }
    }

    /// Runs statements whose outcome the caller decides on: how many rows the last touched, or the
    /// SQLSTATE.
    #[track_caller]
    pub fn attempt(&mut self, sql: &str) -> Result<u64, String> {
        match self.simple(sql) {
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
        let sent = match &self.prefix {
            None => send(&mut self.client),
            // In a session of its own: after a COPY that failed, the driver can't end a transaction.
            Some(prefix) => {
                let mut other = Self::open(&self.directory, &self.database, &self.role)
                    .unwrap_or_else(|error| panic!("{error:?}"));
                other.run(&format!("begin; {prefix}"));
                send(&mut other.client).inspect(|_| other.run("commit"))
            }
        };
        sent.map_err(|error| database_error(error, copy).code().code().to_owned())
    }

    /// What COPY … TO STDOUT gives.
    #[track_caller]
    pub fn copy_out(&mut self, copy: &str) -> String {
        let receive = |client: &mut Client| {
            let mut text = String::new();
            let read = client.copy_out(copy)?.read_to_string(&mut text);
            read.unwrap_or_else(|error| panic!("{copy}\n{error:?}"));
            Ok(text)
        };
        self.identified(receive).unwrap_or_else(|error| panic!("{copy}\n{error:?}"))
    }

    #[track_caller]
    fn messages(&mut self, sql: &str) -> Vec<SimpleQueryMessage> {
        match self.simple(sql) {
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
