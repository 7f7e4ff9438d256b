-- Operators edit limits. A change applies to usage that is recorded after its commit.
alter table carrel.plan_limits enable row level security;

drop policy if exists plan_limits_all_operator on carrel.plan_limits;
create policy plan_limits_all_operator on carrel.plan_limits
    for all using (carrel.is_operator());

create or replace trigger plan_limits_check_privileges
    before insert or delete or update or truncate on carrel.plan_limits
    for each statement execute function carrel.check_privileges();

create or replace trigger plan_limits_prepare
    before insert or update on carrel.plan_limits
    for each row execute function carrel.prepare_plan_limit();

create or replace trigger plan_limits_wait_for_usage
    before insert or delete or update or truncate on carrel.plan_limits
    for each statement execute function carrel.wait_for_usage();

create or replace trigger plan_limits_delete_allowances
    after insert or delete or update or truncate on carrel.plan_limits
    for each statement execute function carrel.delete_allowances();

-- Backends cache limits: this trigger invalidates the cache, on replicas too.
create or replace trigger plan_limits_forget
    after insert or delete or update on carrel.plan_limits
    for each row execute function carrel.forget_plan_limits();
alter table carrel.plan_limits enable always trigger plan_limits_forget;

comment on table carrel.plan_limits is 'Limits of plans. Every matching limit counts; without a row, usage is unlimited. Operators edit them.';
comment on column carrel.plan_limits.plan_type is 'Plan of the limit.';
comment on column carrel.plan_limits.event_type is 'Limited event type; * for all types together.';
comment on column carrel.plan_limits.measure is 'Measure: events, tokens or cost in a period; documents or bytes in storage.';
comment on column carrel.plan_limits.period is 'Period: month (from the billing anchor), week or day (of the user''s calendar), or consecutive intervals from the anchor, such as 5 hours; stored for documents and bytes.';
comment on column carrel.plan_limits.window_length is 'Length of period, if it is an interval; set by a trigger.';
comment on column carrel.plan_limits.limit_value is 'Maximum amount.';
comment on column carrel.plan_limits.enforcement is 'hard: usage beyond the limit is rejected (PT402); soft: it is only reported.';
comment on column carrel.plan_limits.created_at is 'Time of the insert.';
