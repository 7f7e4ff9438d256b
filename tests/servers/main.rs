//! carrel's life on real servers, by theme.

mod adoption;
mod agents;
mod attacks;
mod auth_users;
mod concurrency;
mod crash;
mod doctor;
mod dump;
mod embeddings;
mod faults;
mod held_rows;
mod import;
mod locales;
mod migrate;
mod older_tables;
mod parts_of_dumps;
mod renamed;
mod replication;
mod rights;
mod search;
mod standby;
mod tenants;
mod usage;

/// Counts the completed documents of which the chunks are not those of their text.
const WRONGLY_CHUNKED: &str = "
    select count(*) from carrel.documents as d
    where processing_status = 'completed' and (
        select array_agg((chunk_index, content, heading_path, start_offset, end_offset, size)::text order by chunk_index)
        from carrel.document_chunks as c where c.document_id = d.id
    ) is distinct from (
        select array_agg((chunk_index, content, heading_path, start_offset, end_offset, size)::text order by chunk_index)
        from carrel.chunk_text(
            d.content_text, format => case when filename like '%.md' then 'markdown' else 'plain' end
        )
    )";
