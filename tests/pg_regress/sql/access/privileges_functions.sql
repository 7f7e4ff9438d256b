-- Which role may call which function. PUBLIC may call none; trigger functions are nobody's to call.
select proname as function,
    case when has_function_privilege('carrel_regress_user', p.oid, 'execute') then 'yes' else '' end as "user",
    case when has_function_privilege('carrel_regress_metering', p.oid, 'execute') then 'yes' else '' end as self_metering,
    case when has_function_privilege('carrel_regress_service', p.oid, 'execute') then 'yes' else '' end as service,
    case when has_function_privilege('carrel_regress_stranger', p.oid, 'execute') then 'yes' else '' end as stranger
from pg_proc as p
where pronamespace = 'carrel'::regnamespace and prorettype <> 'trigger'::regtype
order by proname collate "C";

select proname as called_by_somebody
from pg_proc as p cross join aclexplode(coalesce(proacl, acldefault('f', proowner))) as acl
where pronamespace = 'carrel'::regnamespace and grantee not in (proowner, 'carrel_owner'::regrole)
    and (prorettype = 'trigger'::regtype or grantee = 0 or is_grantable)
order by 1;
