//! Cases of a test that are data: a TOML file with an array of tables.

use crate::{ALICE, Database, Session};

/// One of the file's tables.
pub struct Case(toml::Table);

impl Case {
    /// All tables of the array `name`, which have these keys or fewer: another one is misspelt.
    #[track_caller]
    pub fn all(file: &str, name: &str, keys: &[&str]) -> Vec<Self> {
        let mut file: toml::Table = file.parse().expect("TOML");
        let Some(toml::Value::Array(cases)) = file.remove(name) else { panic!("no [[{name}]]") };
        assert!(file.is_empty(), "beside [[{name}]]: {file}");
        cases
            .into_iter()
            .map(|case| {
                let toml::Value::Table(case) = case else { panic!("{case} is no table") };
                let unknown: Vec<_> =
                    case.keys().filter(|key| !keys.contains(&key.as_str())).collect();
                assert!(unknown.is_empty(), "{unknown:?}: {case}");
                Self(case)
            })
            .collect()
    }

    /// A text; empty where there is none.
    #[track_caller]
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |value| value.as_str().expect("a text"))
    }

    /// Texts; none where there are none.
    #[track_caller]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        let texts = self.0.get(key).map(|value| value.as_array().expect("an array"));
        texts.into_iter().flatten().map(|text| text.as_str().expect("a text")).collect()
    }

    #[track_caller]
    pub fn number(&self, key: &str) -> Option<usize> {
        let number = self.0.get(key)?.as_integer().expect("a number");
        Some(usize::try_from(number).expect("no less than 0"))
    }

    #[track_caller]
    pub fn role(&self) -> Role {
        match self.text("role") {
            "user" => Role::User,
            "service" => Role::Service,
            "superuser" => Role::Superuser,
            other => panic!("role = {other:?}: it is user, service or superuser"),
        }
    }
}

/// Whose session a case is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// Alice.
    User,
    Service,
    Superuser,
}

impl Role {
    pub fn session(self, database: &Database) -> Session {
        match self {
            Self::User => database.user(ALICE),
            Self::Service => database.service(),
            Self::Superuser => database.superuser(),
        }
    }
}
