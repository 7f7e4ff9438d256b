-- build_context(): the best chunks that fit, for a prompt, with what each passage cites.
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
set local role carrel_regress_user;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
set local carrel.chunk_size = 80;
insert into carrel.documents (id, filename, content_text) values
    ('d0000000-0000-0000-0000-000000000001', 'guide.md', E'# Guide\n\n## Install\n\nInstall the kettle on a flat stove, and never on a slope of any kind.\n\nA kettle on a slope tips over, which the stove does not forgive.\n\n## Use\n\nFill it with water before it is put to use on the stove, to the mark.\n\n## Care\n\nDry the kettle well.'),
    ('d0000000-0000-0000-0000-000000000002', 'letter.txt', 'Dear all, the kettle is broken.');
select context from carrel.build_context('kettle slope');
select c.value - 'chunk_ids' - 'score' as citation, tokens = carrel.count_tokens(context) as counted
from carrel.build_context('kettle slope') as b, jsonb_array_elements(b.citations) as c;
select c.value ->> 'number' as number, k.chunk_index from carrel.build_context('kettle slope') as b, jsonb_array_elements(b.citations) as c, jsonb_array_elements_text(c.value -> 'chunk_ids') as ids (chunk_id) join carrel.document_chunks as k on k.id = chunk_id::uuid order by 1, 2;

-- Never more than the budget, whatever it is, in either encoding; what is there is the best that fits.
insert into carrel.documents (filename, content_text)
select 'story ' || n || '.txt', string_agg('Kettle number ' || n * i || ' 🫖 stands on stove ' || i || ', naïve as ever.', ' ') from generate_series(1, 10) as n, generate_series(1, 40) as i group by n;
select encoding, count(*) as budgets, bool_and(tokens <= budget) as within, bool_and(tokens = carrel.count_tokens(context, encoding)) as exact, max(tokens) > 500 as uses_it, bool_and(tokens > 0 or budget < 30) as something
from generate_series(0, 600, 7) as budget, (values ('cl100k'), ('o200k')) as e (encoding), carrel.build_context('kettle stove', budget, encoding => encoding)
group by encoding order by encoding;
select count(*) as passages, bool_and(c.value ->> 'document_id' = 'd0000000-0000-0000-0000-000000000002') as only_these
from carrel.build_context('kettle', document_ids => '{d0000000-0000-0000-0000-000000000002}') as b, jsonb_array_elements(b.citations) as c;

-- Nothing.
select * from carrel.build_context('unicorn');
select * from carrel.build_context('');
select * from carrel.build_context('kettle', 0);
select * from carrel.build_context('kettle', -1);
select * from carrel.build_context('kettle', null);
select * from carrel.build_context('kettle', encoding => 'p50k');
select * from carrel.build_context('kettle', encoding => null);
set local request.jwt.claims = '{"sub": "22222222-2222-2222-2222-222222222222"}';
select * from carrel.build_context('kettle');
set local request.jwt.claims = '';
select * from carrel.build_context('kettle');
rollback;
