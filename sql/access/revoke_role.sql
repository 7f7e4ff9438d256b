-- Records a revoke from a role.
--
-- $1 this installation   $2 role   $3 kind   $4 name of the role
insert into carrel.granted_roles (recorded_in, role_oid, kind, role_name, granted)
values ($1, $2, $3, $4, false)
on conflict (recorded_in, role_oid, kind) do update
set granted = false, changed_at = now()
