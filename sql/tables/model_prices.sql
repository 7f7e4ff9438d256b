-- Prices of models: for a million tokens of each type, in a time range.
create table carrel.model_prices (
    model text collate "C" not null,
    token_type text collate "C" not null,
    price numeric not null,
    valid_during tstzrange not null default '(,)',
    constraint model_prices_pkey primary key (model, token_type, valid_during),
    constraint model_prices_model_check check (model <> ''),
    constraint model_prices_token_type_check check (token_type in ('input', 'output', 'cached_input', 'reasoning')),
    constraint model_prices_price_check check (price >= 0 and price <= 1000000000),
    constraint model_prices_valid_during_check check (not isempty(valid_during))
);
