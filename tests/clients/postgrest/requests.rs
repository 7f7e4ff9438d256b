//! A request's statements, as PostgREST sends them.

use carrel_tests::{ALICE, BOB, Database, Session};
use postgres::SimpleQueryMessage;

/// Who asks: the role and the subject of a verified token.
#[derive(Clone, Copy)]
pub struct Token(pub &'static str, pub &'static str);

pub const OF_ALICE: Token = Token("authenticated", ALICE);
pub const OF_BOB: Token = Token("authenticated", BOB);
pub const OF_NOBODY: Token = Token("authenticated", "");
pub const OF_SERVICE: Token = Token("service_role", "");

/// A connection of its pool.
pub struct PostgRest {
    pub session: Session,
    catalog: Session,
}

impl PostgRest {
    pub fn connect(database: &Database) -> Self {
        let role = database.create_role("authenticator", "noinherit");
        database.superuser().run(&format!("grant authenticated, service_role to {role}"));
        Self { session: database.connect(&role), catalog: database.superuser() }
    }

    /// A request's transaction, which is committed if `commit` says so: the body of the answer, or the SQLSTATE and
    /// the hint.
    fn request(
        &mut self,
        Token(role, user): Token,
        read_only: bool,
        main: &str,
        commit: bool,
    ) -> Result<String, (String, String)> {
        let subject = if user.is_empty() { String::new() } else { format!(r#""sub": "{user}", "#) };
        let access = if read_only { "read only" } else { "read write" };
        self.session.run(&format!("begin isolation level read committed {access}"));
        self.session.run(&format!(
            r#"select set_config('search_path', '"carrel", "public"', true), set_config('role', '{role}', true),
                set_config('request.jwt.claims', '{{{subject}"role": "{role}"}}', true),
                set_config('request.method', '{method}', true), set_config('request.path', '/', true),
                set_config('request.headers', '{{"host": "localhost"}}', true),
                set_config('request.cookies', '{{}}', true)"#,
            method = if read_only { "GET" } else { "POST" },
        ));
        let outcome = self.session.client().simple_query(main);
        let committed = commit && outcome.is_ok();
        self.session.run(if committed { "commit" } else { "rollback" });
        let messages = outcome.map_err(|error| {
            let error = error.as_db_error().unwrap_or_else(|| panic!("{main}: {error}"));
            (error.code().code().to_owned(), error.hint().unwrap_or_default().to_owned())
        })?;
        let body = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get("body").unwrap_or("null").to_owned()),
            _ => None,
        });
        Ok(body.expect("a row of an answer"))
    }

    /// `POST /rpc/name` with arguments in JSON: read only where the function is not volatile.
    pub fn post(
        &mut self,
        token: Token,
        name: &str,
        json: &str,
        commit: bool,
    ) -> Result<String, (String, String)> {
        let columns = self.catalog.column(&format!(
            "select format('%I %s', key, format_type(kind, null)) from json_object_keys('{json}') as key
            left join (
                select argument, kind from pg_proc, unnest(proargnames[:pronargs], proargtypes::oid[]) as _ (argument, kind)
                where pronamespace = 'carrel'::regnamespace and proname = '{name}'
            ) as arguments on argument = key"
        ));
        let keys: Vec<_> = columns.iter().filter_map(|column| column.split(' ').next()).collect();
        let named: Vec<_> = keys.iter().map(|key| format!("{key} := pgrst_body.{key}")).collect();
        let call = format!("carrel.{name}({})", named.join(", "));
        let body = if keys.is_empty() {
            "(select null) as pgrst_body".to_owned()
        } else {
            format!(
                "lateral (select {} from json_to_record(pgrst_payload.json_data) as _({}) limit 1) as pgrst_body",
                keys.join(", "),
                columns.join(", ")
            )
        };
        let from = format!("(select '{json}'::json as json_data) as pgrst_payload, {body}");
        let main = self.wrapped(name, &call, &from);
        let read_only = self.is_read_only(name);
        self.request(token, read_only, &main, commit)
    }

    /// `GET /rpc/name?argument=value`: values are text.
    pub fn get(
        &mut self,
        token: Token,
        name: &str,
        arguments: &[(&str, &str)],
    ) -> Result<String, (String, String)> {
        let named: Vec<_> =
            arguments.iter().map(|(key, value)| format!(r#""{key}" := '{value}'"#)).collect();
        let call = format!("carrel.{name}({})", named.join(", "));
        let main = self.wrapped(name, &call, "(select 1) as pgrst_body");
        self.request(token, true, &main, false)
    }

    /// A call as a source of rows: what returns a table, all of it; what returns a value, that.
    fn wrapped(&mut self, name: &str, call: &str, from: &str) -> String {
        let kind = self.catalog.value(&format!(
            "select proretset or prorettype = 'record'::regtype from pg_proc
            where pronamespace = 'carrel'::regnamespace and proname = '{name}'"
        ));
        let (called, body) = if kind == "t" {
            (
                format!("select pgrst_call.* from {from}, lateral {call} as pgrst_call"),
                "json_agg(_postgrest_t), '[]'",
            )
        } else {
            (
                format!(
                    "select pgrst_call.pgrst_scalar from {from}, lateral (select {call} as pgrst_scalar) as pgrst_call"
                ),
                "json_agg(_postgrest_t.pgrst_scalar) -> 0, 'null'",
            )
        };
        format!(
            r#"with pgrst_source as ({called})
            select null::bigint as total_result_set, pg_catalog.count(_postgrest_t) as page_total,
                coalesce({body})::character varying as body,
                nullif(current_setting('response.headers', true), '') as response_headers,
                nullif(current_setting('response.status', true), '') as response_status, '' as response_inserted
            from (select "{name}".* from "pgrst_source" as "{name}" limit 1000 offset 0) as _postgrest_t"#
        )
    }

    fn is_read_only(&mut self, name: &str) -> bool {
        let volatility = self.catalog.column(&format!(
            "select provolatile from pg_proc where pronamespace = 'carrel'::regnamespace and proname = '{name}'"
        ));
        assert_eq!(volatility.len(), 1, "{name} is overloaded, or not there");
        volatility[0] != "v"
    }

    /// A request for a table's rows.
    pub fn rows(
        &mut self,
        token: Token,
        read_only: bool,
        source: &str,
    ) -> Result<String, (String, String)> {
        let main = format!(
            "with pgrst_source as ({source})
            select null::bigint as total_result_set, pg_catalog.count(_postgrest_t) as page_total,
                coalesce(json_agg(_postgrest_t), '[]')::character varying as body
            from (select * from pgrst_source) as _postgrest_t"
        );
        self.request(token, read_only, &main, true)
    }
}
