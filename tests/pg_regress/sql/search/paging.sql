-- max_results and result_offset: pages that neither overlap nor leave anything out.
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
insert into carrel.documents (id, filename, content_text)
select ('d0000000-0000-0000-0000-0000000000' || to_char(n, 'FM00'))::uuid, 'No ' || n, repeat('filler ', n % 5) || 'word' from generate_series(1, 23) as n;

select count(*) as at_most_ten from carrel.search_chunks('word');
select count(*) as at_most_ten from carrel.search_documents('word');

-- Pages of five, put together, are one page of a hundred.
with pages as (
    select page, r.ordinality as place, filename from generate_series(0, 6) as page,
        carrel.search_chunks('word', max_results => 5, result_offset => page * 5) with ordinality as r
), whole as (
    select ordinality as place, filename from carrel.search_chunks('word', 100) with ordinality
)
select count(*) as results, count(distinct pages.filename) as documents, bool_and(pages.filename = whole.filename) as in_order
from pages full join whole on whole.place = page * 5 + pages.place;
with pages as (
    select page, r.ordinality as place, filename from generate_series(0, 6) as page,
        carrel.search_documents('word', max_results => 5, result_offset => page * 5) with ordinality as r
), whole as (
    select ordinality as place, filename from carrel.search_documents('word', 100) with ordinality
)
select count(*) as results, count(distinct pages.filename) as documents, bool_and(pages.filename = whole.filename) as in_order
from pages full join whole on whole.place = page * 5 + pages.place;

-- The edges.
select arguments, outcome(format('select count(*) from carrel.search_chunks(''word'', %s)', arguments)) as chunks,
    outcome(format('select count(*) from carrel.search_documents(''word'', %s)', arguments)) as documents
from (values ('0'), ('1'), ('22'), ('23'), ('24'), ('2147483647'), ('10, 23'), ('10, 22'), ('10, 2147483647'), ('2147483647, 2147483647'),
    ('-1'), ('10, -1'), ('null'), ('10, null')) as given (arguments);
rollback;
