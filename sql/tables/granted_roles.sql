-- The roles that grant_user() and grant_service() were called for, so that migrate() can grant
-- again after DROP EXTENSION, and does not undo a revoke. Names, not oids: pg_upgrade and restores
-- keep names.
create table carrel.granted_roles (
    role_name text collate "C" not null,
    kind text collate "C" not null,
    granted boolean not null,
    changed_at timestamptz not null default now(),
    constraint granted_roles_pkey primary key (role_name, kind),
    constraint granted_roles_kind_check check (kind in ('user', 'self_metering', 'service'))
);
