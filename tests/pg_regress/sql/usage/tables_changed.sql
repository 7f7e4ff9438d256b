-- What an operator adds to the tables behind usage holds for what carrel writes there, too; and all adds up.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'tokens', 1000);
create function pg_temp.noted() returns trigger language plpgsql as $$ begin
    insert into noted values (tg_table_name, tg_op);
    if tg_level = 'ROW' and tg_op <> 'DELETE' then return new; end if;
    return null;
end $$;
create temp table noted (table_name text, operation text);
create procedure pg_temp.record(tokens int) language plpgsql as $$ declare ada uuid := '11111111-1111-1111-1111-111111111111'; begin
    perform carrel.record_usage('chat', tokens, user_id => ada);
    perform carrel.record_usage('agent_request', tokens, idempotency_key => 'key ' || tokens, user_id => ada);
    perform carrel.consume_usage('chat', tokens, user_id => ada);
    perform carrel.record_usage_batch(jsonb_build_array(jsonb_build_object('event_type', 'chat', 'tokens_used', tokens, 'user_id', ada)));
end $$;
set constraints all immediate;
call pg_temp.record(1);

-- Triggers.
savepoint clean;
create trigger noted after insert on carrel.usage_events for each row execute function pg_temp.noted();
call pg_temp.record(2);
select table_name, operation, count(*) from noted group by 1, 2;
rollback to clean;
create trigger noted after insert or update on carrel.usage_totals for each row execute function pg_temp.noted();
create trigger noted after insert or update on carrel.usage_allowances for each row execute function pg_temp.noted();
create trigger noted before update on carrel.user_profiles for each row execute function pg_temp.noted();
call pg_temp.record(2);
select table_name, count(*) > 0 as is_noted from noted group by 1 order by 1;
select sum(events) as events, sum(tokens_used) as tokens from carrel.usage_totals;
select count(*) as drifted from carrel.verify_usage();
rollback to clean;
create trigger refused before insert on carrel.usage_events for each row when (new.tokens_used > 5) execute function pg_temp.noted();
create function pg_temp.refuse() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger z_refused before insert on carrel.usage_events for each row when (new.tokens_used > 5) execute function pg_temp.refuse();
call pg_temp.record(6);
call pg_temp.record(3);
select event_type, count(*) from carrel.usage_events group by 1 order by 1;
select count(*) as drifted from carrel.verify_usage();
rollback to clean;

-- Checks, domains, columns, keys.
alter table carrel.usage_events add check (tokens_used <> 7);
call pg_temp.record(7);
call pg_temp.record(8);
rollback to clean;
alter table carrel.usage_events add column region text not null default 'eu', add column shard int generated always as (tokens_used % 4) stored;
call pg_temp.record(7);
select region, shard, count(*) from carrel.usage_events group by 1, 2 order by 1, 2;
rollback to clean;
create domain public.never as text check (value is not null);
alter table carrel.usage_events add column never public.never default 'x';
alter table carrel.usage_events alter column never drop default;
call pg_temp.record(7);
rollback to clean;
alter table carrel.usage_events add column note text;
create unique index on carrel.usage_events (user_id, event_type, tokens_used) where event_type = 'once';
select duplicate from carrel.record_usage('once', 7, user_id => '11111111-1111-1111-1111-111111111111');
select duplicate from carrel.record_usage('once', 7, user_id => '11111111-1111-1111-1111-111111111111');
call pg_temp.record(7);
select count(*) filter (where note is null) as events from carrel.usage_events;
rollback to clean;
alter table carrel.usage_totals add check (tokens_used < 50);
call pg_temp.record(9);
call pg_temp.record(40);
select count(*) as drifted from carrel.verify_usage();
rollback to clean;
-- What a rule does is done with the rights of the table's owner.
grant insert on noted to carrel_owner;
create rule noted as on insert to carrel.usage_events do also insert into noted values ('usage_events', 'rule');
select duplicate from carrel.record_usage('chat', 9, user_id => '11111111-1111-1111-1111-111111111111');
select * from noted;
rollback to clean;

-- Foreign keys: another one in the place of carrel's, and one of a column that carrel changes.
create table public.regions (user_id uuid primary key);
alter table carrel.usage_events drop constraint usage_events_user_id_fkey,
    add constraint usage_events_user_id_fkey foreign key (user_id) references public.regions not valid;
call pg_temp.record(7);
select event_type, count(*) from carrel.usage_events group by 1 order by 1;
rollback to clean;
create table public.regions (user_id uuid primary key);
alter table carrel.usage_totals drop constraint usage_totals_user_id_fkey,
    add foreign key (user_id) references public.regions not valid;
select duplicate from carrel.record_usage('seldom', 7, user_id => '11111111-1111-1111-1111-111111111111');
rollback to clean;
create table public.regions (tokens_used numeric unique);
alter table carrel.usage_totals add foreign key (tokens_used) references public.regions (tokens_used) not valid;
call pg_temp.record(7);
rollback to clean;
alter table carrel.usage_totals add unique (tokens_used, user_id, day, period_start, event_type, model, slot);
create table public.noted as select tokens_used, user_id, day, period_start, event_type, model, slot from carrel.usage_totals;
alter table public.noted add foreign key (tokens_used, user_id, day, period_start, event_type, model, slot)
    references carrel.usage_totals (tokens_used, user_id, day, period_start, event_type, model, slot);
call pg_temp.record(7);
rollback to clean;

-- Columns that are generated: where Postgres can, not stored.
do $$ begin
    execute format(
        'alter table carrel.usage_totals add column odd numeric generated always as (nullif(tokens_used, 10)) %s not null',
        case when current_setting('server_version_num')::int >= 180000 then 'virtual' else 'stored' end
    );
end $$;
call pg_temp.record(7);
call pg_temp.record(8);
rollback to clean;

-- Publications of rows that an update can't tell by the key.
set local client_min_messages = error;
create publication many for table carrel.usage_totals where (events > 5);
reset client_min_messages;
update carrel.usage_totals set events = events;
call pg_temp.record(7);
select sum(events) as events, sum(tokens_used) as tokens from carrel.usage_totals;
rollback to clean;

-- Without the index of keys, keys are refused.
drop index carrel.usage_events_user_id_idempotency_key_idx;
call pg_temp.record(9);
rollback;

-- Nothing is written where nothing may be.
begin read only;
select duplicate from carrel.record_usage('chat', 7, user_id => '11111111-1111-1111-1111-111111111111');
rollback;

-- Where a replica applies what the origin did, nothing is counted twice.
begin;
set local session_replication_role = replica;
select duplicate from carrel.record_usage('chat', 7, user_id => '11111111-1111-1111-1111-111111111111');
select count(*) as totals from carrel.usage_totals;
rollback;
