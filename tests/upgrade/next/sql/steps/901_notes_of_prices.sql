-- Prices get a note of their purpose, and may be twice as high.
alter table carrel.model_prices add column if not exists note text not null default '';
update carrel.model_prices set note = 'for a million tokens' where note = '';
alter table carrel.model_prices drop constraint if exists model_prices_price_check;
