alter table carrel.usage_totals enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates what others did.
alter table carrel.usage_totals alter column event_type set statistics 0;
alter table carrel.usage_totals alter column model set statistics 0;

create or replace trigger usage_totals_check_privileges
    before insert or delete or update or truncate on carrel.usage_totals
    for each statement execute function carrel.check_privileges();
-- Rows are updated often: free space on their pages allows HOT updates.
alter table carrel.usage_totals set (fillfactor = 50);

comment on table carrel.usage_totals is 'Sums over usage_events by user, day, billing period, event type and model. Written when an event is recorded, verified by verify_usage(). The rows of one total add up.';
comment on column carrel.usage_totals.user_id is 'User of the events.';
comment on column carrel.usage_totals.day is 'Day in the user''s time zone.';
comment on column carrel.usage_totals.period_start is 'Start of the billing period.';
comment on column carrel.usage_totals.event_type is 'Type of the events.';
comment on column carrel.usage_totals.model is 'Model of the events; empty if they name none.';
comment on column carrel.usage_totals.slot is 'Backend slot whose backend adds to the row; < 0: a random number of a row that no backend adds to. Merging past days keeps the lowest.';
comment on column carrel.usage_totals.events is 'Number of events; a void counts -1.';
comment on column carrel.usage_totals.tokens_used is 'Sum of the tokens.';
comment on column carrel.usage_totals.cost is 'Sum of the costs.';
