-- Further privileges of grant_user(role, self_metering => true): end users record their own usage.
grant execute on function carrel.consume_usage to :role;
grant execute on function carrel.record_usage to :role;
grant execute on function carrel.record_usage_batch to :role;
grant insert on table carrel.usage_events to :role;
