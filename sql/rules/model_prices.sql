-- Operators edit prices. Recorded events keep their cost.
alter table carrel.model_prices enable row level security;

drop policy if exists model_prices_all_operator on carrel.model_prices;
create policy model_prices_all_operator on carrel.model_prices
    for all using (carrel.is_operator());

create or replace trigger model_prices_check_privileges
    before insert or delete or update or truncate on carrel.model_prices
    for each statement execute function carrel.check_privileges();

-- Checks model, token type and price.
create or replace trigger model_prices_prepare
    before insert or update on carrel.model_prices
    for each row execute function carrel.prepare_price();

create or replace trigger model_prices_refuse_overlap
    after insert or update on carrel.model_prices
    for each statement execute function carrel.refuse_price_overlap();

comment on table carrel.model_prices is 'Prices of tokens by model. Operators edit them. Prices of one model and token type do not overlap in time.';
comment on column carrel.model_prices.model is 'Model, as events name it.';
comment on column carrel.model_prices.token_type is 'input, output, cached_input or reasoning. Each token has one type.';
comment on column carrel.model_prices.price is 'Price of a million tokens.';
comment on column carrel.model_prices.valid_during is 'Time range in which the price is valid.';
