-- Plans that users are on and that do not exist, with the number of users.
--
-- No parameters.
select format(
    case when count(*) = 1 then '%s user is on plan %s, which does not exist' else '%s users are on plan %s, which does not exist' end,
    count(*), plan_type
)
from carrel.user_profiles as profile
where not exists (select from carrel.plans where plans.plan_type = profile.plan_type)
group by plan_type order by plan_type
