-- A user sees their own profile and may change what their role has the columns of: the name.
alter table carrel.user_profiles alter column id set default carrel.uuid_v7();
alter table carrel.user_profiles enable row level security;

-- Statistics are of all users: EXPLAIN would tell by its estimates which texts are frequent.
alter table carrel.user_profiles alter column name set statistics 0;

create or replace trigger user_profiles_check_privileges
    before insert or delete or update or truncate on carrel.user_profiles
    for each statement execute function carrel.check_privileges();
-- Agent requests are counted in it: a new version finds room beside the old one, and needs no entries in indexes.
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

-- Archives their usage, and lists their files, while these are there.
create or replace trigger user_profiles_record_erasure
    before delete on carrel.user_profiles
    for each row execute function carrel.record_erasure();

-- Takes their search statistics along.
create or replace trigger user_profiles_forget_statistics
    after delete on carrel.user_profiles
    referencing old table as removed
    for each statement execute function carrel.forget_statistics();

comment on table carrel.user_profiles is 'One row for each user: the root that every other user''s row hangs from.';
comment on column carrel.user_profiles.id is 'The key of the row (UUIDv7).';
comment on column carrel.user_profiles.user_id is 'The user: what the claim of the caller''s token names.';
comment on column carrel.user_profiles.name is 'How the user wants to be called; the one column that end users may change.';
comment on column carrel.user_profiles.plan_type is 'The plan that the user is on.';
comment on column carrel.user_profiles.usage_count is 'Agent requests in the billing period that began at usage_period_start.';
comment on column carrel.user_profiles.usage_period_start is 'When the billing period that usage_count is of began.';
comment on column carrel.user_profiles.subscription_status is 'active, cancelled or expired; for the application to read.';
comment on column carrel.user_profiles.billing_anchor is 'Where the monthly billing periods start from.';
comment on column carrel.user_profiles.billing_timezone is 'The IANA time zone that billing periods are in.';
comment on column carrel.user_profiles.created_at is 'When the row was inserted.';
comment on column carrel.user_profiles.updated_at is 'When the row was last updated.';
