-- Arguments and columns that all search functions have: filters, operators, recency, total.
begin;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (id, filename, file_type, metadata, created_at, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'one.md', 'text/markdown', '{"kind": "note", "done": true}', '2026-01-01', 'A kettle.'),
    ('d0000000-0000-0000-0000-000000000002', 'two.txt', 'text/plain', '{"kind": "note"}', '2026-02-01', 'A kettle.'),
    ('d0000000-0000-0000-0000-000000000003', 'three.txt', 'text/plain', '{"kind": "mail"}', '2026-03-01', 'A kettle.');
create function pg_temp.found(filters text) returns text language plpgsql as $$
declare found text[];
begin
    execute format($f$ select array[
        (select string_agg(filename, ' ' order by filename) from carrel.search_chunks('kettle', %1$s)),
        (select string_agg(filename, ' ' order by filename) from carrel.search_documents('kettle', %1$s)),
        (select string_agg(citation ->> 'filename', ' ' order by citation ->> 'filename') from carrel.build_context('kettle', %1$s), jsonb_array_elements(citations) as citation)] $f$, filters) into found;
    return case when found[1] = found[2] and found[2] = found[3] then found[1] else found::text end;
end $$;
select filters, pg_temp.found(filters) from unnest(array[
    $$document_ids => '{d0000000-0000-0000-0000-000000000002}'$$, $$file_types => '{text/plain}'$$, $$metadata => '{"kind": "note"}'$$,
    $$exclude_metadata => '{"kind": "note"}'$$, $$exclude_metadata => '{"done": true}', metadata => '{"kind": "note"}'$$, $$exclude_metadata => '{}'$$,
    $$created_after => '2026-02-01'$$, $$created_before => '2026-02-01'$$, $$exclude_metadata => null, operators => null, recency => null$$]) as filters;

-- The total is that of all pages.
select filename, total, total_is_exact from carrel.search_chunks('kettle', 1, 1);
select filename, total, total_is_exact from carrel.search_documents('kettle', 2, 2);

-- Newer documents first, by at most a factor of two.
select filename, score > 0 from carrel.search_chunks('kettle', recency => '1 month');
select filename from carrel.search_documents('kettle', recency => '1 month');
select max(score) <= 2.0001 * min(score) as bounded from carrel.search_chunks('kettle', recency => '1 second');
do $$
declare refused text;
begin
    foreach refused in array array['0 seconds', '-1 day'] loop
        begin
            perform carrel.search_chunks('kettle', recency => refused::interval);
        exception when invalid_parameter_value then raise notice '%', sqlerrm;
        end;
    end loop;
end $$;

-- Without operators, quotes and signs are punctuation.
insert into carrel.documents (filename, content_text) values ('quoted', 'stove and kettle');
select query, (select string_agg(filename, ' ' order by filename) from carrel.search_chunks(query)) as operators,
    (select string_agg(filename, ' ' order by filename) from carrel.search_chunks(query, operators => false)) as none
from unnest(array['"kettle stove"', 'kettle -stove', 'stov*', 'stove or kettle']) as query;

-- Documents like another one.
insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000004', 'a', 'Copper conducts heat, as silver does. Copper is cheaper.'),
    ('d0000000-0000-0000-0000-000000000005', 'b', 'The heat of copper wires'),
    ('d0000000-0000-0000-0000-000000000006', 'c', 'Silver coins'), ('d0000000-0000-0000-0000-000000000007', 'empty', null);
select filename, snippet, matched_chunks from carrel.similar_documents('d0000000-0000-0000-0000-000000000004');
select filename from carrel.similar_documents('d0000000-0000-0000-0000-000000000004', 1, 1);
select filename from carrel.similar_documents('d0000000-0000-0000-0000-000000000004', exclude_metadata => '{}');
select count(*) from carrel.similar_documents('d0000000-0000-0000-0000-000000000007');
savepoint wrong;
select carrel.similar_documents('d0000000-0000-0000-0000-00000000000f');
rollback to wrong;
select carrel.similar_documents(null);
rollback to wrong;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select carrel.similar_documents('d0000000-0000-0000-0000-000000000004');
rollback;
