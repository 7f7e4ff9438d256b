//! Reading carrel's own SQL files, which keep to one form (tested below), so that they are the only
//! definition of the tables: statements end with `;` at the end of a line, and a table has one line
//! for each column and each constraint.

/// A file of sql/tables.
pub struct Table {
    pub name: &'static str,
    pub sql: &'static str,
}

/// A column or constraint, as its line has it.
pub struct NamedSql {
    pub name: &'static str,
    pub definition: &'static str,
}

/// The tables in the order in which they are created: what a foreign key refers to comes first.
pub const TABLES: [Table; 21] = [
    Table { name: "migrations", sql: include_str!("../sql/tables/migrations.sql") },
    Table { name: "granted_roles", sql: include_str!("../sql/tables/granted_roles.sql") },
    Table { name: "jwt_keys", sql: include_str!("../sql/tables/jwt_keys.sql") },
    Table { name: "plans", sql: include_str!("../sql/tables/plans.sql") },
    Table { name: "plan_limits", sql: include_str!("../sql/tables/plan_limits.sql") },
    Table { name: "model_prices", sql: include_str!("../sql/tables/model_prices.sql") },
    Table { name: "user_profiles", sql: include_str!("../sql/tables/user_profiles.sql") },
    Table { name: "documents", sql: include_str!("../sql/tables/documents.sql") },
    Table { name: "document_leases", sql: include_str!("../sql/tables/document_leases.sql") },
    Table { name: "document_chunks", sql: include_str!("../sql/tables/document_chunks.sql") },
    Table { name: "search_statistics", sql: include_str!("../sql/tables/search_statistics.sql") },
    Table { name: "embedding_leases", sql: include_str!("../sql/tables/embedding_leases.sql") },
    Table { name: "agent_sessions", sql: include_str!("../sql/tables/agent_sessions.sql") },
    Table { name: "agent_requests", sql: include_str!("../sql/tables/agent_requests.sql") },
    Table { name: "usage_events", sql: include_str!("../sql/tables/usage_events.sql") },
    Table { name: "usage_totals", sql: include_str!("../sql/tables/usage_totals.sql") },
    Table { name: "usage_allowances", sql: include_str!("../sql/tables/usage_allowances.sql") },
    Table { name: "usage_reservations", sql: include_str!("../sql/tables/usage_reservations.sql") },
    Table { name: "usage_archive", sql: include_str!("../sql/tables/usage_archive.sql") },
    Table { name: "user_pseudonyms", sql: include_str!("../sql/tables/user_pseudonyms.sql") },
    Table { name: "files_to_erase", sql: include_str!("../sql/tables/files_to_erase.sql") },
];

/// What tables of earlier versions need before what they lack is added, in order: the name and the SQL of a file
/// of sql/steps each.
pub const STEPS: [(&str, &str); 0] = [];

/// What migrate() applies every time, table by table.
pub const RULES: [&str; 21] = [
    include_str!("../sql/rules/migrations.sql"),
    include_str!("../sql/rules/granted_roles.sql"),
    include_str!("../sql/rules/jwt_keys.sql"),
    include_str!("../sql/rules/plans.sql"),
    include_str!("../sql/rules/plan_limits.sql"),
    include_str!("../sql/rules/model_prices.sql"),
    include_str!("../sql/rules/user_profiles.sql"),
    include_str!("../sql/rules/documents.sql"),
    include_str!("../sql/rules/document_leases.sql"),
    include_str!("../sql/rules/document_chunks.sql"),
    include_str!("../sql/rules/search_statistics.sql"),
    include_str!("../sql/rules/embedding_leases.sql"),
    include_str!("../sql/rules/agent_sessions.sql"),
    include_str!("../sql/rules/agent_requests.sql"),
    include_str!("../sql/rules/usage_events.sql"),
    include_str!("../sql/rules/usage_totals.sql"),
    include_str!("../sql/rules/usage_allowances.sql"),
    include_str!("../sql/rules/usage_reservations.sql"),
    include_str!("../sql/rules/usage_archive.sql"),
    include_str!("../sql/rules/user_pseudonyms.sql"),
    include_str!("../sql/rules/files_to_erase.sql"),
];

/// What belongs to a column of embeddings: [`super::embeddings`].
pub const EMBEDDINGS: &str = include_str!("../sql/embeddings.sql");

/// What migrate() applies every time where auth.users exists.
pub const AUTH_RULES: &str = include_str!("../sql/rules/auth_users.sql");

/// Names of all tables.
pub fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name).collect()
}

