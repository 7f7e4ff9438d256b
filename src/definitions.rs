//! Parser of carrel's own SQL files, the only definition of its tables.
//!
//! The files keep to one form, which tests check: a statement ends with `;` at the end of a line,
//! and a table has one line for each column and each constraint.

/// File of sql/tables.
pub struct Table {
    pub name: &'static str,
    pub sql: &'static str,
}

/// Column, constraint or index, with its name.
pub struct NamedSql {
    pub name: &'static str,
    pub definition: &'static str,
}

/// Tables in the order of their creation: a table follows those that its foreign keys refer to.
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

/// Changes to tables of earlier versions, applied in order before missing parts are added: name and
/// SQL of each file of sql/steps.
pub const STEPS: [(&str, &str); 0] = [];

/// Rules that migrate() applies every time, table by table.
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

/// Index, constraint and comments of the column of embeddings.
pub const EMBEDDINGS: &str = include_str!("../sql/embeddings.sql");

/// Rules that migrate() applies to a followed table of users.
pub const AUTH_RULES: &str = include_str!("../sql/rules/auth_users.sql");

/// Names of all tables.
pub fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name).collect()
}

impl Table {
    /// Statement that creates the table.
    pub fn create(&self) -> &'static str {
        statements(self.sql).find(|sql| sql.starts_with("create table ")).unwrap_or_default()
    }

    /// Statements that create its indexes.
    pub fn indexes(&self) -> impl Iterator<Item = NamedSql> {
        indexes(self.sql)
    }

    /// Columns, each with the text that follows `add column`.
    pub fn columns(&self) -> impl Iterator<Item = NamedSql> {
        self.lines().filter(|line| !line.starts_with("constraint ")).filter_map(|definition| {
            Some(NamedSql { name: definition.split(' ').next()?, definition })
        })
    }

    /// Constraints, each with the text that follows `add`.
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

/// Statements of a file that create indexes.
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

/// The statements that comment the indexes of a file: each index's comment is its `-- Serves:` lines.
pub fn index_comments(sql: &'static str) -> impl Iterator<Item = String> {
    sql.split(";\n").filter_map(|statement| {
        let (_, lines) = statement.split_once("-- Serves: ")?;
        let mut purpose = String::from("Serves");
        let mut lines = lines.lines();
        let definition = lines.find(|line| {
            let comment = line.strip_prefix("-- ").unwrap_or(line);
            let is_definition = line.starts_with("create ");
            if !is_definition {
                purpose.push(' ');
                purpose.push_str(comment);
            }
            is_definition
        })?;
        let name = definition.split(" index ").nth(1)?.split(' ').next()?;
        Some(format!("comment on index carrel.{name} is '{}'", purpose.replace('\'', "''")))
    })
}

impl NamedSql {
    /// Type of a column: the text between its name and its collation, default or constraint.
    pub fn column_type(&self) -> &'static str {
        let rest = self.definition[self.name.len()..].trim_start();
        let ends = [" collate ", " not null", " default "];
        let end = ends.iter().filter_map(|word| rest.find(word)).min();
        &rest[..end.unwrap_or(rest.len())]
    }

    /// Collation of a column. Names and keys, which are in indexes, have "C": a system update
    /// changes the order of other collations and so breaks indexes.
    pub fn collation(&self) -> Option<&'static str> {
        self.definition.split_once(" collate \"")?.1.split('"').next()
    }

    /// Tells if a column is NOT NULL.
    pub fn is_not_null(&self) -> bool {
        self.definition.contains(" not null")
    }

    /// Default of a column. A default that calls a function of carrel is a rule instead.
    pub fn default(&self) -> Option<&'static str> {
        self.definition.split_once(" default ").map(|(_, default)| default)
    }
}

