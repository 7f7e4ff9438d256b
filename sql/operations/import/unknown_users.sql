-- Number of users of the rows to import that the followed table of users does not have.
--
-- No parameters. Reads auth_users, the rows of the followed table.
select count(distinct owner.user_id)
from (
    select user_id from import_user_profiles
    union all
    select user_id from import_documents
    union all
    select user_id from import_agent_sessions
    union all
    select user_id from import_agent_requests
    union all
    select user_id from import_usage_events
) as owner
where not exists (select from auth_users as u where u.id = owner.user_id)
