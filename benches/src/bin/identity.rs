//! Cost of an identity: verifying a token, once a transaction, and asking who the caller is, which policies do for each
//! statement and in some plans for each row.
//!
//! All calls are made in one statement over generate_series(), less the cost of that statement without them; figures are
//! medians of rounds in which each side runs once. The limits: the signature check alone (ring, in this process), and
//! for current_user_id() a call of `current_setting('request.jwt.claims', true)`.

#[path = "../../../core/tests/jwt/signer.rs"]
mod signer;

use carrel_benches::report::{self, Bound, Target, number};
use carrel_benches::size::scaled;
use carrel_benches::{median, server};
use carrel_core::jwt::{Algorithm, Material};
use postgres::Client;
use signer::Signer;
use std::time::Instant;

fn rounds() -> usize {
    scaled(7, 1)
}

/// Calls of authenticate().
fn tokens() -> i64 {
    scaled(2_000, 10)
}

/// Calls of current_user_id().
fn calls() -> i64 {
    scaled(1_000_000, 1_000)
}

const ALGORITHMS: [&str; 4] = ["ES256", "RS256", "EdDSA", "HS256"];
const USER: &str = "a11ce000-0000-4000-8000-000000000001";

/// Microseconds that a query takes for each of its rows.
fn each(client: &mut Client, expression: &str, rows: i64) -> f64 {
    let sql = format!("select count({expression}) from generate_series(1, {rows})");
    let began = Instant::now();
    client.query_one(&sql, &[]).unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
    began.elapsed().as_secs_f64() * 1e6 / rows as f64
}

/// Microseconds of an expression, beside those of a column.
fn measured(client: &mut Client, expressions: &[String], rows: i64) -> Vec<f64> {
    let mut times = vec![Vec::new(); expressions.len()];
    for round in 0..=rounds() {
        let nothing = each(client, "1", rows);
        for (expression, times) in expressions.iter().zip(&mut times) {
            let time = each(client, expression, rows) - nothing;
            // The first round is a warm-up.
            if round > 0 {
                times.push(time);
            }
        }
    }
    times.into_iter().map(median).collect()
}

fn main() {
    let mut client = server::superuser();
    let claims = format!(r#"{{"iss": "bench", "sub": "{USER}", "exp": 4102444800}}"#);
    let signers = ALGORITHMS.map(|algorithm| Signer::new(algorithm, "bench"));
    for signer in &signers {
        let insert = "insert into carrel.jwt_keys (issuer, key_id, algorithm, key) values ('bench', $1, $1, $2)";
        client.execute(insert, &[&signer.algorithm(), &signer.jwk()]).expect("a key");
    }
    client.batch_execute("set role authenticated").expect("authenticated");
    client.batch_execute("begin").expect("a transaction");
    let verifying: Vec<String> = signers
        .iter()
        .map(|signer| format!("carrel.authenticate('{}')", signer.token(&claims)))
        .collect();
    let times = measured(&mut client, &verifying, tokens());
    println!("authenticate(), microseconds a call, {} calls", tokens());
    println!("  {:<10} {:>12} {:>16} {:>8}", "", "authenticate", "signature alone", "ratio");
    for (signer, time) in signers.iter().zip(&times) {
        let alone = signature_alone(signer, &claims);
        let (name, ratio) = (signer.algorithm(), time / alone);
        println!("  {name:<10} {:>12} {:>16} {:>8}", number(*time), number(alone), number(ratio));
    }
    client.batch_execute("rollback").expect("the end");

    let current = ["carrel.current_user_id()", "current_setting('request.jwt.claims', true)"];
    let current = current.map(str::to_owned);
    println!("\ncurrent_user_id(), nanoseconds a call, {} calls", calls());
    println!("  {:<32} {:>8} {:>16} {:>8}", "", "call", "current_setting", "ratio");
    let mut lines = Vec::new();
    for (name, begin) in [
        ("by claims", format!(r#"begin; set local request.jwt.claims = '{{"sub": "{USER}"}}'"#)),
        ("by a token, beside claims", format!("begin; set local request.jwt.claims = '{{}}'; select {}", verifying[0])),
        (
            "by a token",
            format!("reset role; begin; set local carrel.identity_source = token; set local role authenticated;
                set local request.jwt.claims = '{{}}'; select {}", verifying[0]),
        ),
        (
            "nobody, where tokens are needed",
            "reset role; begin; set local carrel.identity_source = token; set local role authenticated;
                set local request.jwt.claims = '{}'".to_owned(),
        ),
    ] {
        client.batch_execute(&begin).unwrap_or_else(|error| panic!("{begin}\n{error:?}"));
        let times = measured(&mut client, &current, calls());
        let (call, setting) = (times[0] * 1e3, times[1] * 1e3);
        println!("  {name:<32} {:>8} {:>16} {:>8}", number(call), number(setting), number(call / setting));
        lines.push(call);
        client.batch_execute("rollback").expect("the end");
    }
    report::targets(&[
        Target::new("ES256: authenticate()", times[0], Bound::AtMost(150.0), "us"),
        Target::new(
            "current_user_id() by a token, of that by claims",
            lines[2] / lines[0],
            Bound::AtMost(1.0),
            "x",
        ),
    ]);
}

/// Microseconds that the core takes to check a signature.
fn signature_alone(signer: &Signer, claims: &str) -> f64 {
    let algorithm = Algorithm::named(signer.algorithm()).expect("an algorithm");
    let key = Material::read(algorithm, &signer.jwk()).expect("a key");
    let token = signer.token(claims);
    let (signed, _) = token.rsplit_once('.').expect("a token");
    let signature = signer.signature(signed.as_bytes());
    let rounds = (0..rounds()).map(|_| {
        let began = Instant::now();
        for _ in 0..200 {
            assert!(std::hint::black_box(&key).is_signed(signed.as_bytes(), &signature));
        }
        began.elapsed().as_secs_f64() * 1e6 / 200.0
    });
    median(rounds.collect())
}
