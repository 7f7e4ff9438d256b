-- What is searched can be narrowed: by documents, MIME types, metadata and the time of creation.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, file_type, metadata, created_at, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'One', 'text/plain', '{"tag": ["a", "b"], "team": {"id": 1}}', '2024-01-01 00:00+00', 'the word'),
    ('d0000000-0000-0000-0000-000000000002', 'Two', 'text/markdown', '{"tag": ["b"]}', '2024-02-01 00:00+00', 'the word'),
    ('d0000000-0000-0000-0000-000000000003', 'Three', null, '{}', '2024-03-01 00:00+00', 'the word');

create function pg_temp.chunks(arguments text) returns text language plpgsql as $$
begin
    return public.outcome(format('select string_agg(filename, '', '' order by document_id) from carrel.search_chunks(''word'', %s)', arguments));
end
$$;
create function pg_temp.documents(arguments text) returns text language plpgsql as $$
begin
    return public.outcome(format('select string_agg(filename, '', '' order by document_id) from carrel.search_documents(''word'', %s)', arguments));
end
$$;

select arguments, pg_temp.chunks(arguments) from (values
    ($$document_ids => '{d0000000-0000-0000-0000-000000000001, d0000000-0000-0000-0000-000000000003}'$$),
    ($$document_ids => '{}'$$),
    ($$document_ids => '{d0000000-0000-0000-0000-000000000009}'$$),
    ($$document_ids => null$$)
) as given (arguments);

select arguments, pg_temp.chunks(arguments) as chunks, pg_temp.documents(arguments) as documents from (values
    ($$file_types => '{text/plain}'$$), ($$file_types => '{text/plain, text/markdown}'$$), ($$file_types => '{TEXT/PLAIN}'$$), ($$file_types => '{}'$$), ($$file_types => null$$),
    ($$metadata => '{"tag": ["b"]}'$$), ($$metadata => '{"tag": ["a", "b"]}'$$), ($$metadata => '{"team": {"id": 1}}'$$), ($$metadata => '{"tag": "b"}'$$), ($$metadata => '{}'$$), ($$metadata => null$$),
    ($$created_after => '2024-02-01 00:00+00'$$), ($$created_before => '2024-02-01 00:00+00'$$),
    ($$created_after => '2024-01-15 00:00+00', created_before => '2024-02-15 00:00+00'$$),
    ($$created_after => '-infinity', created_before => 'infinity'$$),
    ($$created_after => '2024-03-01 00:00+00', created_before => '2024-01-01 00:00+00'$$),
    ($$file_types => '{text/markdown}', metadata => '{"tag": ["a"]}'$$)
) as given (arguments);
rollback;
