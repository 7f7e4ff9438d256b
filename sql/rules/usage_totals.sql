alter table carrel.usage_totals enable row level security;

comment on table carrel.usage_totals is 'Sums over usage_events for each user, billing period and type of event; kept by trigger, proven by verify_usage().';
comment on column carrel.usage_totals.user_id is 'The user.';
comment on column carrel.usage_totals.period_start is 'When the billing period began.';
comment on column carrel.usage_totals.event_type is 'The type of the events.';
comment on column carrel.usage_totals.events is 'How many there are; one that voids another counts -1.';
comment on column carrel.usage_totals.tokens_used is 'The sum of their tokens.';
comment on column carrel.usage_totals.cost is 'The sum of their cost.';
