alter table carrel.usage_allowances alter column id set default carrel.uuid_v7();
alter table carrel.usage_allowances enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates what others did.
alter table carrel.usage_allowances alter column event_type set statistics 0;

create or replace trigger usage_allowances_check_privileges
    before insert or delete or update or truncate on carrel.usage_allowances
    for each statement execute function carrel.check_privileges();
-- Rows are updated often: free space on their pages allows HOT updates, and early pruning.
alter table carrel.usage_allowances set (fillfactor = 15);

comment on table carrel.usage_allowances is 'Remaining allowances of hard limits, split into shares that add up. Written when usage is recorded or held, verified by verify_usage().';
comment on column carrel.usage_allowances.id is 'Primary key (UUIDv7).';
comment on column carrel.usage_allowances.user_id is 'User of the limit.';
comment on column carrel.usage_allowances.event_type is 'Limited event type, or *.';
comment on column carrel.usage_allowances.measure is 'Limited measure.';
comment on column carrel.usage_allowances.period is 'Period of the limit, as in plan_limits.';
comment on column carrel.usage_allowances.period_start is 'Start of the period (inclusive); -infinity for stored amounts (documents, bytes).';
comment on column carrel.usage_allowances.period_end is 'End of the period (exclusive); infinity for stored amounts.';
comment on column carrel.usage_allowances.slot is 'Backend slot that owns the share; -1: unassigned; < -1: overdraft of slot (-2 - slot).';
comment on column carrel.usage_allowances.limit_value is 'Limit that the share was allocated from; null: not allocated yet.';
comment on column carrel.usage_allowances.amount is 'Amount of the allowance held by this row; negative when overdrawn.';
