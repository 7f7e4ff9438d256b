//! The settings of search.

use crate::pg::error::{Error, Result, SqlState};
use carrel_core::ranking::Parameters;
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};

static K1: GucSetting<f64> = GucSetting::<f64>::new(1.2);
static B: GucSetting<f64> = GucSetting::<f64>::new(0.75);

static WORDS_WEIGHT: GucSetting<f64> = GucSetting::<f64>::new(1.0);
static EMBEDDINGS_WEIGHT: GucSetting<f64> = GucSetting::<f64>::new(1.0);

/// Registers `carrel.bm25_k1`, `carrel.bm25_b`, and the weights of the two orders that are fused.
pub fn register() {
    GucRegistry::define_float_guc(
        c"carrel.bm25_k1",
        c"How much it counts in a search that a word occurs again in a text.",
        c"The k1 of BM25: 0 counts no repetition.",
        &K1,
        0.0,
        1000.0,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_float_guc(
        c"carrel.bm25_b",
        c"How much less the words of a long text count in a search.",
        c"The b of BM25, from 0, not at all, to 1.",
        &B,
        0.0,
        1.0,
        GucContext::Userset,
        GucFlags::default(),
    );
    for (name, setting, what) in [
        (
            c"carrel.words_weight",
            &WORDS_WEIGHT,
            c"How much it counts in a search with an embedding how well the words match.",
        ),
        (
            c"carrel.embeddings_weight",
            &EMBEDDINGS_WEIGHT,
            c"How much it counts in a search with an embedding how near the embeddings are.",
        ),
    ] {
        GucRegistry::define_float_guc(
            name,
            what,
            c"The weight of this order in reciprocal rank fusion.",
            setting,
            0.0,
            1000.0,
            GucContext::Userset,
            GucFlags::default(),
        );
    }
}

/// How much each of the orders counts that are fused.
pub struct Weights {
    pub words: f64,
    pub embeddings: f64,
}

/// The weights of the orders that are fused.
pub fn weights() -> Weights {
    Weights { words: WORDS_WEIGHT.get(), embeddings: EMBEDDINGS_WEIGHT.get() }
}

/// The constants of BM25.
pub fn parameters() -> Result<Parameters> {
    Parameters::new(K1.get(), B.get())
        .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))
}
