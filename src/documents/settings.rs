//! The settings of documents: when they are processed, and into what chunks.

use super::chunk_text::checked_options;
use crate::pg::error::Result;
use carrel_core::chunking::{Encoding, Format, Options, Unit};
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};

/// When documents are processed.
#[derive(Clone, Copy, PartialEq, PostgresGucEnum)]
enum Processing {
    #[name = c"inline"]
    Inline,
    #[name = c"deferred"]
    Deferred,
}

/// In what chunks are measured.
#[derive(Clone, Copy, PartialEq, PostgresGucEnum)]
enum ChunkUnit {
    #[name = c"characters"]
    Characters,
    #[name = c"words"]
    Words,
    #[name = c"tokens"]
    Tokens,
}

static PROCESSING: GucSetting<Processing> = GucSetting::<Processing>::new(Processing::Inline);
static CHUNK_SIZE: GucSetting<i32> = GucSetting::<i32>::new(1600);
static CHUNK_OVERLAP: GucSetting<i32> = GucSetting::<i32>::new(0);
static CHUNK_UNIT: GucSetting<ChunkUnit> = GucSetting::<ChunkUnit>::new(ChunkUnit::Characters);

/// Registers `carrel.processing` and `carrel.chunk_*`.
pub fn register() {
    GucRegistry::define_enum_guc(
        c"carrel.processing",
        c"When documents are processed: inline, as they are written, or deferred.",
        c"Deferred documents are pending until process_documents() takes them.",
        &PROCESSING,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"carrel.chunk_size",
        c"The size of documents' chunks at most, in carrel.chunk_unit.",
        c"At least 1; in tokens, at least 4. Documents that are there keep their chunks until their text changes, or rechunk_document() is called.",
        &CHUNK_SIZE,
        1,
        i32::MAX,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"carrel.chunk_overlap",
        c"How much of the chunk before a chunk repeats at most, in carrel.chunk_unit.",
        c"Less than carrel.chunk_size.",
        &CHUNK_OVERLAP,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"carrel.chunk_unit",
        c"In what documents' chunks are measured: characters, words or tokens (of cl100k).",
        c"",
        &CHUNK_UNIT,
        GucContext::Userset,
        GucFlags::default(),
    );
}

/// Whether documents wait for process_documents().
pub fn is_deferred() -> bool {
    PROCESSING.get() == Processing::Deferred
}

/// How a document is cut where the caller does not say it.
pub fn chunk_size() -> i32 {
    CHUNK_SIZE.get()
}

/// The same for the overlap.
pub fn chunk_overlap() -> i32 {
    CHUNK_OVERLAP.get()
}

/// The same for the unit.
pub fn chunk_unit(encoding: Encoding) -> Unit {
    match CHUNK_UNIT.get() {
        ChunkUnit::Characters => Unit::Characters,
        ChunkUnit::Words => Unit::Words,
        ChunkUnit::Tokens => Unit::Tokens(encoding),
    }
}

/// How a document of this format is cut. Settings that contradict each other are error 22023.
pub fn chunking(format: Format) -> Result<Options> {
    checked_options(chunk_size(), chunk_overlap(), chunk_unit(Encoding::Cl100k), format)
}
