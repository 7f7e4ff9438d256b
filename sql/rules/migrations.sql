alter table carrel.migrations enable row level security;

create or replace trigger migrations_check_privileges
    before insert or delete or update or truncate on carrel.migrations
    for each statement execute function carrel.check_privileges();

comment on table carrel.migrations is 'Steps of carrel.migrate() that were applied to this database.';
comment on column carrel.migrations.step_name is 'File of sql/tables or sql/steps.';
comment on column carrel.migrations.library_version is 'Version of carrel that applied the step.';
comment on column carrel.migrations.applied_at is 'Time of application.';
