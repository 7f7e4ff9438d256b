//! How much a benchmark does: as much as its figures need, or with SMALLEST=yes as little as shows that it runs.

/// Whether figures are not wanted, see [`scaled`].
pub fn is_smallest() -> bool {
    std::env::var("SMALLEST").is_ok_and(|value| value == "yes")
}

/// An amount of work: `whole`, or in a smallest run `least`.
pub fn scaled<T>(whole: T, least: T) -> T {
    if is_smallest() { least } else { whole }
}

/// An amount of work that a variable of the environment sets, else as [`scaled`] has it.
pub fn set_by(variable: &str, whole: i64, least: i64) -> i64 {
    match std::env::var(variable).as_deref() {
        Err(_) | Ok("") => scaled(whole, least),
        Ok(number) => number.parse().unwrap_or_else(|_| panic!("{variable}={number}: no number")),
    }
}