/// Statements of a file, without the comments between them and without semicolons.
pub fn statements(sql: &'static str) -> impl Iterator<Item = &'static str> {
    sql.split(";\n").filter_map(|statement| {
        let mut statement = statement.trim_start();
        while statement.starts_with("--") {
            statement = statement.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
        (!statement.is_empty()).then_some(statement)
    })
}

/// Policy or trigger of sql/rules.
pub struct Rule {
    pub name: &'static str,
    pub table: &'static str,
    pub statement: &'static str,
}

/// Policies or triggers of the rules. `kind` is `create policy ` or `create or replace trigger `.
pub fn created_by_rules(kind: &'static str) -> impl Iterator<Item = Rule> {
    RULES.iter().flat_map(|sql| statements(sql)).filter_map(move |statement| {
        let rest = statement.strip_prefix(kind)?;
        let name = rest.split_whitespace().next()?;
        let table = rest.split(" on carrel.").nth(1)?.split_whitespace().next()?;
        Some(Rule { name, table, statement })
    })
}

/// The triggers of the rules, with statements as pg_get_triggerdef() prints them.
pub fn rule_triggers() -> impl Iterator<Item = Rule> {
    let replaced = created_by_rules("create or replace trigger ");
    replaced.chain(created_by_rules("create constraint trigger "))
}

/// Column defaults that call a function of carrel: table, column and expression.
pub fn defaults_in_rules() -> impl Iterator<Item = [&'static str; 3]> {
    RULES.iter().flat_map(|sql| statements(sql)).filter_map(|statement| {
        let rest = statement.strip_prefix("alter table carrel.")?;
        let (table, rest) = rest.split_once(" alter column ")?;
        let (column, default) = rest.split_once(" set default ")?;
        Some([table, column, default])
    })
}

/// Query of the differences between search statistics and chunks: user, language and differences.
pub const STATISTICS_DRIFT: &str = include_str!("../sql/search/statistics/drift.sql");

/// SQL in a form that is comparable with the output of Postgres: lower case, without spaces,
/// parentheses and the casts that Postgres adds to literals.
pub fn normalized(sql: &str) -> String {
    let lower =
        sql.to_lowercase().replace(" using btree", "").replace("double precision", "float8");
    let mut plain = String::with_capacity(lower.len());
    let mut rest = lower.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(cast) = rest.strip_prefix("::") {
            let after =
                cast.trim_start_matches(|c: char| c.is_alphanumeric() || "_ []".contains(c));
            // A cast ends a value: the space before the next keyword is not needed.
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_file_in_the_expected_form() {
        for table in &TABLES {
            let head = format!("create table carrel.{} (\n", table.name);
            assert!(table.create().starts_with(&head), "{}", table.name);
            assert!(table.create().ends_with("\n)"), "{}", table.name);
            assert!(table.columns().count() > 0 && table.constraints().count() > 0);
            let others = statements(table.sql).count() - 1;
            assert_eq!(others, table.indexes().count(), "{}", table.name);
        }
    }

    #[test]
    fn columns_are_read_with_type_and_nullability() {
        let documents = TABLES.iter().find(|table| table.name == "documents").unwrap();
        let column = |name| documents.columns().find(|column| column.name == name).unwrap();
        assert_eq!(column("language").column_type(), "text");
        assert_eq!(column("language").collation(), Some("C"));
        assert_eq!(column("content_text").collation(), None);
        assert!(column("language").is_not_null());
        assert_eq!(column("search_vector").column_type(), "tsvector");
        assert!(!column("search_vector").is_not_null());
    }

    #[test]
    fn the_rules_name_every_policy_with_its_table() {
        let in_documents = |kind, name| {
            created_by_rules(kind).any(|rule| rule.name == name && rule.table == "documents")
        };
        assert!(in_documents("create policy ", "documents_select_own"));
        assert!(in_documents("create or replace trigger ", "documents_process"));
        assert!(defaults_in_rules().any(|d| d == ["documents", "id", "carrel.uuid_v7()"]));
    }

    #[test]
    fn sql_is_compared_without_what_postgres_adds() {
        let ours = "status = 'pending' and progress = 0 and chain = '[]' and a is null";
        let theirs = "((status = 'pending'::text) AND (progress = (0)::double precision) \
                      AND (chain = '[]'::jsonb) AND (a IS NULL))";
        assert_eq!(normalized(ours), normalized(theirs));
        let unparenthesised = "status = 'pending'::text AND a IS NULL";
        assert_eq!(normalized(unparenthesised), normalized("status = 'pending' and a is null"));
        assert_ne!(normalized("user_id = f()"), normalized("user_id = f() or true"));
    }
}
