alter table carrel.granted_roles enable row level security;

comment on table carrel.granted_roles is 'The roles that grant_user() and grant_service() were called for; migrate() grants to them again.';
comment on column carrel.granted_roles.role_name is 'The name of the role.';
comment on column carrel.granted_roles.kind is 'user: an end user; self_metering: one who may insert usage events; service: a trusted worker.';
comment on column carrel.granted_roles.granted is 'False after a revoke, which migrate() does not undo.';
comment on column carrel.granted_roles.changed_at is 'When it was last granted or revoked.';
