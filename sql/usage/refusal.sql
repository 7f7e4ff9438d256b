-- Parts of the error for usage beyond a limit: DETAIL as JSON, and numbers and times as text.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_end   $6 limit   $7 amount asked
-- $8 used and $9 held, both without the amount asked
with profile as materialized (
    select p.billing_timezone as zone, $5::timestamptz at time zone p.billing_timezone as ends,
        $6::numeric - $8::numeric - $9::numeric as remaining
    from carrel.user_profiles as p where p.user_id = $1::uuid
)
select
    jsonb_build_object(
        'event_type', $2::text, 'measure', $3::text, 'period', $4::text,
        'asked', trim_scale($7::numeric), 'used', trim_scale($8), 'held', trim_scale($9),
        'limit', trim_scale($6), 'resets_at', case when isfinite($5) then $5 end
    )::text,
    trim_scale($8)::text,
    case when $9 > 0 then trim_scale($9)::text else '' end,
    trim_scale($6)::text,
    trim_scale($7)::text,
    case when remaining > 0 then trim_scale(remaining)::text end,
    case when isfinite($5) then
        to_char(ends, case when extract(year from ends) = extract(year from now()) then 'FMDD FMMonth' else 'FMDD FMMonth YYYY' end)
        || case when ends = date_trunc('day', ends) then '' else to_char(ends, ' "at" HH24:MI') || format(' (%s)', zone) end
    end,
    $6 = 0 -- noqa: ST10
from profile
