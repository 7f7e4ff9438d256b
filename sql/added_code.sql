-- Refuses code that a role with fewer rights adds to carrel's tables and schema, when it is added.
--
-- TRIGGER on a table is enough to add a trigger, REFERENCES to add a foreign key, CREATE on a schema to add functions. Postgres then runs
-- conditions of triggers, casts of foreign keys' columns and better fitting functions with the rights of the tables' owner or of
-- whoever calls carrel. Superusers and carrel_owner may add what they like.
create function carrel.refuse_added_code() returns event_trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    command record;
    found text;
begin
    if (select r.rolsuper or r.rolname = 'carrel_owner' from pg_roles as r where r.rolname = current_user) then
        return;
    end if;
    for command in select c.classid, c.objid, c.object_identity, c.schema_name from pg_event_trigger_ddl_commands() as c loop
        if command.schema_name = 'carrel' then
            raise exception 'role "%" may not create % in schema carrel', current_user, command.object_identity
                using errcode = '42501', hint = 'Create it in a schema of your own.';
        end if;
        if command.classid = 'pg_trigger'::regclass then
            select c.relname into found
            from pg_trigger as t
            join pg_class as c on t.tgrelid = c.oid
            where t.oid = command.objid and c.relnamespace = 'carrel'::regnamespace;
            if found is not null then
                raise exception 'role "%" may not add trigger % to table carrel.%', current_user, command.object_identity, found
                    using errcode = '42501',
                        detail = 'It would run as whoever writes to the table.',
                        hint = 'Have a superuser create it.';
            end if;
        end if;
        -- A key whose columns have another type has a cast, which runs as the owner of the table that it refers to.
        if command.classid = 'pg_class'::regclass then
            with recursive keys (name, target, own, referred) as (
                select k.conname, k.confrelid, own.atttypid, referred.atttypid
                from pg_constraint as k
                join pg_class as c on k.confrelid = c.oid
                cross join lateral unnest(k.conkey, k.confkey) as pair (own, referred)
                join pg_attribute as own on own.attrelid = k.conrelid and own.attnum = pair.own
                join pg_attribute as referred on referred.attrelid = k.confrelid and referred.attnum = pair.referred
                where k.conrelid = command.objid and k.contype = 'f' and c.relnamespace = 'carrel'::regnamespace
                union
                select k.name, k.target, t.typbasetype, k.referred
                from keys as k
                join pg_type as t on k.own = t.oid
                where t.typtype = 'd'
            )
            select format('%I', k.name) into found
            from keys as k
            group by k.name, k.target, k.referred
            having not bool_or(k.own = k.referred);
            if found is not null then
                raise exception 'foreign key % of % must have columns of the types that it refers to', found, command.object_identity
                    using errcode = '42501',
                        detail = 'A cast between the types would run as the owner of carrel''s tables.',
                        hint = 'Give the columns the types of those that they refer to.';
            end if;
        end if;
    end loop;
end
$$;

-- The checker of style knows no event triggers.
create event trigger carrel_refuse_added_code on ddl_command_end -- noqa: PRS
when tag in (
    'ALTER AGGREGATE', 'ALTER CONVERSION', 'ALTER DOMAIN', 'ALTER EXTENSION', 'ALTER FOREIGN TABLE', 'ALTER FUNCTION',
    'ALTER MATERIALIZED VIEW', 'ALTER OPERATOR', 'ALTER OPERATOR CLASS', 'ALTER OPERATOR FAMILY', 'ALTER PROCEDURE', 'ALTER ROUTINE',
    'ALTER RULE', 'ALTER SEQUENCE', 'ALTER STATISTICS', 'ALTER TABLE', 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY', 'ALTER TRIGGER', 'ALTER TYPE', 'ALTER VIEW',
    'CREATE AGGREGATE', 'CREATE COLLATION', 'CREATE CONVERSION', 'CREATE DOMAIN', 'CREATE EXTENSION', 'CREATE FOREIGN TABLE', 'CREATE FUNCTION',
    'CREATE INDEX', 'CREATE MATERIALIZED VIEW', 'CREATE OPERATOR', 'CREATE OPERATOR CLASS', 'CREATE OPERATOR FAMILY', 'CREATE POLICY', 'CREATE PROCEDURE', 'CREATE RULE',
    'CREATE SCHEMA', 'CREATE SEQUENCE', 'CREATE STATISTICS', 'CREATE TABLE', 'CREATE TABLE AS', 'CREATE TEXT SEARCH CONFIGURATION',
    'CREATE TEXT SEARCH DICTIONARY', 'CREATE TRIGGER', 'CREATE TYPE', 'CREATE VIEW', 'IMPORT FOREIGN SCHEMA', 'SELECT INTO'
)
execute function carrel.refuse_added_code();

-- Refuses what foreign_code() lists, to those whose tables it is on. It reads as the owner of the extension, and judges the role that
-- the session acts as.
create function carrel.refuse_foreign_code() returns event_trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    actor name := case current_setting('role') when 'none' then session_user else current_setting('role') end;
    found text;
begin
    if (select r.rolsuper or r.rolname = 'carrel_owner' from pg_roles as r where r.rolname = actor) then
        return;
    end if;
    select f.what into found
    from carrel.foreign_code() as f
    join pg_class as c on f.relation = c.oid
    where f.what is not null and pg_has_role(actor, c.relowner, 'usage')
    order by f.what
    limit 1;
    if found is not null then
        raise exception '%, which is refused on tables that follow carrel''s', found
            using errcode = '42501',
                detail = 'It would run in the sessions of those who delete carrel''s rows.',
                hint = 'Let the foreign key be ON DELETE CASCADE or NO ACTION, without triggers, rules and indexed functions of your own, or have a superuser own them.';
    end if;
end
$$;

-- The checker of style knows no event triggers.
create event trigger carrel_refuse_foreign_code on ddl_command_end -- noqa: PRS
when tag in ('ALTER RULE', 'ALTER TABLE', 'ALTER TRIGGER', 'CREATE INDEX', 'CREATE RULE', 'CREATE SCHEMA', 'CREATE STATISTICS', 'CREATE TABLE', 'CREATE TRIGGER')
execute function carrel.refuse_foreign_code();
