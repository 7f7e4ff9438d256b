//! carrel through the clients that its users already have: each test starts a client's own program against a real
//! server, and what it says is what the test says. `make test-clients` installs what they need.

mod drizzle;
mod edge_functions;
mod page;
mod poolers;
mod postgrest;
mod prisma;
mod psql;
mod python;
mod rust;
