-- Privileges granted by grant_operator(role): administration without superuser. Operators see and change plans, limits, prices and
-- keys, and let applications' tables refer to carrel's; they never see users' texts, and never get TRIGGER.
grant usage on schema carrel to :role;
grant execute on function carrel.billing_period_start to :role;
grant execute on function carrel.current_user_id to :role;
grant execute on function carrel.doctor to :role;
grant execute on function carrel.grant_service to :role;
grant execute on function carrel.grant_user to :role;
grant execute on function carrel.import_jwks to :role;
grant execute on function carrel.is_operator to :role;
grant execute on function carrel.list_users to :role;
grant execute on function carrel.price_usage to :role;
grant execute on function carrel.revoke_service to :role;
grant execute on function carrel.revoke_user to :role;
grant execute on function carrel.set_plan to :role;
grant execute on function carrel.stats to :role;
grant execute on function carrel.uuid_v7 to :role;
grant execute on function carrel.version to :role;
grant references (user_id) on table carrel.user_profiles to :role;
grant references (id, user_id) on table carrel.documents to :role;
grant references (id, user_id) on table carrel.document_chunks to :role;
grant references (id, user_id) on table carrel.agent_sessions to :role;
grant references (id, user_id) on table carrel.agent_requests to :role;
grant references (id, user_id) on table carrel.usage_events to :role;
grant select, insert, update, delete on table carrel.plans to :role;
grant select, insert, update, delete on table carrel.plan_limits to :role;
grant select, insert, update, delete on table carrel.model_prices to :role;
grant select, insert, update, delete on table carrel.jwt_keys to :role;
