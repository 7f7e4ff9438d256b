//! One search: from its arguments to ranked hits.
//!
//! Ranking runs as the owner. Every statement restricts rows to the user.

use super::filter::Filter;
use super::hybrid::{fuse_chunks, fuse_documents};
use super::nearest::{self, Nearest};
use super::positive;
use super::query::{self, LanguageQuery};
use super::ranking::{self, Ranked, SearchHit};
use super::statistics;
use super::typos::{self, Corrections};
use crate::documents::embeddings::{EmbeddingType, not_enabled};
use crate::identity;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use pgrx::datum::{Interval, Uuid};
use std::collections::{HashMap, HashSet};

/// Arguments of a search.
pub struct Search<'a> {
    pub user: Uuid,
    pub query: Option<&'a str>,
    /// True if quotes and signs are operators.
    pub has_operators: bool,
    pub embedding: Option<&'a str>,
    pub filter: &'a Filter,
    /// Age at which a document has lost half of the boost of new ones.
    pub recency: Option<Interval>,
}

/// Extent of a search by an embedding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that an index finds: always as many, so that pages do not contradict each other.
    Nearest,
    All,
}

/// Result of a search.
pub struct Found {
    /// Query as parsed in each language.
    pub queries: Vec<LanguageQuery>,
    /// In no order.
    pub hits: Vec<SearchHit>,
    /// True if the hits are all that match. An index finds only the chunks with the nearest embeddings.
    pub is_complete: bool,
    /// Number of matches; there are more if the hits are not complete.
    pub total: usize,
    pub corrections: Corrections,
}

impl<'a> Search<'a> {
    /// Search of the caller, by arguments as they are given. Fails with 28000 without an identity.
    pub fn of_caller(
        query: Option<&'a str>,
        operators: Option<bool>,
        embedding: Option<&'a str>,
        recency: Option<Interval>,
        filter: &'a Filter,
    ) -> Result<Self> {
        let user = identity::require()?;
        let recency = positive("recency", recency)?;
        Ok(Self {
            user,
            query,
            has_operators: operators.unwrap_or(true),
            embedding,
            filter,
            recency,
        })
    }

    /// Finds chunks: with an embedding, those that an index finds, or all.
    pub fn chunks(&self, wanted: Wanted) -> Result<Found> {
        // The newest chunk may be anywhere.
        let wanted = if self.recency.is_some() { Wanted::All } else { wanted };
        self.run(wanted, fuse_chunks, ranking::rank_chunks)
    }

    /// Finds all matching documents.
    pub fn documents(&self) -> Result<Found> {
        self.run(Wanted::All, fuse_documents, ranking::rank_documents)
    }

    fn run(
        &self,
        wanted: Wanted,
        fuse: impl Fn(&mut Ranked, Nearest, &[LanguageQuery]),
        rank: impl Fn(&Db, Uuid, &mut [LanguageQuery], Option<&HashSet<[u8; 16]>>) -> Result<Ranked>,
    ) -> Result<Found> {
        let (embedding_type, mut queries, allowed, mut ranked) = self.as_owner(|db| {
            let embedding_type = self.check_embedding(db)?;
            let mut queries = query::parse(db, self.user, self.query, self.has_operators)?;
            let allowed = self.filter.documents(db, self.user)?;
            let ranked = rank(db, self.user, &mut queries, allowed.as_ref())?;
            Ok((embedding_type, queries, allowed, ranked))
        })?;
        let (corrections, is_changed) = typos::correct(self.user, &mut queries, &ranked.found)?;
        if is_changed {
            ranked = self.as_owner(|db| rank(db, self.user, &mut queries, allowed.as_ref()))?;
        }
        let mut is_complete = true;
        self.as_owner(|db| {
            if let (Some(embedding_type), Some(embedding)) = (&embedding_type, self.embedding) {
                let texts = statistics::of_user(db, self.user)?;
                let nearest = nearest::read_nearest(
                    db,
                    self.user,
                    embedding_type,
                    embedding,
                    allowed.as_ref(),
                    texts.iter().map(|of| of.chunks.texts).sum(),
                    wanted == Wanted::All,
                )?;
                is_complete = nearest.is_all;
                fuse(&mut ranked, nearest, &queries);
            }
            self.boost_recent(db, &mut ranked.hits)
        })?;
        let Ranked { hits, total, .. } = ranked;
        Ok(Found { queries, hits, is_complete, total, corrections })
    }

    fn as_owner<T>(&self, work: impl FnOnce(&Db) -> Result<T>) -> Result<T> {
        spi::as_owner(Access::Read, |db| db.planned_once(|| work(db)))
    }

    /// Checks the embedding. Returns its type; None if there is none.
    fn check_embedding(&self, db: &Db) -> Result<Option<EmbeddingType>> {
        let Some(embedding) = self.embedding else { return Ok(None) };
        let embedding_type = EmbeddingType::find(db)?.ok_or_else(not_enabled)?;
        embedding_type.check("query_embedding", embedding)?;
        Ok(Some(embedding_type))
    }

    /// Multiplies scores by a boost: 1 for a document of now, and down to one half for old ones.
    fn boost_recent(&self, db: &Db, hits: &mut [SearchHit]) -> Result<()> {
        let Some(half_life) = self.recency else { return Ok(()) };
        let documents: HashSet<[u8; 16]> = hits.iter().map(|hit| hit.document).collect();
        let documents: Vec<Uuid> = documents.into_iter().map(Uuid::from_bytes).collect();
        let ages: Vec<([u8; 16], f64)> = db.rows(
            include_str!("../../sql/search/ages.sql"),
            &[self.user.into(), documents.into(), half_life.into()],
            |row| Ok((*row.need::<Uuid>(1)?.as_bytes(), row.need(2)?)),
        )?;
        let ages: HashMap<[u8; 16], f64> = ages.into_iter().collect();
        for hit in hits {
            let half_lives = ages.get(&hit.document).copied().unwrap_or(f64::INFINITY);
            hit.score *= (0.5 + 0.5 * (-half_lives).exp2()) as f32;
        }
        Ok(())
    }
}
