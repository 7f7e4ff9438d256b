-- Type of document_chunks.embedding, if the column is of pgvector's type vector or halfvec, with
-- dimensions.
--
-- No parameters. Returns pgvector's schema, quoted; the name of the type; the dimensions.
select quote_ident(n.nspname), t.typname::text, a.atttypmod
from pg_attribute as a
join pg_type as t on a.atttypid = t.oid
join pg_namespace as n on t.typnamespace = n.oid
where a.attrelid = to_regclass('carrel.document_chunks') and a.attname = 'embedding'
    and not a.attisdropped and t.typname in ('vector', 'halfvec') and a.atttypmod > 0
    and exists (
        select from pg_depend as d join pg_extension as e on d.refobjid = e.oid
        where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e' and e.extname = 'vector'
    )
