-- Limits that are allocated: their shares add up to limit - used - held.
--
-- $1 user_id; null: all
select a.user_id, a.event_type, a.measure, a.period, a.period_start, a.period_end, max(a.limit_value)
from carrel.usage_allowances as a
where ($1::uuid is null or a.user_id = $1)
    and exists (select from carrel.user_profiles as p where p.user_id = a.user_id)
group by 1, 2, 3, 4, 5, 6
having count(a.limit_value) > 0
