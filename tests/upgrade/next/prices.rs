
/// What the prices of a model are for.
#[pg_extern(stable, parallel_unsafe)]
fn price_note(model: Option<&str>) -> Option<String> {
    guard(|| {
        let query = "select min(note) from carrel.model_prices where model = $1";
        spi::as_owner(Access::Read, |db| db.first(query, &[model.into()], |row| Ok(row.get(1)))).map(Option::flatten)
    })
}

/// price_usage() with one more argument: under a symbol of its own, for databases that have not been updated
/// call the other with three.
#[pg_extern(stable, parallel_unsafe, name = "price_usage")]
fn price_usage_2(
    model: Option<&str>,
    tokens: Option<Jsonb>,
    at: default!(Option<TimestampWithTimeZone>, "pg_catalog.now()"),
    factor: default!(Option<i32>, 1),
) -> Option<Numeric> {
    if factor == Some(1) { price_usage(model, tokens, at) } else { None }
}
