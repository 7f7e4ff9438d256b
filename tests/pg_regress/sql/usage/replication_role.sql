-- Where a replica applies what the origin did, nothing is counted twice.
begin;
set local session_replication_role = replica;
select duplicate from carrel.record_usage('chat', 7, user_id => '11111111-1111-1111-1111-111111111111');
select count(*) as totals from carrel.usage_totals;
rollback;
