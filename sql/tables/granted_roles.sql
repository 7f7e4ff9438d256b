-- Roles that grant_user(), grant_service() and grant_operator() were called for: the functions ask it whether their caller is
-- one, and migrate() grants again after DROP EXTENSION and does not undo a revoke. A role is known by its oid in the installation that granted it, so
-- that renaming it changes nothing and another role of its name gains nothing; and by its name where a dump or replication
-- brought the record, until migrate() records its oid there.
create table carrel.granted_roles (
    recorded_in text collate "C" not null,
    role_oid oid not null,
    kind text collate "C" not null,
    role_name text collate "C" not null,
    granted boolean not null,
    changed_at timestamptz not null default now(),
    constraint granted_roles_pkey primary key (recorded_in, role_oid, kind),
    constraint granted_roles_kind_check check (kind in ('user', 'self_metering', 'service', 'operator'))
);
