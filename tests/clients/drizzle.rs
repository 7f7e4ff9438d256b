//! Drizzle: the package's tables and functions, drizzle-kit beside it, and what the package's README shows.

use carrel_tests::{
    ALICE, BOB, Cluster, Database, TABLES, catalog, clients, installed, privileges, succeed,
};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn package() -> PathBuf {
    clients().join("typescript")
}

/// A program with the package's programs and Node.js on its path. The driver reads a socket's directory from PGHOST
/// alone, and so that is where the address leaves it.
fn program(database: &Database, name: &str, role: &str) -> Command {
    let bin = installed("node").parent().expect("a directory").to_owned();
    let mut path = vec![package().join("node_modules/.bin"), bin];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut command = database.client(name, role);
    command
        .current_dir(package())
        .env("PATH", std::env::join_paths(path).expect("a path"))
        .env("DATABASE_URL", format!("postgres:///{}", database.name))
        .env("NO_COLOR", "1");
    command
}

/// Runs one of the package's files of tests, on a database that Alice and Bob live in.
#[track_caller]
fn passes(file: &str) {
    let database = Cluster::shared().lived_in();
    let said = succeed(program(&database, "node", "authenticated").args(["--test", file]));
    assert!(said.contains("fail 0") && !said.contains("pass 0"), "{said}");
    database.assert_sound();
}

#[test]
fn tables_and_functions_in_the_repository_are_those_of_a_fresh_database() {
    let database = Cluster::shared().installed();
    succeed(program(&database, "node", "postgres").args(["src/generate/main.ts", "--check"]));
}

#[test]
fn columns_that_were_added_are_generated_as_well() {
    let database = Cluster::shared().installed();
    database.superuser().run(
        "create table public.folders (id bigint primary key);
        alter table carrel.documents add column pages int4range,
            add column folder_id bigint not null default 0 references public.folders",
    );
    let check =
        program(&database, "node", "postgres").args(["src/generate/main.ts", "--check"]).output();
    let output = check.expect("node");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("`npm run generate` mends it"), "{said}");
    for line in [
        "+     pages: customType<{ data: unknown }>({ dataType: () => 'int4range' })(),",
        "+     folderId: bigint('folder_id', { mode: 'bigint' }).notNull().default(sql`0`),",
    ] {
        assert!(said.lines().any(|printed| printed == line), "{line}\n{said}");
    }
    assert!(!said.contains("folders"), "{said}");
}

#[test]
fn strict_typescript_compiles_and_what_is_wrong_does_not() {
    let database = Cluster::shared().empty();
    succeed(&mut program(&database, "tsc", "postgres"));
}

#[test]
fn queries_inserts_and_relations_are_of_the_callers_rows() {
    passes("test/queries.test.ts");
}

#[test]
fn transactions_of_users_share_connections_and_nothing_else() {
    passes("test/identity.test.ts");
}

#[test]
fn functions_take_and_give_values_of_their_types() {
    passes("test/functions.test.ts");
}

/// The block of the package's README that begins with a line.
fn shown(first: &str) -> String {
    let readme = fs::read_to_string(package().join("README.md")).expect("the package's README");
    let start =
        readme.find(&format!("\n{first}\n")).unwrap_or_else(|| panic!("no block begins {first}"));
    let block = &readme[start + 1..];
    block[..block.find("\n```").expect("the block's end") + 1].to_owned()
}

/// The package, as it is packed for others.
fn packed() -> &'static Path {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    PACKED.get_or_init(|| {
        let database = Cluster::shared().empty();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        succeed(
            program(&database, "npm", "postgres")
                .args(["pack", "--silent", "--pack-destination"])
                .arg(&directory),
        );
        succeed(Command::new("sh").args(["-c", "tar xzf carrel-*.tgz"]).current_dir(&directory));
        directory.join("package")
    })
}

/// An application beside the database, with the files that the README shows.
struct App<'a> {
    database: Database<'a>,
    directory: PathBuf,
}

