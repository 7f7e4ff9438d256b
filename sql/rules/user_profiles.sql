-- Users read their own profile. They may change the columns that their role has a privilege on: the
-- name.
alter table carrel.user_profiles alter column id set default carrel.uuid_v7();
alter table carrel.user_profiles enable row level security;

-- No planner statistics: they cover all users, and estimates of EXPLAIN would reveal frequent
-- values.
alter table carrel.user_profiles alter column name set statistics 0;
alter table carrel.user_profiles alter column billing_timezone set statistics 0;

create or replace trigger user_profiles_check_privileges
    before insert or delete or update or truncate on carrel.user_profiles
    for each statement execute function carrel.check_privileges();
-- Counting agent requests updates rows often: free space on their pages allows HOT updates.
alter table carrel.user_profiles set (fillfactor = 25);

drop policy if exists user_profiles_select_own on carrel.user_profiles;
create policy user_profiles_select_own on carrel.user_profiles
    for select using (user_id = carrel.current_user_id());

drop policy if exists user_profiles_update_own on carrel.user_profiles;
create policy user_profiles_update_own on carrel.user_profiles
    for update using (user_id = carrel.current_user_id())
    with check (user_id = carrel.current_user_id());

create or replace trigger user_profiles_prepare
    before insert or update on carrel.user_profiles
    for each row execute function carrel.prepare_profile();

create or replace trigger user_profiles_touch_updated_at
    before update on carrel.user_profiles
    for each row execute function carrel.touch_updated_at();

create or replace trigger user_profiles_wait_for_usage
    before update of plan_type, billing_anchor, billing_timezone on carrel.user_profiles
    for each statement execute function carrel.wait_for_usage();

create or replace trigger user_profiles_rebuild_usage
    after update of plan_type, billing_anchor, billing_timezone on carrel.user_profiles
    for each row
    when (
        old.plan_type is distinct from new.plan_type
        or old.billing_anchor is distinct from new.billing_anchor
        or old.billing_timezone is distinct from new.billing_timezone
    )
    execute function carrel.rebuild_usage_periods();

-- Archives the user's usage and lists the user's files, before the cascade deletes them.
create or replace trigger user_profiles_record_erasure
    before delete on carrel.user_profiles
    for each row execute function carrel.record_erasure();

-- Deletes the user's search statistics.
create or replace trigger user_profiles_forget_statistics
    after delete on carrel.user_profiles
    referencing old table as removed
    for each statement execute function carrel.forget_statistics();

comment on table carrel.user_profiles is 'Users: one row each. All rows of a user depend on it.';
comment on column carrel.user_profiles.id is 'Primary key (UUIDv7).';
comment on column carrel.user_profiles.user_id is 'User id: the identity claim of the caller''s token.';
comment on column carrel.user_profiles.name is 'Display name. The only column that end users may change.';
comment on column carrel.user_profiles.plan_type is 'Plan of the user.';
comment on column carrel.user_profiles.usage_count is 'Number of agent requests in the billing period from usage_period_start.';
comment on column carrel.user_profiles.usage_period_start is 'Start of the billing period of usage_count.';
comment on column carrel.user_profiles.subscription_status is 'active, cancelled or expired. Read by the application only.';
comment on column carrel.user_profiles.billing_anchor is 'Start of the first monthly billing period.';
comment on column carrel.user_profiles.billing_timezone is 'IANA time zone of billing periods and days.';
comment on column carrel.user_profiles.created_at is 'Time of the insert.';
comment on column carrel.user_profiles.updated_at is 'Time of the last update.';
