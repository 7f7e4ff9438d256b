-- Oids of documents and document_chunks, and true if they have policies that carrel does not define.
--
-- $1 carrel's policies, as table.policy
select
    'carrel.documents'::regclass::oid, 'carrel.document_chunks'::regclass::oid,
    count(*) > 0
from pg_policy as p
join pg_class as c on p.polrelid = c.oid
where c.oid in ('carrel.documents'::regclass, 'carrel.document_chunks'::regclass)
    and c.relname || '.' || p.polname <> all($1)
