-- Time at which the next lease expires.
--
-- $1 agent types; null: all   $2 expired leases before this time were handled (null: none)
select lease_expires_at from carrel.agent_requests
where status = 'processing' and lease_expires_at >= coalesce($2, '-infinity')
    and ($1::text[] is null or agent_type = any($1))
order by lease_expires_at limit 1
