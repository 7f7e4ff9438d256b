-- Operators edit limits; they hold from the commit on, for whatever is recorded then.
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

create or replace trigger plan_limits_reckon_anew
    after insert or delete or update or truncate on carrel.plan_limits
    for each statement execute function carrel.reckon_limits_anew();

-- Backends remember limits: what writes past the other triggers is to be seen as well.
create or replace trigger plan_limits_forget
    after insert or delete or update on carrel.plan_limits
    for each row execute function carrel.forget_plan_limits();
alter table carrel.plan_limits enable always trigger plan_limits_forget;

comment on table carrel.plan_limits is 'What the users of each plan may use; every limit that matches counts, and no row means unlimited. The operator edits them.';
comment on column carrel.plan_limits.plan_type is 'The plan.';
comment on column carrel.plan_limits.event_type is 'The type of event that is limited; * for all types together.';
comment on column carrel.plan_limits.measure is 'events, tokens or cost of a period; documents or bytes that are stored now.';
comment on column carrel.plan_limits.period is 'month (from the billing anchor), week or day (of the user''s calendar), or an interval such as 5 hours, of which one follows the other from the anchor; stored for documents and bytes.';
comment on column carrel.plan_limits.window_length is 'The interval of period, where it is one; set by trigger.';
comment on column carrel.plan_limits.limit_value is 'How much there may be.';
comment on column carrel.plan_limits.enforcement is 'hard: what is beyond is refused; soft: it is told.';
comment on column carrel.plan_limits.created_at is 'When the row was inserted.';
