-- Every policy. All are for every role; those that are permissive name the tenant in the same words, but for those of
-- operators, on tables that belong to no user.
\pset format unaligned
\pset tuples_only on
select format(E'%s: %s, %sfor %s%s%s', tablename, policyname,
    case permissive when 'RESTRICTIVE' then 'as restrictive ' end, lower(cmd),
    E'\n    using ' || regexp_replace(qual, '\s+', ' ', 'g'),
    E'\n    with check ' || regexp_replace(with_check, '\s+', ' ', 'g'))
from pg_policies where schemaname = 'carrel'
order by tablename collate "C", policyname collate "C";
\pset tuples_only off

select policyname from pg_policies where schemaname = 'carrel' and roles <> '{public}';
select policyname as without_tenant from pg_policies as p
where schemaname = 'carrel' and permissive = 'PERMISSIVE' and coalesce(qual, with_check) not like '%user_id = carrel.current_user_id()%'
    and not (
        qual = 'carrel.is_operator()'
        and not exists (select from pg_attribute where attrelid = format('carrel.%I', p.tablename)::regclass and attname = 'user_id')
    );

-- Tables of the operator have no policy: with row-level security on, nobody but their owner reads them.
select relname from pg_class as c
where relnamespace = 'carrel'::regnamespace and relkind = 'r' and relrowsecurity
    and not exists (select from pg_policy where polrelid = c.oid)
order by relname collate "C";
