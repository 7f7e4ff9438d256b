//! Settings of documents: time of processing, and chunking options.

use super::chunk_text::checked_options;
use crate::pg::error::Result;
use carrel_core::chunking::{Encoding, Format, Options, Unit};
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::ffi::CString;

/// Values of carrel.processing: `inline` processes a document as it is written.
#[derive(Clone, Copy, PartialEq, PostgresGucEnum)]
enum Processing {
    #[name = c"inline"]
    Inline,
    #[name = c"deferred"]
    Deferred,
}

/// Values of carrel.chunk_unit.
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

static LANGUAGE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"english"));

/// Value of a language that is detected.
pub const DETECTED: &str = "auto";

/// Registers `carrel.processing`, `carrel.language` and `carrel.chunk_*`.
pub fn register() {
    GucRegistry::define_string_guc(
        c"carrel.language",
        c"Language of documents for which none is given: a text search configuration, or auto.",
        c"auto detects it. Texts whose language cannot be detected are in this language, or in english.",
        &LANGUAGE,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"carrel.processing",
        c"Time at which documents are processed: inline (as they are written) or deferred.",
        c"Deferred documents are pending until process_documents() processes them.",
        &PROCESSING,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"carrel.chunk_size",
        c"Maximum size of documents' chunks, in carrel.chunk_unit.",
        c"At least 1; in tokens, at least 4. Stored documents keep their chunks until their text changes, or rechunk_document() is called.",
        &CHUNK_SIZE,
        1,
        i32::MAX,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"carrel.chunk_overlap",
        c"Maximum overlap of a chunk with the one before it, in carrel.chunk_unit.",
        c"Less than carrel.chunk_size.",
        &CHUNK_OVERLAP,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"carrel.chunk_unit",
        c"Unit of chunk size and overlap: characters, words or tokens (of cl100k).",
        c"",
        &CHUNK_UNIT,
        GucContext::Userset,
        GucFlags::default(),
    );
}

/// Language of documents for which none is given.
pub fn language() -> String {
    let language = LANGUAGE.get().map(|language| language.to_string_lossy().into_owned());
    language.filter(|language| !language.is_empty()).unwrap_or_else(|| "english".to_owned())
}

/// Language of a text whose language cannot be detected.
pub fn language_if_unsure() -> String {
    let language = language();
    if language == DETECTED { "english".to_owned() } else { language }
}

/// True if documents wait for process_documents().
pub fn is_deferred() -> bool {
    PROCESSING.get() == Processing::Deferred
}

/// Chunk size, if the caller gives none.
pub fn chunk_size() -> i32 {
    CHUNK_SIZE.get()
}

/// Overlap of chunks, if the caller gives none.
pub fn chunk_overlap() -> i32 {
    CHUNK_OVERLAP.get()
}

/// Unit of chunk size and overlap, if the caller gives none.
pub fn chunk_unit(encoding: Encoding) -> Unit {
    match CHUNK_UNIT.get() {
        ChunkUnit::Characters => Unit::Characters,
        ChunkUnit::Words => Unit::Words,
        ChunkUnit::Tokens => Unit::Tokens(encoding),
    }
}

/// Chunking options for a document of a format. Fails with 22023 if the settings contradict each
/// other.
pub fn chunking_options(format: Format) -> Result<Options> {
    checked_options(chunk_size(), chunk_overlap(), chunk_unit(Encoding::Cl100k), format)
}
