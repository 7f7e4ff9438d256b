-- A column of totals that is generated, where Postgres can not stored, keeps to what it may be.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
set constraints all immediate;
call record_each_way(1);

do $$ begin
    execute format(
        'alter table carrel.usage_totals add column odd numeric generated always as (nullif(tokens_used, 10)) %s not null',
        case when current_setting('server_version_num')::int >= 180000 then 'virtual' else 'stored' end
    );
end $$;
call record_each_way(7);
call record_each_way(8);
rollback;
