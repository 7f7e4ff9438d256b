-- Nothing is written where nothing may be.
\set VERBOSITY terse
begin read only;
select duplicate from carrel.record_usage('chat', 7, user_id => '11111111-1111-1111-1111-111111111111');
rollback;
