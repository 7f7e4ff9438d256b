-- Deletes records of dropped roles, records that do not count, and records of other installations that
-- a record of this installation replaces.
--
-- Reads the CTE "named" (named_roles.sql), which the caller puts in front.
-- $1 this installation   $2 true: keeps records that do not count
-- Returns role name, kind, and true if the role exists but is granted nothing here.
delete from carrel.granted_roles as g using named as n
where (g.recorded_in, g.role_oid, g.kind) = (n.recorded_in, n.recorded_oid, n.kind) and (
    n.role is null or not n.counts and not $2 or not n.is_own and exists (
        select from named as own where own.is_own and own.kind = n.kind and own.role = n.role
    )
)
returning n.role_name, n.kind, n.role is not null and not n.counts
    and not exists (select from named as own where own.is_own and own.kind = n.kind and own.role = n.role)
