alter table carrel.usage_totals enable row level security;

create or replace trigger usage_totals_check_privileges
    before insert or delete or update or truncate on carrel.usage_totals
    for each statement execute function carrel.check_privileges();
-- Rows are updated over and over: room on their page keeps the indexes out of it.
alter table carrel.usage_totals set (fillfactor = 50);

comment on table carrel.usage_totals is 'Sums over usage_events for each user, day of theirs and type of event; kept by trigger, proven by verify_usage(). Rows of the same day and type add up.';
comment on column carrel.usage_totals.user_id is 'The user.';
comment on column carrel.usage_totals.day is 'The day, in the user''s time zone.';
comment on column carrel.usage_totals.period_start is 'When the billing period began.';
comment on column carrel.usage_totals.event_type is 'The type of the events.';
comment on column carrel.usage_totals.model is 'The model of the events; empty where they name none.';
comment on column carrel.usage_totals.slot is 'Which of the server''s backends writes the row: no two at once.';
comment on column carrel.usage_totals.events is 'How many there are; one that voids another counts -1.';
comment on column carrel.usage_totals.tokens_used is 'The sum of their tokens.';
comment on column carrel.usage_totals.cost is 'The sum of their cost.';
