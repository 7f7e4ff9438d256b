-- Renames archived_at to filed_at, and adds user_id to the index of plans.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = to_regclass('carrel.usage_archive') and attname = 'archived_at' and not attisdropped
    ) then
        alter table carrel.usage_archive rename column archived_at to filed_at;
    end if;
    -- From PostgreSQL 18 on, NOT NULL is a constraint, named after the column.
    if exists (
        select from pg_constraint
        where conrelid = to_regclass('carrel.usage_archive') and conname = 'usage_archive_archived_at_not_null'
    ) then
        alter table carrel.usage_archive
            rename constraint usage_archive_archived_at_not_null to usage_archive_filed_at_not_null;
    end if;
    if not exists (
        select from pg_attribute
        where attrelid = to_regclass('carrel.user_profiles_plan_type_idx') and attname = 'user_id'
    ) then
        drop index if exists carrel.user_profiles_plan_type_idx;
    end if;
end
$$;
