-- Refuses code that a role with fewer rights adds to carrel's tables and schema, and to tables that follow them, when it is added.
--
-- TRIGGER on a table is enough to add a trigger, REFERENCES to add a foreign key, CREATE on a schema to add functions. Postgres then runs
-- conditions of triggers, casts of foreign keys' columns and better fitting functions with the rights of the tables' owner or of
-- carrel's caller. Superusers and carrel_owner may add what they like.

-- The checker of style knows no event triggers.
create event trigger carrel_refuse_added_code on ddl_command_end -- noqa: PRS
when tag in (
    'ALTER AGGREGATE', 'ALTER COLLATION', 'ALTER CONVERSION', 'ALTER DOMAIN', 'ALTER EXTENSION', 'ALTER FOREIGN TABLE', 'ALTER FUNCTION',
    'ALTER MATERIALIZED VIEW', 'ALTER OPERATOR', 'ALTER OPERATOR CLASS', 'ALTER OPERATOR FAMILY', 'ALTER POLICY', 'ALTER PROCEDURE', 'ALTER ROUTINE',
    'ALTER RULE', 'ALTER SEQUENCE', 'ALTER STATISTICS', 'ALTER TABLE', 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY', 'ALTER TRIGGER', 'ALTER TYPE', 'ALTER VIEW',
    'CREATE AGGREGATE', 'CREATE COLLATION', 'CREATE CONVERSION', 'CREATE DOMAIN', 'CREATE EXTENSION', 'CREATE FOREIGN TABLE', 'CREATE FUNCTION',
    'CREATE INDEX', 'CREATE MATERIALIZED VIEW', 'CREATE OPERATOR', 'CREATE OPERATOR CLASS', 'CREATE OPERATOR FAMILY', 'CREATE POLICY', 'CREATE PROCEDURE', 'CREATE RULE',
    'CREATE SCHEMA', 'CREATE SEQUENCE', 'CREATE STATISTICS', 'CREATE TABLE', 'CREATE TABLE AS', 'CREATE TEXT SEARCH CONFIGURATION',
    'CREATE TEXT SEARCH DICTIONARY', 'CREATE TRIGGER', 'CREATE TYPE', 'CREATE VIEW', 'IMPORT FOREIGN SCHEMA', 'SELECT INTO'
)
execute function carrel.refuse_added_code();

-- Also where session_replication_role is replica, which a role may be allowed to set.
alter event trigger carrel_refuse_added_code enable always;
