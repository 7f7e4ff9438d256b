-- With archive_usage the events of a deleted user stay for the books, under a pseudonym.
begin;
select carrel.act_as('11111111-1111-1111-1111-111111111111');
select duplicate from carrel.record_usage('chat', 100, 0.25, '{"customer": "Ada"}', 'key-of-ada', model => 'm-1', token_types => '{"input": 70, "output": 30}');
select duplicate from carrel.record_usage('embedding', 20);
select carrel.act_as('22222222-2222-2222-2222-222222222222');
select duplicate from carrel.record_usage('chat', 7);

set local role carrel_regress_service;
select count(*) as storage_paths from carrel.delete_user('11111111-1111-1111-1111-111111111111', archive_usage => true);
select count(*) as storage_paths from carrel.delete_user('22222222-2222-2222-2222-222222222222', archive_usage => true);
reset role;

select event_type, tokens_used, cost, model, token_types, voids is null as is_event,
    dense_rank() over (order by min_tokens) as person
from (
    select *, min(tokens_used) over (partition by pseudonym) as min_tokens from carrel.usage_archive
) as archive
order by tokens_used;

-- Nothing in it names the user, their key or their metadata.
select count(*) as rows_that_tell from carrel.usage_archive as a
where to_jsonb(a)::text ~ '11111111-1111-1111-1111-111111111111|Ada|key-of-ada|customer';
select count(*) as events_left from carrel.usage_events;

-- The books are the operator's alone.
set local role carrel_regress_service;
select count(*) from carrel.usage_archive;
rollback;
