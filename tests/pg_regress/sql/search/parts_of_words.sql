-- A word that occurs nowhere, and is near to none that does, finds words that have most of its letters.
begin;
create function pg_temp.found(query text) returns text language sql as $$
    select string_agg(filename || ' ' || matched || coalesce(' ' || meant::text, ''), ', ' order by score desc, filename) from carrel.search_chunks(query)
$$;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text, language) values ('Bob', 'Eine Tiefkühltruhe', 'german');
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (filename, content_text, language) values
    ('one', 'Die Datensicherung läuft jede Nacht.', 'german'), ('two', 'Eine Versicherung gegen Wasserschäden', 'german'),
    ('three', 'Die Zeitung und die Wohnung', 'german'), ('four', 'Der Vertrag', 'german'), ('five', 'Ein ganz anderer Text', 'german');
select query, pg_temp.found(query) from unnest(array['Sicherung', 'Sicherungen', 'Wasser', 'Schäden', 'Heizung', 'Kühltruhe', 'Vertragsende', '1234', 'xy']) as query;
-- The word itself, where it occurs, is all that is found.
insert into carrel.documents (filename, content_text, language) values ('six', 'Die Sicherung', 'german');
select query, pg_temp.found(query) from unnest(array['Sicherung', '"Datensicherung"', 'Sicherung*']) as query;
select filename, snippet from carrel.search_chunks('Wasser');
rollback;
