//! Calls of every function that carrel has, with arguments that make sense.

use super::Things;
use carrel_tests::Session;

/// A function with what its arguments are called and of which type.
pub(super) struct Function {
    pub name: String,
    /// Whether it says that it looks at nothing but its arguments.
    pub is_immutable: bool,
    /// Name, type, and whether it may be left out.
    pub arguments: Vec<(String, String, bool)>,
}

/// Every function of carrel's that somebody can call.
pub(super) fn functions(session: &mut Session) -> Vec<Function> {
    let rows = session.column(
        "select proname || ' ' || provolatile::text, coalesce(string_agg(
            argument.name || ' ' || type::regtype || ' ' || (argument.place > pronargs - pronargdefaults),
            ',' order by argument.place), '')
        from pg_proc as p
        left join lateral unnest(proargtypes::oid[]) with ordinality as given (type, place) on true
        left join lateral unnest(proargnames) with ordinality as argument (name, place) using (place)
        where pronamespace = 'carrel'::regnamespace and prorettype <> all ('{trigger,event_trigger}'::regtype[])
        group by proname, provolatile order by proname",
    );
    assert!(rows.len() > 50, "{rows:?}");
    rows.iter()
        .map(|row| {
            let (name, arguments) = row.split_once('|').expect("two columns");
            let arguments = arguments.split(',').filter(|argument| !argument.is_empty());
            let arguments = arguments.map(|argument| {
                let (name, rest) = argument.split_once(' ').expect("a name");
                let (type_name, optional) = rest.rsplit_once(' ').expect("a type");
                (name.to_owned(), type_name.to_owned(), optional == "true")
            });
            let (name, volatility) = name.split_once(' ').expect("a volatility");
            Function {
                name: name.to_owned(),
                is_immutable: volatility == "i",
                arguments: arguments.collect(),
            }
        })
        .collect()
}

impl Function {
    /// A call with these values by name. No type is named, nor any operator used: it means the same on every path.
    pub fn call(&self, values: &[(&str, String)]) -> String {
        let given: Vec<_> =
            values.iter().map(|(name, value)| format!("{name} => {value}")).collect();
        format!("select * from carrel.{}({})", self.name, given.join(", "))
    }

    /// What a user would give who means their own rows: by name.
    pub fn sensible<'a>(&'a self, things: &Things) -> Vec<(&'a str, String)> {
        let arguments = self.arguments.iter().filter_map(|(name, type_name, optional)| {
            match sensible(&self.name, name, type_name, things) {
                Some(value) => Some((name.as_str(), format!("'{value}'"))),
                None if *optional => None,
                None => Some((name.as_str(), "null".to_owned())),
            }
        });
        arguments.collect()
    }
}

/// A value for an argument, None where none is best. Panics at one it hasn't heard of: whoever adds an argument says
/// here what it is like, so that it is attacked.
fn sensible(function: &str, name: &str, type_name: &str, things: &Things) -> Option<String> {
    let of_document = function.ends_with("_document") || function.ends_with("_document_text");
    let value = match (type_name, name) {
        ("uuid", "user_id" | "after_user") => &things.user,
        ("uuid", "document_id") if matches!(function, "rechunk_document" | "similar_documents") => {
            &things.document
        }
        ("uuid", "document_id") => &things.scan,
        ("uuid", "lease_token") if of_document => &things.scan_token,
        ("uuid", "lease_token") => &things.lease_token,
        ("uuid", "session_id") => &things.session,
        ("uuid", "up_to_request") => &things.request,
        ("uuid", "request_id") => match function {
            "append_to_session" | "cancel_request" => &things.loose,
            "retry_request" => &things.failed,
            _ => &things.leased,
        },
        ("uuid", "event_id") => &things.event,
        ("uuid", "reservation") => &things.reservation,
        ("uuid[]", "document_ids") => return Some(format!("{{{}}}", things.document)),
        ("jsonb", "metadata")
            if function.starts_with("search_")
                || matches!(function, "build_context" | "similar_documents") =>
        {
            r#"{"shelf": 1}"#
        }
        ("jsonb", "exclude_metadata") => r#"{"shelf": 2}"#,
        ("jsonb", "metadata" | "context_state" | "patch" | "results" | "error") => r#"{"a": 1}"#,
        ("jsonb", "tokens" | "token_types") => r#"{"input": 5}"#,
        ("jsonb", "events") => r#"[{"event_type": "agent_request", "tokens_used": 5}]"#,
        ("jsonb", "embeddings") => "[]",
        ("jsonb", "jwks") => r#"{"keys": []}"#,
        ("text", "token") => "not.a.token",
        ("text", "issuer" | "audience") => "https://issuer",
        ("text", "query") => "herons fox",
        ("text", "prefix") => "her",
        ("text", "content" | "content_text") => "# A\n\nA mole digs by the water.",
        ("text", "filename" | "title" | "name" | "storage_path" | "reason" | "worker") => "mole.md",
        ("text", "file_type") => "text/markdown",
        ("text", "language") => "english",
        ("text", "encoding") => "cl100k",
        ("text", "unit") => "characters",
        ("text", "format") => "markdown",
        ("text", "agent_type" | "event_type") => "agent_request",
        ("text", "idempotency_key") => "mine",
        ("text", "model") => "small",
        ("text", "measure") => "tokens",
        ("text", "bucket") => "day",
        ("text", "period") => "month",
        ("text", "timezone" | "billing_timezone") => "Europe/Vienna",
        ("text", "plan" | "plan_type") => "free",
        ("text", "subscription_status") => "active",
        ("text", "query_embedding") => return None,
        ("text[]", "agent_types") => "{nobody has this}",
        ("text[]", "file_types") => return None,
        ("text[]", "storage_paths") => "{mole.md}",
        ("text[]", "group_by") => "{event_type,model}",
        ("text", "source_schema" | "target_schema") => "public",
        ("name", "role") => "authenticated",
        ("regclass", "users_table") => "carrel.plans",
        ("integer", "chunk_size" | "max_tokens" | "words") => "200",
        ("integer", "chunk_overlap" | "result_offset" | "title_words" | "priority") => "0",
        ("integer", "dimensions" | "context_chunks" | "max_attempts" | "max_documents") => "3",
        ("integer", "users" | "documents_per_user") => "1",
        ("integer", "max_results" | "max_requests" | "max_rows" | "max_files" | "max_users") => {
            "10"
        }
        ("bigint", "expected_version" | "limit_value") => return None,
        ("bigint", "tokens" | "tokens_used" | "reserve_tokens") => "5",
        ("numeric", "amount" | "cost") => "1",
        ("real", "progress") => "0.5",
        // Scores would differ from one moment to the next.
        ("interval", "window_length" | "recency") => return None,
        ("interval", "older_than") => "100 days",
        ("interval", "lease" | "extend" | "ttl" | "retry_after") => "5 minutes",
        (
            "timestamp with time zone",
            "start_at" | "created_after" | "anchor" | "billing_anchor",
        ) => "2020-01-01 00:00+00",
        ("timestamp with time zone", "end_at" | "created_before") => "2090-01-01 00:00+00",
        ("timestamp with time zone", "at" | "run_at" | "occurred_at") => return None,
        ("tstzrange", _) => "empty",
        ("tsvector", "search_vector") => "mole:1A water:3",
        ("boolean", "self_metering" | "archive_usage" | "remove_missing") => "false",
        ("boolean", "dry_run" | "beside_others" | "operators") => "true",
        _ => panic!("teach the attacks what {name} {type_name} of carrel.{function}() is like"),
    };
    Some(value.to_owned())
}
