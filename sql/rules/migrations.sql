alter table carrel.migrations enable row level security;

create or replace trigger migrations_check_privileges
    before insert or delete or update or truncate on carrel.migrations
    for each statement execute function carrel.check_privileges();

comment on table carrel.migrations is 'The steps of carrel.migrate() that have been applied to this database.';
comment on column carrel.migrations.step_name is 'A file of sql/tables or sql/steps.';
comment on column carrel.migrations.library_version is 'The version of carrel that applied it.';
comment on column carrel.migrations.applied_at is 'When it was applied.';
