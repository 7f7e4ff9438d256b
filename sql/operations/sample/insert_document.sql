-- Inserts a document of the sample, unless it exists.
--
-- $1 id   $2 user_id   $3 filename   $4 text   $5 topic   $6 age in days
insert into carrel.documents (id, user_id, filename, file_type, content_text, metadata, created_at)
values ($1, $2, $3, 'text/markdown', $4, jsonb_build_object('topic', $5::text), now() - $6 * interval '1 day')
on conflict (id) do nothing
