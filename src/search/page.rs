//! Pages of results, as the caller may see them.

use super::found::Found;
use super::not_negative;
use super::passages::{count_visible_chunks, fetch_documents};
use super::ranking::{SearchHit, split_off_best};
use super::visibility::has_added_policies;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};

/// Number of hits up to which the visible ones are counted, if policies may hide some.
const MAX_COUNTED: usize = 1_000;

/// Number of matches that the caller may see.
#[derive(Clone, Copy)]
pub struct Total {
    pub count: i32,
    /// False if there may be more.
    pub is_exact: bool,
}

impl Total {
    /// Counts chunks or documents, before a page is taken from them.
    pub fn of(found: &Found) -> Result<Self> {
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        if !spi::as_owner(Access::Read, has_added_policies)? {
            return Ok(Self { count: count(found.total), is_exact: found.is_complete });
        }
        let mut hits = found.hits.clone();
        split_off_best(&mut hits, MAX_COUNTED);
        let is_of_chunks = hits.first().is_some_and(|hit| hit.chunk.is_some());
        let visible = spi::as_caller(Access::Read, |db| {
            db.planned_once(|| match is_of_chunks {
                true => count_visible_chunks(db, &hits),
                false => fetch_documents(db, &hits).map(|documents| documents.len()),
            })
        })?;
        let is_exact = found.is_complete && hits.len() == found.hits.len();
        Ok(Self { count: count(visible), is_exact })
    }
}

/// Page of the ranked results.
pub struct Page {
    offset: usize,
    pub size: usize,
}

impl Page {
    pub fn new(max_results: Option<i32>, result_offset: Option<i32>) -> Result<Self> {
        Ok(Self {
            offset: not_negative("result_offset", result_offset)?,
            size: not_negative("max_results", max_results)?,
        })
    }

    /// Fetches the hits of this page, among the hits that the caller may see.
    ///
    /// `fetch` leaves out hits that policies hide; later hits take their places. `count_visible` counts
    /// the visible ones among the hits that the page's offset skips.
    pub fn fill<T>(
        &self,
        mut hits: Vec<SearchHit>,
        count_visible: impl Fn(&Db, &[SearchHit]) -> Result<usize>,
        fetch: impl Fn(&Db, &[SearchHit]) -> Result<Vec<(usize, T)>>,
    ) -> Result<Vec<(SearchHit, T)>> {
        let mut skip = self.offset;
        let mut page = Vec::new();
        // Fetches more each time: if few hits are visible, their number must not decide the number of
        // statements.
        let mut at_least = 0;
        while page.len() < self.size && !hits.is_empty() {
            let is_skipped = skip > 0;
            let rest = split_off_best(
                &mut hits,
                if is_skipped { skip } else { at_least.max(self.size - page.len()) },
            );
            at_least = (2 * at_least).max(256);
            if is_skipped {
                skip -= spi::as_caller(Access::Read, |db| {
                    db.planned_once(|| count_visible(db, &hits))
                })?;
            } else {
                let mut fetched =
                    spi::as_caller(Access::Read, |db| db.planned_once(|| fetch(db, &hits)))?;
                fetched.reverse();
                for (index, hit) in hits.into_iter().enumerate() {
                    if let Some((_, row)) = fetched.pop_if(|(fetched, _)| *fetched == index) {
                        page.push((hit, row));
                    }
                }
            }
            hits = rest;
        }
        page.truncate(self.size);
        Ok(page)
    }
}
