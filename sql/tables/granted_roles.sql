-- Roles granted by grant_user(), grant_service() or grant_operator(). Functions read the rights of
-- their caller here. migrate() grants again after DROP EXTENSION, and does not undo a revoke.
--
-- A role is identified by its oid in the installation that granted it: renaming it changes nothing,
-- and another role with its name gains nothing. After a dump or replication, it is identified by
-- its name, until migrate() records the new oid.
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
