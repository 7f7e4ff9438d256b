alter table carrel.granted_roles enable row level security;

create or replace trigger granted_roles_check_privileges
    before insert or delete or update or truncate on carrel.granted_roles
    for each statement execute function carrel.check_privileges();

-- Sessions cache rights: this trigger invalidates the cache, on replicas too.
create or replace trigger granted_roles_forget
    after insert or delete or update on carrel.granted_roles
    for each row execute function carrel.forget_granted_roles();
alter table carrel.granted_roles enable always trigger granted_roles_forget;

comment on table carrel.granted_roles is 'Roles granted by grant_user(), grant_service() or grant_operator().';
comment on column carrel.granted_roles.recorded_in is 'Installation that granted the role: installation_id() there.';
comment on column carrel.granted_roles.role_oid is 'Role, by its oid in the cluster of that installation.';
comment on column carrel.granted_roles.kind is 'user: an end user; self_metering: an end user with the right to insert usage events; service: a trusted worker; operator: an administrator without superuser.';
comment on column carrel.granted_roles.role_name is 'Name of the role, as of the last grant or migrate().';
comment on column carrel.granted_roles.granted is 'False after a revoke, which migrate() does not undo.';
comment on column carrel.granted_roles.changed_at is 'Time of the last grant or revoke.';
