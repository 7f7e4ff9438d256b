//! carrel's life on real servers, by theme.

mod adoption;
mod dump;
mod isolation;
