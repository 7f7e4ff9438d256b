//! Settings of search.

use crate::pg::error::{Error, Result, SqlState};
use carrel_core::ranking::Parameters;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};

static K1: GucSetting<f64> = GucSetting::<f64>::new(1.2);
static B: GucSetting<f64> = GucSetting::<f64>::new(0.75);

static WORDS_WEIGHT: GucSetting<f64> = GucSetting::<f64>::new(1.0);
static EMBEDDINGS_WEIGHT: GucSetting<f64> = GucSetting::<f64>::new(1.0);

/// Registers `carrel.bm25_k1`, `carrel.bm25_b`, `carrel.words_weight` and `carrel.embeddings_weight`.
pub fn register() {
    GucRegistry::define_float_guc(
        c"carrel.bm25_k1",
        c"Weight of repeated words in a text: k1 of BM25.",
        c"0 ignores repetitions.",
        &K1,
        0.0,
        1000.0,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_float_guc(
        c"carrel.bm25_b",
        c"Penalty for long texts: b of BM25.",
        c"From 0 (none) to 1.",
        &B,
        0.0,
        1.0,
        GucContext::Userset,
        GucFlags::default(),
    );
    for (name, setting, description) in [
        (c"carrel.words_weight", &WORDS_WEIGHT, c"Weight of words in a search with an embedding."),
        (
            c"carrel.embeddings_weight",
            &EMBEDDINGS_WEIGHT,
            c"Weight of embeddings in a search with an embedding.",
        ),
    ] {
        GucRegistry::define_float_guc(
            name,
            description,
            c"The score is a weighted sum of both.",
            setting,
            0.0,
            1000.0,
            GucContext::Userset,
            GucFlags::default(),
        );
    }
}

/// Weights of words and embeddings in a score.
pub struct Weights {
    pub words: f64,
    pub embeddings: f64,
}

/// Weights, as set.
pub fn weights() -> Weights {
    Weights { words: WORDS_WEIGHT.get(), embeddings: EMBEDDINGS_WEIGHT.get() }
}

/// Constants of BM25, as set. Fails with 22023.
pub fn parameters() -> Result<Parameters> {
    Parameters::new(K1.get(), B.get())
        .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))
}
