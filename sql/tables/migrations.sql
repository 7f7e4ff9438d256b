-- Steps of carrel.migrate() that were applied to this database.
create table carrel.migrations (
    step_name text collate "C" not null,
    library_version text not null,
    applied_at timestamptz not null default now(),
    constraint migrations_pkey primary key (step_name)
);
