//! carrel from Rust, with tokio-postgres. PGHOST (a socket's directory) and PGDATABASE say where.

mod statements;

use serde_json::{Value, json};
use statements::{
    ACT_AS, ADD_DOCUMENT, ALL, CLAIM, COMPLETE, CREATE_REQUEST, CREATE_USER, OWN_REQUESTS, SEARCH,
};
use std::error::Error;
use tokio_postgres::{Client, Config, NoTls, Transaction};
use uuid::Uuid;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

async fn connect(role: &str) -> Outcome<Client> {
    let (host, database) = (std::env::var("PGHOST")?, std::env::var("PGDATABASE")?);
    let (client, connection) =
        Config::new().host(host).dbname(database).user(role).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A transaction that is this user's; rolled back unless it is committed.
async fn as_user(client: &mut Client, user: Uuid) -> Outcome<Transaction<'_>> {
    let transaction = client.transaction().await?;
    ACT_AS.query(&transaction, &[&user]).await?;
    Ok(transaction)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    match std::env::args().nth(1).as_deref() {
        Some("check") => check().await,
        Some("search") => search().await,
        Some("work") => work().await,
        Some("fail") => fail().await,
        _ => Err("carrel-example check|search|work|fail".into()),
    }
}

/// Every statement against the live database.
async fn check() -> Outcome {
    let client = connect("service_role").await?;
    for statement in ALL {
        match statement.check(&client).await {
            Ok(()) => println!("ok"),
            Err(problem) => println!("{}\n{problem}", statement.sql),
        }
    }
    Ok(())
}

/// A user adds a document and finds what is in it.
async fn search() -> Outcome {
    let ada: Uuid = CREATE_USER.query(&connect("service_role").await?, &[&"Ada"]).await?[0].get(0);
    let mut client = connect("authenticated").await?;

    let transaction = as_user(&mut client, ada).await?;
    let text = "# Green tea\n\nBrew green tea at 80 °C for two minutes.";
    let added = ADD_DOCUMENT.query(&transaction, &[&"tea.md", &text, &json!({"shelf": 3})]).await?;
    transaction.commit().await?;
    let (id, status): (Uuid, &str) = (added[0].get(0), added[0].get(1));
    println!("added: {status}");

    let transaction = as_user(&mut client, ada).await?;
    for hit in SEARCH.query(&transaction, &[&"how many minutes?", &5, &vec![id]]).await? {
        let (filename, snippet): (&str, &str) = (hit.get("filename"), hit.get("snippet"));
        println!("found: {filename} {}", snippet.lines().last().unwrap_or_default());
    }
    transaction.commit().await?;

    let nobodys = client.query_typed("select id from carrel.documents", &[]).await?;
    println!("nobody's: {}", nobodys.len());
    Ok(())
}

/// A worker does what users asked for.
async fn work() -> Outcome {
    let service = connect("service_role").await?;
    let ada: Uuid = CREATE_USER.query(&service, &[&"Ada"]).await?[0].get(0);
    let mut client = connect("authenticated").await?;
    let transaction = as_user(&mut client, ada).await?;
    CREATE_REQUEST.query(&transaction, &[&"chat", &"Which tea is the mildest?"]).await?;
    transaction.commit().await?;

    while let [request] = CLAIM.query(&service, &[&"worker 1"]).await?.as_slice() {
        let (id, lease): (Uuid, Uuid) = (request.get("id"), request.get("lease_token"));
        let results = json!({"answer": request.get::<_, &str>("content").to_uppercase()});
        COMPLETE.query(&service, &[&id, &lease, &results, &210_i64]).await?;
    }

    let transaction = as_user(&mut client, ada).await?;
    for row in OWN_REQUESTS.query(&transaction, &[]).await? {
        let (content, status): (&str, &str) = (row.get(0), row.get(1));
        let (results, tokens): (Option<Value>, i64) = (row.get(2), row.get(3));
        println!("{content} {status} {} {tokens}", results.unwrap_or_default());
    }
    Ok(())
}

/// An error has an SQLSTATE to act on, and a hint for who reads it.
async fn fail() -> Outcome {
    let mut client = connect("authenticated").await?;
    let transaction = client.transaction().await?;
    let none: Option<Vec<Uuid>> = None;
    let Err(error) = SEARCH.query(&transaction, &[&"tea", &5, &none]).await else {
        return Err("nobody finds something".into());
    };
    let told = error.as_db_error().ok_or("not an error of the database")?;
    println!("{} {}", told.code().code(), told.hint().unwrap_or_default());
    Ok(())
}
