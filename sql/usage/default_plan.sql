-- Default plan of new users (the column default of user_profiles.plan_type), if plans exist but not
-- that one.
--
-- No parameters. Returns the default's expression, such as 'free'::text; no row: the plan exists.
select assumed.plan
from (
    select pg_get_expr(d.adbin, d.adrelid) as plan
    from pg_attrdef as d join pg_attribute as a on d.adrelid = a.attrelid and d.adnum = a.attnum
    where d.adrelid = 'carrel.user_profiles'::regclass and a.attname = 'plan_type'
) as assumed
where assumed.plan like '''%''::text' and exists (select from carrel.plans)
    and not exists (select from carrel.plans as p where quote_literal(p.plan_type) || '::text' = assumed.plan)
