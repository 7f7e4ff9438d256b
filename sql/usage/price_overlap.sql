-- Two prices of one model and token type that are valid at once, if there are any, as text. No
-- parameters.
select format('%s of %s during %s and %s', one.token_type, one.model, one.valid_during, other.valid_during)
from carrel.model_prices as one
join carrel.model_prices as other on one.model = other.model and one.token_type = other.token_type
    and one.valid_during < other.valid_during and other.valid_during && one.valid_during
limit 1 -- noqa: AM09
