-- Time zones, languages and event types of the rows to import, which Rust checks.
--
-- No parameters. Returns the table, the value and the number of rows that have it.
select 'user_profiles', billing_timezone, count(*) from import_user_profiles group by 2
union all
select 'documents', language, count(*) from import_documents group by 2
union all
select 'usage_events', event_type, count(*) from import_usage_events group by 2
order by 1, 2
