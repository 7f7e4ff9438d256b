-- Price of tokens of a model, rounded to 10 decimals. No row: no tokens. Null: a price is missing.
--
-- $1 model   $2 input   $3 cached_input   $4 output   $5 reasoning   $6 time
-- Without prices of their own, cached_input has the price of input, and reasoning that of output.
select case when bool_and(price is not null) then round(sum(tokens * price) / 1000000, 10) end
from (
    select used.tokens, coalesce(own.price, like_it.price) as price
    from (
        values ('input', null, $2::bigint), ('cached_input', 'input', $3::bigint),
            ('output', null, $4::bigint), ('reasoning', 'output', $5::bigint)
    ) as used (token_type, is_like, tokens)
    left join carrel.model_prices as own on own.model = $1::text
        and used.token_type = own.token_type and own.valid_during @> $6::timestamptz
    left join carrel.model_prices as like_it on like_it.model = $1
        and used.is_like = like_it.token_type and like_it.valid_during @> $6
    where used.tokens > 0
) as used
having count(*) > 0
