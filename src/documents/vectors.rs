//! Search vectors: parsing text with a text search configuration, once, and putting vectors together.

use crate::error::{Error, Result, SqlState, catch, check_for_interrupts};
use crate::spi::Db;
use carrel_core::chunking::{self, Format, Options, Unit};
use carrel_core::tsvector::{Assembler, View, Weight};
use pgrx::datum::IntoDatum;
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;

/// What is parsed at once. Postgres refuses vectors of 1 MB and more; no text of this many
/// characters comes near.
const WINDOW: i32 = 32_000;

/// A text search configuration, with room to parse in that is emptied after each text.
pub struct Parser {
    config: pg_sys::Oid,
    room: PgMemoryContexts,
}

impl Parser {
    /// The parser for a document's language: the name of a configuration of pg_catalog, or with its
    /// schema of any other. None where there is no such configuration.
    pub fn find(db: &Db, language: &str) -> Result<Option<Self>> {
        let config = db.first(
            "select c.oid from pg_ts_config as c join pg_namespace as n on n.oid = c.cfgnamespace
            where (n.nspname = 'pg_catalog' and c.cfgname::text = $1)
                or (format('%I.%I', n.nspname, c.cfgname) = $1 and n.nspname !~ '^pg_(toast_)?temp_')",
            &[language.into()],
            |row| row.need::<pg_sys::Oid>(1),
        )?;
        Ok(config.map(|config| Self { config, room: PgMemoryContexts::new("carrel parser") }))
    }

    /// The same, where an unknown language is error 22023.
    pub fn for_language(db: &Db, language: &str) -> Result<Self> {
        Self::find(db, language)?.ok_or_else(|| {
            Error::new(
                SqlState::InvalidParameterValue,
                format!("unknown language \"{language}\""),
            )
            .detail("A language is the name of a text search configuration, with its schema where that is not pg_catalog.")
            .hint("List them: select cfgnamespace::regnamespace, cfgname from pg_ts_config")
        })
    }

    /// The oid of the configuration.
    pub fn config(&self) -> pg_sys::Oid {
        self.config
    }

    /// Appends the vector of a text of any size.
    pub fn append(
        &mut self,
        assembler: &mut Assembler,
        text: &str,
        weight: Option<Weight>,
    ) -> Result<()> {
        if text.len() <= WINDOW as usize {
            return add(assembler, &self.parse(text)?, weight);
        }
        let options = Options::new(WINDOW, 0, Unit::Characters, Format::Plain)
            .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))?;
        for window in chunking::chunks(text, &options, check_for_interrupts) {
            add(assembler, &self.parse(&window.content)?, weight)?;
        }
        Ok(())
    }

    /// The body of to_tsvector(configuration, text).
    pub fn parse(&mut self, text: &str) -> Result<Vec<u8>> {
        let config = self.config;
        let room = self.room.value();
        // SAFETY: to_tsvector_byid takes a configuration's oid and a text, and gives a tsvector. All
        // of that is in the room, and is copied before the room is emptied; an error is not, for
        // `catch` is entered outside of it.
        unsafe {
            let text = self.room.switch_to(|_| text.into_datum()).unwrap_or(pg_sys::Datum::null());
            let vector = catch(|| {
                pg_sys::CurrentMemoryContext = room;
                DirectFunctionCall2Coll(
                    to_tsvector_byid,
                    pg_sys::InvalidOid,
                    pg_sys::Datum::from(config),
                    text,
                )
            })?;
            let vector = vector.cast_mut_ptr::<pg_sys::varlena>();
            let start = pgrx::vardata_any(vector).cast::<u8>();
            let body = std::slice::from_raw_parts(start, pgrx::varsize_any_exhdr(vector)).to_vec();
            self.room.reset();
            Ok(body)
        }
    }
}

/// Appends a vector that is there already.
pub fn add(assembler: &mut Assembler, body: &[u8], weight: Option<Weight>) -> Result<()> {
    let view = View::parse(body).map_err(|error| {
        Error::new(SqlState::InvalidParameterValue, format!("malformed tsvector: {error}"))
    })?;
    assembler.append(&view, weight);
    Ok(())
}

type Function = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

unsafe extern "C-unwind" {
    fn to_tsvector_byid(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum;
    fn DirectFunctionCall2Coll(
        function: Function,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
    ) -> pg_sys::Datum;
}
