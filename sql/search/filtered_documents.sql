-- Documents of a user that match the filters of a search. A null filter matches all.
--
-- $1 user_id   $2 ids   $3 file types   $4 metadata that a document has to contain
-- $5 created_at, inclusive   $6 created_at, exclusive
-- $7 metadata that a document must not contain
select id
from carrel.documents
where user_id = $1
    and ($2::uuid[] is null or id = any($2))
    and ($3::text[] is null or file_type = any($3))
    and ($4::jsonb is null or metadata @> $4)
    and ($5::timestamptz is null or created_at >= $5)
    and ($6::timestamptz is null or created_at < $6)
    and ($7::jsonb is null or not metadata @> $7)
