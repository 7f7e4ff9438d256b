-- A word that occurs nowhere in the caller's texts is taken for the nearest word that does.
begin;
create function pg_temp.found(query text) returns text language sql as $$
    select string_agg(filename || ' ' || matched || coalesce(' ' || meant::text, ''), ', ' order by filename) from carrel.search_chunks(query)
$$;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
insert into carrel.documents (filename, content_text) values ('Bob', 'The receipt of Bob names a hypothesis, and a kettle.');
select carrel.act_as('11111111-1111-1111-1111-111111111111');
insert into carrel.documents (filename, content_text) values
    ('One', 'We received many letters about organizations.'), ('Two', 'A letter. The house is near the mouse.'),
    ('Drei', 'Die Wärmeleitfähigkeit von Kupfer'), ('about-kettles.md', 'Nothing');

-- One edit from five letters on, two from nine; swapped neighbours are one.
select query, pg_temp.found(query) from unnest(array['lettrs', 'letetrs', 'lteetrs', 'orgnizatons', 'orgnzatons', 'huose', 'hose', 'Warmeleitfahigkiet', 'WÄRMELEITFÄHIGKIET']) as query;
-- The nearest word, of these the most frequent one.
select query, pg_temp.found(query) from unnest(array['letterz', 'louse', 'mouze']) as query;
-- Words that occur stay, alone and beside mistyped ones. Names count.
select query, pg_temp.found(query) from unnest(array['house mouse', 'house lettrs', 'hose letter']) as query;
-- A mistyped stop word is none.
select query, pg_temp.found(query) from unnest(array['abuot houses', 'abuot']) as query;
-- Phrases, beginnings of words and exclusions are taken as they are.
select query, pg_temp.found(query) from unnest(array['"lettrs"', 'lettrs*', 'house -mouze']) as query;
select query, filename, matched, meant, total, total_is_exact, snippet from unnest(array['huose', 'kettlez']) as query, carrel.search_documents(query);

-- Nobody else's words.
select query, pg_temp.found(query) from unnest(array['hypohtesis', 'reciept', 'kettl']) as query;
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select query, pg_temp.found(query) from unnest(array['hypohtesis', 'reciept', 'lettrs', 'huose']) as query;

-- No word of a text that a policy hides.
select carrel.act_as('11111111-1111-1111-1111-111111111111');
create policy hidden on carrel.documents as restrictive for select using (filename <> 'Two');
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select query, pg_temp.found(query) from unnest(array['lettrs', 'huose', 'mouze']) as query;
select word from carrel.suggest('mou');
select word from carrel.suggest('let');
select filename, total, total_is_exact from carrel.search_documents('letter');
rollback;
