-- Inserts a profile of the sample, unless it exists.
--
-- $1 user_id   $2 name   $3 plan; free if there is no such plan
insert into carrel.user_profiles (id, user_id, name, plan_type, created_at)
select $1, $1, $2, coalesce((select plan_type from carrel.plans where plan_type = $3), 'free'), now() - interval '90 days'
on conflict (user_id) do nothing
