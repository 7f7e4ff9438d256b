-- Statement that creates a policy as it is. A policy for other roles than PUBLIC is not found.
--
-- $1 table   $2 policy
select format(
    'create policy %I on carrel.%I %sfor %s%s%s', polname, $1,
    case when not polpermissive then 'as restrictive ' end,
    case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
        when 'd' then 'delete' else 'all' end,
    ' using ' || pg_get_expr(polqual, polrelid),
    ' with check ' || pg_get_expr(polwithcheck, polrelid)
)
from pg_policy
where polrelid = format('carrel.%I', $1)::regclass and polname::text = $2
    and polroles = '{0}'
