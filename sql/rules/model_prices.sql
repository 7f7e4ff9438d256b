-- Operators edit prices. What was recorded keeps the cost that it was recorded at.
alter table carrel.model_prices enable row level security;

drop policy if exists model_prices_all_operator on carrel.model_prices;
create policy model_prices_all_operator on carrel.model_prices
    for all using (carrel.is_operator());

create or replace trigger model_prices_check_privileges
    before insert or delete or update or truncate on carrel.model_prices
    for each statement execute function carrel.check_privileges();

-- Refuses what no price is, and says what is known.
create or replace trigger model_prices_prepare
    before insert or update on carrel.model_prices
    for each row execute function carrel.prepare_price();

create or replace trigger model_prices_refuse_overlap
    after insert or update on carrel.model_prices
    for each statement execute function carrel.refuse_price_overlap();

comment on table carrel.model_prices is 'What models cost while the price is valid; the operator edits them. No two prices of one type of token are valid at once.';
comment on column carrel.model_prices.model is 'The model, as events name it.';
comment on column carrel.model_prices.token_type is 'input, output, cached_input or reasoning. Each token is of one type.';
comment on column carrel.model_prices.price is 'Money for a million tokens.';
comment on column carrel.model_prices.valid_during is 'From when to when the price holds.';
