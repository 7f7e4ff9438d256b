-- Records a grant to a role.
--
-- $1 this installation   $2 role   $3 kind   $4 name of the role
insert into carrel.granted_roles (recorded_in, role_oid, kind, role_name, granted)
values ($1, $2, $3, $4, true)
on conflict (recorded_in, role_oid, kind) do update
set granted = true, role_name = excluded.role_name, changed_at = now()
