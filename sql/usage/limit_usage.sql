-- Usage of limits, each in one of its periods: the definition of what counts against a limit.
-- src/usage/limits/limit_status.rs adds up the same for one event, without a statement.
--
-- k   the limits, a row for each: user_id, event_type, measure, period, period_start, period_end, number;
--     limit_usage.rs puts the CTE in front, of one limit ($1 … $6) or of arrays of them
-- $7  held reservations count if they expire after this time; -infinity: all of them
-- $8  true: add up the shares in usage_allowances as well
-- Returns one row for each limit, in the order of number: used (null: no profile), held, allocated.
select
    (
        select case
            when k.measure = 'documents' then (
                select count(*) from carrel.documents as d where d.user_id = k.user_id
            )
            when k.measure = 'bytes' then (
                select coalesce(sum(greatest(d.file_size, octet_length(d.content_text))), 0)
                from carrel.documents as d where d.user_id = k.user_id
            )
            when k.period in ('month', 'week', 'day') then (
                select coalesce(sum(case k.measure
                    when 'events' then t.events
                    when 'tokens' then t.tokens_used
                    when 'cost' then t.cost
                end), 0)
                from carrel.usage_totals as t
                where t.user_id = k.user_id and k.event_type in ('*', t.event_type)
                    and t.day >= carrel.usage_day(p.billing_timezone, k.period_start)
                    and t.day <= carrel.usage_day(p.billing_timezone, k.period_end - interval '1 microsecond')
                    and (k.period <> 'month' or t.period_start = k.period_start)
            )
            else (
                select coalesce(sum(case k.measure
                    when 'events' then case when e.voids is null then 1 else -1 end
                    when 'tokens' then e.tokens_used
                    when 'cost' then e.cost
                end), 0)
                from carrel.usage_events as e
                where e.user_id = k.user_id and k.event_type in ('*', e.event_type)
                    and e.occurred_at >= k.period_start and e.occurred_at < k.period_end
            )
        end
        from carrel.user_profiles as p where p.user_id = k.user_id
    )::numeric as used,
    (
        select coalesce(sum(case k.measure
            when 'events' then 1
            when 'tokens' then q.reserve_tokens
            when 'cost' then 0
            when 'documents' then 0
            when 'bytes' then 0
        end), 0)
        from carrel.agent_requests as q
        where q.user_id = k.user_id and k.event_type in ('*', 'agent_request')
            and q.status in ('pending', 'processing')
            and q.reserved_at >= k.period_start and q.reserved_at < k.period_end
    ) + (
        select coalesce(sum(case k.measure
            when 'events' then 1
            when 'tokens' then r.tokens
            when 'cost' then r.cost
            when 'documents' then 0
            when 'bytes' then 0
        end), 0)
        from carrel.usage_reservations as r
        where r.user_id = k.user_id and k.event_type in ('*', r.event_type)
            and r.reserved_at >= k.period_start and r.reserved_at < k.period_end
            and r.state = 'held' and r.expires_at > $7::timestamptz
    )::numeric as held,
    case when $8::boolean then (
        select coalesce(sum(a.amount), 0)
        from carrel.usage_allowances as a
        where a.user_id = k.user_id and a.period_start = k.period_start and a.measure = k.measure
            and a.event_type = k.event_type and a.period = k.period
    ) end as allocated
from k
order by k.number
