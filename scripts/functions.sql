-- Functions of carrel that somebody may call, one JSON object a line: name, arguments, result, volatility, comment, and
-- the kinds of roles that may execute it. Those that no kind may execute are for superusers, or internal.
\set QUIET on
set client_min_messages = warning;
\o /dev/null
create extension carrel;
create role an_end_user nologin;
create role a_metering_user nologin;
create role a_service nologin;
create role an_operator nologin;
select carrel.grant_user('an_end_user');
select carrel.grant_user('a_metering_user', self_metering => true);
select carrel.grant_service('a_service');
select carrel.grant_operator('an_operator');
\o

select json_build_object(
    'name', p.proname,
    'arguments', pg_get_function_arguments(p.oid),
    'result', pg_get_function_result(p.oid),
    'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
    'comment', obj_description(p.oid, 'pg_proc'),
    'end_user', has_function_privilege('an_end_user', p.oid, 'execute'),
    'metering', has_function_privilege('a_metering_user', p.oid, 'execute'),
    'service', has_function_privilege('a_service', p.oid, 'execute'),
    'operator', has_function_privilege('an_operator', p.oid, 'execute')
)
from pg_proc as p
where p.pronamespace = 'carrel'::regnamespace and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
order by p.proname;