impl<'a> App<'a> {
    fn of(database: Database<'a>) -> Self {
        let directory =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("app-{}", database.name));
        let _ = fs::remove_dir_all(&directory);
        let modules = directory.join("node_modules");
        fs::create_dir_all(&modules).expect("a directory");
        for entry in
            fs::read_dir(package().join("node_modules")).expect("installed packages").flatten()
        {
            symlink(entry.path(), modules.join(entry.file_name())).expect("a link");
        }
        succeed(Command::new("cp").arg("-R").arg(packed()).arg(modules.join("carrel")));
        let app = Self { database, directory };
        app.write("package.json", r#"{ "type": "module" }"#);
        for file in ["app.ts", "worker.ts", "schema.ts", "drizzle.config.ts"] {
            app.write(file, &shown(&format!("// {file}")));
        }
        app
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.directory.join(file), text).expect("a file of the application");
    }

    /// Has a role run lines of a shell there; returns what they printed.
    #[track_caller]
    fn run(&self, role: &str, lines: &str) -> String {
        let mut shell = program(&self.database, "sh", role);
        // What npx runs is on the path.
        let script = format!("npx() {{ \"$@\"; }}\n{lines}");
        let said = succeed(shell.current_dir(&self.directory).args(["-euc", &script]));
        // drizzle-kit succeeds where it prints an error.
        assert!(!said.contains("rror:"), "{said}");
        said
    }

    /// The schema that drizzle-kit is told of.
    fn configure(&self, schema: &str) {
        let config = shown("// drizzle.config.ts");
        let changed = config.replace("'./schema.ts'", schema);
        assert_ne!(config, changed);
        self.write("drizzle.config.ts", &changed);
    }

    /// That end users may do with their bookmarks what they should, and with others' nothing.
    #[track_caller]
    fn assert_bookmarks_work(&self) {
        let document = |user| {
            self.database
                .user(user)
                .value("select id from carrel.documents where filename = 'notes.md'")
        };
        let mut alice = self.database.user(ALICE);
        let insert =
            |id| format!("insert into bookmarks (document_id, note) values ('{id}', 'read')");
        alice.run(&insert(document(ALICE)));
        assert_eq!(alice.number("select count(*) from bookmarks"), 1);
        assert_eq!(alice.refused(&insert(document(BOB))), "23503");
        assert_eq!(self.database.user(BOB).number("select count(*) from bookmarks"), 0);
        alice.run("delete from carrel.documents where filename = 'notes.md'");
        assert_eq!(alice.number("select count(*) from bookmarks"), 0);
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn all_of(database: &Database) -> Vec<String> {
    [catalog(database), privileges(database)].concat()
}

#[test]
fn the_examples_of_the_readme_compile_and_print_what_it_says() {
    let app = App::of(Cluster::shared().installed());
    app.run(
        "postgres",
        "tsc --noEmit --strict --target es2022 --module nodenext --types node --skipLibCheck \
        app.ts worker.ts schema.ts drizzle.config.ts",
    );
    assert_eq!(app.run("postgres", "node app.ts"), shown("tea.md [ 'Tea' ]"));
    app.database
        .user(&app.database.superuser().value("select user_id from carrel.user_profiles"))
        .run("select carrel.create_request('writer', 'tea')");
    assert_eq!(app.run("service_role", "node worker.ts"), "tea is done\n");
    app.database.assert_sound();
}

#[test]
fn the_package_has_types() {
    let app = App::of(Cluster::shared().installed());
    app.write(
        "types.ts",
        "import { searchChunks, type Db, type NewDocument } from 'carrel';
        declare const db: Db;
        // @ts-expect-error no such argument
        searchChunks(db, { question: 'x' });
        // @ts-expect-error the file name is missing
        ({}) satisfies NewDocument;",
    );
    app.run(
        "postgres",
        "tsc --noEmit --strict --target es2022 --module nodenext --skipLibCheck types.ts",
    );
}

#[test]
fn drizzle_kit_pulls_the_tables() {
    let app = App::of(Cluster::shared().lived_in());
    let config = shown("// drizzle.config.ts").replace("'public'", "'carrel'");
    app.write("drizzle.config.ts", &config);
    let before = all_of(&app.database);
    app.run("postgres", "npx drizzle-kit pull");
    let pulled =
        fs::read_to_string(app.directory.join("drizzle/schema.ts")).expect("what was pulled");
    for table in TABLES {
        assert!(pulled.contains(&format!("carrel.table(\"{table}\"")), "{table} in {pulled}");
    }
    assert_eq!(all_of(&app.database), before);
}

#[test]
fn drizzle_kit_finds_nothing_to_change_in_the_packages_schema() {
    let app = App::of(Cluster::shared().lived_in());
    let before = all_of(&app.database);
    // Whether it is imported, or stands there itself.
    app.write("schema.ts", "import { documents } from 'carrel/schema';\nvoid documents;\n");
    let said = app.run("postgres", "npx drizzle-kit generate\nnpx drizzle-kit push");
    assert!(said.contains("No schema changes, nothing to migrate"), "{said}");
    assert!(said.contains("No changes detected"), "{said}");
    app.configure("'./node_modules/carrel/dist/schema.js'");
    let said = app.run("postgres", "npx drizzle-kit push");
    assert!(said.contains("No changes detected"), "{said}");
    // Generating begins with a snapshot of what there is; then there is nothing new.
    app.run("postgres", "npx drizzle-kit generate");
    let said = app.run("postgres", "npx drizzle-kit generate");
    assert!(said.contains("No schema changes, nothing to migrate"), "{said}");
    assert_eq!(all_of(&app.database), before);
}

/// Version 1.0 looks at all schemas unless it is told which.
#[test]
fn drizzle_kit_1_would_drop_carrel_but_for_the_schemas_that_the_readme_names() {
    let database = Cluster::shared().lived_in();
    let directory = clients().join("drizzle-next");
    let before = all_of(&database);
    let plan = |config: &str| {
        fs::write(directory.join("drizzle.config.ts"), config).expect("a configuration");
        let is_new = r#"[{"type":"create","kind":"table","entity":["public","bookmarks"]}]"#;
        let mut push = program(&database, "node", "postgres");
        push.current_dir(&directory).args([
            "node_modules/drizzle-kit/bin.cjs",
            "push",
            "--explain",
            "--hints",
            is_new,
        ]);
        let output = push.output().expect("node");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    let config = shown("// drizzle.config.ts");
    let said = plan(&config);
    assert!(said.contains("CREATE TABLE \"bookmarks\"") && !said.contains("carrel\""), "{said}");
    let kept: Vec<_> = config.lines().filter(|line| !line.contains("schemaFilter")).collect();
    let said = plan(&kept.join("\n"));
    assert!(said.contains("Confirm data loss  —  schema  carrel"), "{said}");
    assert_eq!(all_of(&database), before);
}

#[test]
fn a_table_of_the_users_own_is_generated_and_migrated_beside_carrels() {
    let app = App::of(Cluster::shared().lived_in());
    let before = all_of(&app.database);
    app.run("postgres", &shown("npx drizzle-kit generate --name bookmarks"));
    assert_eq!(all_of(&app.database), before);
    app.assert_bookmarks_work();
    let said = app.run("postgres", "npx drizzle-kit generate\nnpx drizzle-kit push");
    assert!(said.contains("No schema changes, nothing to migrate"), "{said}");
    assert!(said.contains("No changes detected"), "{said}");
    app.database.assert_sound();
}

#[test]
fn a_table_of_the_users_own_is_pushed_and_then_there_is_nothing_to_push() {
    let app = App::of(Cluster::shared().lived_in());
    let before = all_of(&app.database);
    let said = app.run("postgres", "npx drizzle-kit push");
    assert!(said.contains("Changes applied"), "{said}");
    // It leaves out the policy's conditions: nothing is open until they are there.
    let unconditional = "select count(*) from pg_policies where policyname = 'bookmarks_own'
        and qual is null and with_check is null";
    assert_eq!(app.database.superuser().number(unconditional), 1);
    app.database.superuser().run(&shown("alter policy bookmarks_own on bookmarks"));
    let said = app.run("postgres", "npx drizzle-kit push");
    assert!(said.contains("No changes detected"), "{said}");
    assert_eq!(all_of(&app.database), before);
    app.assert_bookmarks_work();
    app.database.assert_sound();
}
