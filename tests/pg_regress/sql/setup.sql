-- What every test relies on: the extension, a role of each kind, two users, and a way to show errors.
-- A test works in a transaction of its own and rolls it back.
create extension carrel;

create role carrel_regress_user nologin;
create role carrel_regress_metering nologin;
create role carrel_regress_service nologin;
create role carrel_regress_stranger nologin;
select carrel.grant_user('carrel_regress_user');
select carrel.grant_user('carrel_regress_metering', self_metering => true);
select carrel.grant_service('carrel_regress_service');

-- Ada and Bob.
select carrel.create_user('11111111-1111-1111-1111-111111111111', 'Ada');
select carrel.create_user('22222222-2222-2222-2222-222222222222', 'Bob');

-- What a statement answers: the value of its only column, or how many rows it changed, else its error
-- with SQLSTATE, DETAIL and HINT. Runs as the caller, and leaves nothing behind after an error.
create function public.outcome(statement text) returns text language plpgsql as $$
declare
    answer text;
    changed bigint;
    detail text;
    hint text;
begin
    if statement ~* '^(insert|update|delete|merge|truncate)' and statement !~* ' returning ' then
        execute statement;
        get diagnostics changed = row_count;
        return changed || case changed when 1 then ' row' else ' rows' end;
    end if;
    execute statement into answer;
    return coalesce(answer, '(null)');
exception when others then
    get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
    return sqlstate || ': ' || sqlerrm
        || case when detail <> '' then E'\n  detail: ' || detail else '' end
        || case when hint <> '' then E'\n  hint: ' || hint else '' end;
end
$$;

-- Records usage of Ada's in each way that there is.
create procedure public.record_each_way(tokens int) language plpgsql as $$ declare ada uuid := '11111111-1111-1111-1111-111111111111'; begin
    perform carrel.record_usage('chat', tokens, user_id => ada);
    perform carrel.record_usage('agent_request', tokens, idempotency_key => 'key ' || tokens, user_id => ada);
    perform carrel.consume_usage('chat', tokens, user_id => ada);
    perform carrel.record_usage_batch(jsonb_build_array(jsonb_build_object('event_type', 'chat', 'tokens_used', tokens, 'user_id', ada)));
end $$;
