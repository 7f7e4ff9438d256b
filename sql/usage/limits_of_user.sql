-- Limits of a user's plan, each with its period at a time.
--
-- $1 user_id   $2 event type, which `*` limits match as well; null: all   $3 time
select l.event_type, l.measure, l.period, coalesce(lower(span), '-infinity'), coalesce(upper(span), 'infinity'),
    l.limit_value, l.enforcement = 'hard'
from carrel.user_profiles as p
join carrel.plan_limits as l on p.plan_type = l.plan_type
    and ($2::text is null or l.event_type in ('*', $2))
cross join lateral carrel.usage_period(
    l.period, l.window_length, p.billing_anchor, p.billing_timezone, $3::timestamptz
) as span
where p.user_id = $1::uuid
