-- Owner of carrel's schema, if it is neither a superuser nor the extension's owner, and the
-- extension's owner.
--
-- No parameters. No row: the schema's owner is right. While CREATE EXTENSION runs, the current user
-- counts as the extension's owner.
select owner.rolname::text, extension_owner.rolname::text
from pg_namespace as n
join pg_roles as owner on n.nspowner = owner.oid
left join pg_extension as e on e.extname = 'carrel' -- noqa: ST11
join pg_roles as extension_owner on coalesce(e.extowner, current_user::regrole::oid) = extension_owner.oid
where n.nspname = 'carrel' and not owner.rolsuper and owner.oid <> extension_owner.oid
