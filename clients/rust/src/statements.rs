//! The statements of an application, each with the types of what goes in and what comes out.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, GenericClient, Row};

pub struct Statement {
    pub sql: &'static str,
    pub arguments: &'static [Type],
    pub results: &'static [Type],
}

pub const CREATE_USER: Statement = Statement {
    sql: "select carrel.create_user(name => $1)",
    arguments: &[Type::TEXT],
    results: &[Type::UUID],
};

pub const ACT_AS: Statement = Statement {
    sql: "select carrel.act_as($1)::text",
    arguments: &[Type::UUID],
    results: &[Type::TEXT],
};

pub const ADD_DOCUMENT: Statement = Statement {
    sql: "insert into carrel.documents (filename, content_text, metadata) values ($1, $2, $3)
        returning id, processing_status",
    arguments: &[Type::TEXT, Type::TEXT, Type::JSONB],
    results: &[Type::UUID, Type::TEXT],
};

pub const SEARCH: Statement = Statement {
    sql: "select document_id, filename, snippet, score
        from carrel.search_chunks($1, max_results => $2, document_ids => $3)",
    arguments: &[Type::TEXT, Type::INT4, Type::UUID_ARRAY],
    results: &[Type::UUID, Type::TEXT, Type::TEXT, Type::FLOAT4],
};

pub const CREATE_REQUEST: Statement = Statement {
    sql: "select carrel.create_request($1, $2)",
    arguments: &[Type::TEXT, Type::TEXT],
    results: &[Type::UUID],
};

pub const CLAIM: Statement = Statement {
    sql: "select id, lease_token, content from carrel.claim_requests($1, lease => '1 minute')",
    arguments: &[Type::TEXT],
    results: &[Type::UUID, Type::UUID, Type::TEXT],
};

pub const COMPLETE: Statement = Statement {
    sql: "select event_id, duplicate from carrel.complete_request($1, $2, $3, tokens => $4)",
    arguments: &[Type::UUID, Type::UUID, Type::JSONB, Type::INT8],
    results: &[Type::UUID, Type::BOOL],
};

pub const OWN_REQUESTS: Statement = Statement {
    sql: "select content, status, results, token_cost from carrel.agent_requests order by id",
    arguments: &[],
    results: &[Type::TEXT, Type::TEXT, Type::JSONB, Type::INT8],
};

pub const ALL: [&Statement; 8] = [
    &CREATE_USER,
    &ACT_AS,
    &ADD_DOCUMENT,
    &SEARCH,
    &CREATE_REQUEST,
    &CLAIM,
    &COMPLETE,
    &OWN_REQUESTS,
];

impl Statement {
    /// Runs it. As the types are known nothing is prepared first: one round trip, and any pooler will do.
    pub async fn query(
        &self,
        client: &impl GenericClient,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        assert_eq!(values.len(), self.arguments.len(), "arguments of {}", self.sql);
        let typed: Vec<_> = values.iter().copied().zip(self.arguments.iter().cloned()).collect();
        client.query_typed(self.sql, &typed).await
    }

    /// What the database takes and gives, where that is something else than what is said here: to be run by a test,
    /// or when a program starts. Nothing is executed.
    pub async fn check(&self, client: &Client) -> Result<(), String> {
        let prepared =
            client.prepare(self.sql).await.map_err(|error| match error.as_db_error() {
                Some(told) => format!("{}: {}", told.code().code(), told.message()),
                None => error.to_string(),
            })?;
        let results: Vec<_> =
            prepared.columns().iter().map(|column| column.type_().clone()).collect();
        if prepared.params() == self.arguments && results == self.results {
            return Ok(());
        }
        Err(format!("takes {:?}, gives {results:?}", prepared.params()))
    }
}
