-- What tokens cost is computed from the prices of their time; no two are valid at once, and no token is billed twice.
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
begin;
set local timezone = 'UTC';
insert into carrel.model_prices (model, token_type, price, valid_during) values
    ('m-1', 'input', 2.5, '(,2024-01-01)'), ('m-1', 'input', 1.25, '[2024-01-01,)'),
    ('m-1', 'output', 10, '(,)'), ('m-1', 'cached_input', 0.3, '[2024-01-01,)');
insert into carrel.model_prices (model, token_type, price, valid_during) values ('m-1', 'input', 2, '[2023-12-31,2024-01-02)');
update carrel.model_prices set valid_during = '(,)' where token_type = 'input' and price = 1.25;
insert into carrel.model_prices (model, token_type, price) values ('m-2', 'input', 'NaN');
insert into carrel.model_prices (model, token_type, price) values ('m-2', 'audio', 1);
select carrel.price_usage('m-1', '{"input": 1000000, "output": 500000}', '2023-06-01');
select carrel.price_usage('m-1', '{"input": 1000000, "output": 500000}', '2024-06-01');
select carrel.price_usage('m-1', '{"input": 1, "cached_input": 1, "reasoning": 1}', '2024-06-01');
select carrel.price_usage('m-1', '{"cached_input": 1000000}', '2023-06-01') as as_input;
select carrel.price_usage('m-1', '{"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 80}}', '2024-06-01') as told_apart;
select carrel.price_usage('m-1', '{}'), carrel.price_usage('m-3', '{"input": 1}'), carrel.price_usage(null, '{"input": 1}'), carrel.price_usage('m-1', null);
select carrel.price_usage('m-1', '{"input": 10, "cached_input": 8, "total_tokens": 10}');
select carrel.price_usage('m-1', '{"inputs": 10}');
select carrel.price_usage('m-1', '{"input": -1}');
set local role carrel_regress_service;
set local request.jwt.claims = '{"sub": "11111111-1111-1111-1111-111111111111"}';
select duplicate from carrel.record_usage('chat', model => 'm-1', token_types => '{"input": 1000, "output": 100}');
select duplicate from carrel.record_usage('chat', model => 'm-3', token_types => '{"input": 1000}');
select duplicate from carrel.record_usage('chat', cost => 7, model => 'm-1', token_types => '{"input": 1000}');
select model, tokens_used, cost from carrel.usage_events order by cost;
rollback;
