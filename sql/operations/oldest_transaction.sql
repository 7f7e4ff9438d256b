-- Oldest transaction of this database, as a row of stats(). Only superusers and pg_monitor see the
-- transactions of all roles.
--
-- No parameters.
select
    'transactions.oldest_seconds', coalesce(max(extract(epoch from clock_timestamp() - a.xact_start)), 0)::numeric,
    (array_agg(format('pid %s, %s', a.pid, a.usename) order by a.xact_start))[1]
from pg_stat_activity as a
where a.backend_xmin is not null and a.pid <> pg_backend_pid() and a.datname = current_database()