impl Table {
    /// The statement that creates the table.
    pub fn create(&self) -> &'static str {
        statements(self.sql).find(|sql| sql.starts_with("create table ")).unwrap_or_default()
    }

    /// The statements that create its indexes, with their names.
    pub fn indexes(&self) -> impl Iterator<Item = NamedSql> {
        indexes(self.sql)
    }

    /// Its columns: `definition` is what follows `add column`.
    pub fn columns(&self) -> impl Iterator<Item = NamedSql> {
        self.lines().filter(|line| !line.starts_with("constraint ")).filter_map(|definition| {
            Some(NamedSql { name: definition.split(' ').next()?, definition })
        })
    }

    /// Its constraints: `definition` is what follows `add`.
    pub fn constraints(&self) -> impl Iterator<Item = NamedSql> {
        self.lines().filter_map(|definition| {
            let name = definition.strip_prefix("constraint ")?.split(' ').next()?;
            Some(NamedSql { name, definition })
        })
    }

    fn lines(&self) -> impl Iterator<Item = &'static str> {
        let lines = self.create().lines().skip(1).take_while(|line| *line != ")");
        lines.map(|line| line.trim().trim_end_matches(','))
    }
}

/// The statements of a file that create indexes, with their names.
pub fn indexes(sql: &'static str) -> impl Iterator<Item = NamedSql> {
    statements(sql).filter_map(|definition| {
        let name = definition
            .strip_prefix("create index ")
            .or_else(|| definition.strip_prefix("create unique index "))?
            .split(' ')
            .next()?;
        Some(NamedSql { name, definition })
    })
}

impl NamedSql {
    /// The type of a column: what stands between its name and its collation, default or constraint.
    pub fn column_type(&self) -> &'static str {
        let rest = self.definition[self.name.len()..].trim_start();
        let ends = [" collate ", " not null", " default "];
        let end = ends.iter().filter_map(|word| rest.find(word)).min();
        &rest[..end.unwrap_or(rest.len())]
    }

    /// The collation of a column, where it has one of its own: names and keys, which are in indexes, have "C". An update
    /// of the system changes how other collations sort, and so breaks indexes.
    pub fn collation(&self) -> Option<&'static str> {
        self.definition.split_once(" collate \"")?.1.split('"').next()
    }

    /// Whether a column is NOT NULL.
    pub fn is_not_null(&self) -> bool {
        self.definition.contains(" not null")
    }

    /// The default of a column, where it has one that names no function of carrel's: those are rules.
    pub fn default(&self) -> Option<&'static str> {
        self.definition.split_once(" default ").map(|(_, default)| default)
    }
}

/// The statements of a file, without the comments between them and the semicolon at their end.
pub fn statements(sql: &'static str) -> impl Iterator<Item = &'static str> {
    sql.split(";\n").filter_map(|statement| {
        let mut statement = statement.trim_start();
        while statement.starts_with("--") {
            statement = statement.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
        (!statement.is_empty()).then_some(statement)
    })
}

/// A policy or trigger of sql/rules.
pub struct Rule {
    pub name: &'static str,
    pub table: &'static str,
    /// The whole statement.
    pub statement: &'static str,
}

/// What a kind of statement in the rules creates: `create policy ` or `create trigger `.
pub fn created_by_rules(kind: &'static str) -> impl Iterator<Item = Rule> {
    RULES.iter().flat_map(|sql| statements(sql)).filter_map(move |statement| {
        let rest = statement.strip_prefix(kind)?;
        let name = rest.split_whitespace().next()?;
        let table = rest.split(" on carrel.").nth(1)?.split_whitespace().next()?;
        Some(Rule { name, table, statement })
    })
}

/// A column's default that names a function of carrel's: table, column and expression.
pub fn defaults_in_rules() -> impl Iterator<Item = [&'static str; 3]> {
    RULES.iter().flat_map(|sql| statements(sql)).filter_map(|statement| {
        let rest = statement.strip_prefix("alter table carrel.")?;
        let (table, rest) = rest.split_once(" alter column ")?;
        let (column, default) = rest.split_once(" set default ")?;
        Some([table, column, default])
    })
}

/// The query of what the search statistics lack, or have too much: user, language and differences.
pub fn drift_of_statistics() -> &'static str {
    let insert =
        "insert into carrel.search_statistics (user_id, language, documents, chunks, words)\n";
    let mut rules = RULES.iter().flat_map(|sql| statements(sql));
    rules.find_map(|statement| statement.strip_prefix(insert)).unwrap_or_default()
}

/// SQL as it can be compared with what Postgres prints of it: lower case, without spaces,
/// parentheses, and the casts that Postgres adds to literals.
pub fn normalized(sql: &str) -> String {
    let lower =
        sql.to_lowercase().replace(" using btree", "").replace("double precision", "float8");
    let mut plain = String::with_capacity(lower.len());
    let mut rest = lower.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(cast) = rest.strip_prefix("::") {
            let after =
                cast.trim_start_matches(|c: char| c.is_alphanumeric() || "_ []".contains(c));
            // A cast ends a value: give back the blank that the next keyword needs no more.
            rest = after;
            if let Some(word) = cast[..cast.len() - after.len()].split_once(' ') {
                plain.extend(word.1.chars().filter(|c| !c.is_whitespace()));
            }
            continue;
        }
        if !(c.is_whitespace() || c == '(' || c == ')') {
            plain.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    plain
}
