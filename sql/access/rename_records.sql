-- Renames records after the roles that they name, and makes records of other installations this
-- installation's.
--
-- Reads the CTE "named" (named_roles.sql), which the caller puts in front. $1 this installation
update carrel.granted_roles as g
set recorded_in = $1, role_oid = n.role, role_name = n.name_now
from named as n
where (g.recorded_in, g.role_oid, g.kind) = (n.recorded_in, n.recorded_oid, n.kind)
    and (g.recorded_in, g.role_oid, g.role_name) is distinct from ($1, n.role, n.name_now)
