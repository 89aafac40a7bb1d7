use std::time::Duration;

use grantwell_core::{
    policy::{GuessingLimits, Lifetimes},
    resource::AccessTokenFormat,
};

use super::*;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Configuration, Problems> {
    let source = SourceFile { name: "grantwell.toml".to_owned(), text: text.to_owned() };
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Configuration::parse(&source, Path::new("/etc/grantwell"), environment)
}

/// Line, column and first words of each mistake.
fn wrong(text: &str) -> Vec<(usize, usize, String)> {
    let problems = load(text, &[]).unwrap_err();
    let place = |problem: &Problem| problem.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
    problems.0.iter().map(|p| (place(p).0, place(p).1, p.message.clone())).collect()
}

#[test]
fn https_alone_is_asked_for_this_host_unless_the_operator_says_more() {
    for (text, header) in [
        ("", Some("max-age=63072000")),
        ("[tls]\nhsts = \"this host\"\n", Some("max-age=63072000")),
        ("[tls]\nhsts = \"with subdomains\"\n", Some("max-age=63072000; includeSubDomains")),
        ("[tls]\nhsts = \"off\"\n", None),
    ] {
        let config = load(text, &[]).unwrap();
        assert_eq!((config.hsts.header(), config.tls), (header, None), "{text}");
    }
    assert!(load("[tls]\nhsts = \"of\"\n", &[]).is_err());
}

#[test]
fn an_empty_file_is_a_whole_configuration() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.policy.issuer, "http://localhost:8080");
    assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.database, "sqlite:/etc/grantwell/grantwell.db");
    assert_eq!(config.keys.master, Path::new("/etc/grantwell/grantwell.key"));
    assert_eq!(config.policy.lifetimes, Lifetimes::default());
    assert_eq!(config.policy.guessing, GuessingLimits::default());
    assert_eq!((config.tls, config.management, config.login_ui, config.templates), (None, None, None, None));
    assert_eq!(config.audit.retention, Duration::from_hours(90 * 24));
    assert!(config.proxies.networks.is_empty());
    assert!(config.limits.password_hashes > 0, "one for each processor");
}

#[test]
fn every_key_of_the_documentation_is_read() {
    let config = load(
        r#"
issuer   = "https://id.example.com"
listen   = "[::]:443"
database = "sqlite:data/grantwell.db"
templates = "/srv/templates"
interaction_url = "https://login.example.com/start"
[tls]
certificate = "server.crt"
key         = "/run/server.key"
[keys]
master = "secret/grantwell.key"
[proxy]
trusted = ["10.0.0.0/8", "192.0.2.1"]
header = "forwarded"
[management]
listen = "127.0.0.1:9090"
[registration]
mode = "off"
[policy]
profile = "oauth2.1"
access_token_format = "opaque"
implicit = false
[outbound]
allow_loopback = false
[limits]
account_free = 3
account_first = "2s"
account_most = "10min"
password_queue = 8
[lifetimes]
code = "30s"
session_idle = "90min"
[interaction]
client_id = "login"
client_secret = "0123456789abcdef0123456789abcdef"
[audit]
every_token = true
retention = "365d"
[log]
format = "json"
level = "debug"
"#,
        &[],
    )
    .unwrap();
    assert_eq!(config.policy.issuer, "https://id.example.com");
    assert_eq!(config.database, "sqlite:/etc/grantwell/data/grantwell.db");
    let tls = config.tls.unwrap();
    assert_eq!(
        (tls.certificate.to_str(), tls.key.to_str()),
        (Some("/etc/grantwell/server.crt"), Some("/run/server.key"))
    );
    assert_eq!((config.proxies.networks.len(), config.proxies.header), (2, ForwardingHeader::Forwarded));
    assert_eq!(config.policy.access_token_format, AccessTokenFormat::Opaque);
    assert_eq!((config.policy.guessing.account.free, config.policy.guessing.device.free), (3, 5));
    assert_eq!(config.policy.lifetimes.session_idle, Duration::from_mins(90));
    assert_eq!(config.login_ui.unwrap().url, "https://login.example.com/start");
    assert!(config.policy.audit_every_token);
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Json, "debug"));
    assert_eq!(config.limits.password_queue, 8);
}

#[test]
fn every_mistake_is_told_in_one_pass() {
    let text = "isuer = \"https://id.example.com\"\nlisten = 8080\n\n[tsl]\ncertificate = \"x\"\n\n[keys]\nmaster = true\n\
                [lifetimes]\n  code = \"1 hour\"\n[policy]\nprofile = \"oauth2\"\nlisten = 1\n";
    let problems = load(text, &[]).unwrap_err();
    let at: Vec<(usize, usize, Option<&str>)> = problems
        .0
        .iter()
        .map(|p| (p.place.as_ref().unwrap().line, p.place.as_ref().unwrap().column, p.nearest.as_deref()))
        .collect();
    assert_eq!(
        at,
        [
            (1, 1, Some("issuer")),
            (2, 10, None),
            (4, 2, Some("tls")),
            (8, 10, None),
            (10, 10, None),
            (12, 11, Some("oauth2.1")),
            (13, 1, None),
        ]
    );
    let shown = problems.to_string();
    assert!(
        shown.starts_with("grantwell.toml:1:1: unknown key \"isuer\"; did you mean \"issuer\"?"),
        "{shown}"
    );
    assert!(shown.contains("  1 | isuer = \"…\"\n    | ^^^^^"), "{shown}");
    assert!(
        shown.contains("unknown key \"listen\" in [policy]; it belongs before the first section"),
        "{shown}"
    );
    assert!(shown.ends_with("7 errors"), "{shown}");
}

#[test]
fn syntax_errors_have_a_place_too() {
    let found = wrong("issuer = \nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n");
    assert!(found.iter().any(|(line, ..)| *line == 1), "{found:?}");
    assert!(found.iter().any(|(line, ..)| *line == 3), "{found:?}");
}

#[test]
fn what_comes_later_says_so() {
    for text in [
        "[registration]\nmode = \"open\"",
        "[registration]\nmode = \"token\"",
        "[policy]\nprofile = \"oidc\"",
        "[policy]\nprofile = \"fapi2-security\"",
        "[policy]\nimplicit = true",
        "[mtls]\nlisten = \"127.0.0.1:8444\"",
        "[tls]\nclient_ca = \"ca.crt\"",
        "[outbound]\nextra_ca = \"ca.crt\"",
        "[outbound]\nallow_loopback = true",
    ] {
        let found = wrong(text);
        assert_eq!(found.len(), 1, "{text} {found:?}");
        assert!(found[0].2.contains("not available yet"), "{text} {found:?}");
    }
}

#[test]
fn a_database_is_a_file_or_a_server() {
    for (database, part) in [
        ("mysql://u:hunter2@h/d", "or \"postgres://\""),
        ("postgres:h", "or \"postgres://\""),
        (
            "postgres://u:hunter2@h/d?sslmode=prefer",
            "database cannot be used: sslmode must be verify-full or disable",
        ),
        ("postgres://u:hunter2@h/d?sslmodus=disable", "sslmodus"),
        ("sqlite:grantwell.db?mode=rwc", "without the \"?\""),
        ("sqlite::memory:", "the path of a file"),
        ("sqlite://:memory:", "the path of a file"),
        ("sqlite:file::memory:?cache=shared", "the path of a file"),
        ("sqlite:file:grantwell.db", "without \"file:\""),
        ("sqlite:~/grantwell.db", "the whole path, such as \"sqlite:/srv/grantwell.db\""),
        ("sqlite:$HOME/grantwell.db", "the whole path"),
        ("sqlite:/srv/${NAME}.db", "the whole path"),
        ("sqlite:data/", "the path of a file"),
        ("sqlite:", "such as \"sqlite:data/grantwell.db\""),
    ] {
        let found = wrong(&format!("database = \"{database}\""));
        assert_eq!(found.len(), 1, "{database} {found:?}");
        assert!(found[0].2.contains(part) && !found[0].2.contains("hunter2"), "{database} {found:?}");
    }
    for good in ["sqlite:a~b/x.db", "sqlite:///srv/x.db", "sqlite:/srv/a$b.db"] {
        assert!(load(&format!("database = \"{good}\""), &[]).is_ok(), "{good}");
    }
    assert!(load("database = \"postgres://u:p@localhost,127.0.0.1:5433/d\"", &[]).is_ok());
}

#[test]
fn the_issuer_is_an_origin() {
    for good in [
        "https://id.example.com",
        "https://id.example.com:8443",
        "http://localhost:8080",
        "http://127.0.0.1:1",
        "http://[::1]:2",
    ] {
        assert!(load(&format!("issuer = \"{good}\""), &[]).is_ok(), "{good}");
    }
    for bad in [
        "http://id.example.com",
        "https://id.example.com/",
        "https://id.example.com/realm",
        "https://id.example.com?x",
        "https://id.example.com#x",
        "https://ID.example.com",
        "https://id.example.com:443",
        "https://u@id.example.com",
        "ftp://id.example.com",
        "id.example.com",
        "",
        "http://localhost.evil.com",
    ] {
        let found = wrong(&format!("issuer = \"{bad}\""));
        assert_eq!((found.len(), found[0].0, found[0].1), (1, 1, 10), "{bad} {found:?}");
        assert!(!found[0].2.contains(['\n', '\\']), "one sentence: {found:?}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    for (text, line) in [
        ("[tls]\nkey = \"k\"", 2),
        ("[tls]\ncertificate = \"c\"", 2),
        ("interaction_url = \"https://l.example/\"\n[interaction]\nclient_id = \"x\"", 1),
        (
            "interaction_url = \"https://l.example/\"\n[interaction]\nclient_id = \"x\"\nclient_secret = \"short\"",
            4,
        ),
        (
            "interaction_url = \"https://l.example/\"\n[interaction]\nclient_id = \"x\"\nclient_secret = \"0123456789abcdef0123456789abcdef \"",
            4,
        ),
        (
            "interaction_url = \"https://l.example/\"\n[interaction]\nclient_id = \"x\"\nclient_secret = \"0123456789abcdef\\n0123456789abcdef\"",
            4,
        ),
        ("[interaction]\nclient_id = \"x\"", 2),
        ("[lifetimes]\ncode = \"11min\"", 2),
        ("[lifetimes]\ncode = \"0s\"", 2),
        ("[lifetimes]\nsession_idle = \"2d\"", 2),
        ("[lifetimes]\nrefresh_grace = \"10min\"", 2),
        ("[lifetimes]\naccess_token = \"25h\"", 2),
        ("[lifetimes]\nid_token = \"25h\"", 2),
        ("[limits]\naccount_first = \"0s\"", 2),
        ("[limits]\naccount_most = \"10ms\"", 2),
        ("[limits]\naddress_forget = \"10ms\"", 2),
        ("[limits]\naccount_free = 0", 2),
        ("[proxy]\ntrusted = [\"everybody\"]", 2),
        ("templates = \"~/templates\"", 1),
        ("[keys]\nmaster = \"~/grantwell.key\"", 2),
        ("[proxy]\nheader = \"x-real-ip\"", 2),
        ("tls = \"on\"", 1),
        ("listen = \"127.0.0.1:8080\"\n[management]\nlisten = \"127.0.0.1:8080\"", 3),
        ("listen = \"0.0.0.0:8080\"\n[management]\nlisten = \"127.0.0.1:8080\"", 3),
        ("listen = \"127.0.0.1:8080\"\n[management]\nlisten = \"[::]:8080\"", 3),
    ] {
        let found = wrong(text);
        assert_eq!((found.len(), found[0].0), (1, line), "{text} {found:?}");
    }
}

#[test]
fn the_environment_goes_before_the_file() {
    let config = load(
        "issuer = \"https://file.example\"\n[lifetimes]\ncode = 7\n",
        &[
            ("GRANTWELL_ISSUER", "https://env.example"),
            ("GRANTWELL_LIFETIMES__CODE", "45s"),
            ("GRANTWELL_AUDIT__EVERY_TOKEN", "true"),
            ("GRANTWELL_LIMITS__ACCOUNT_FREE", "9"),
            ("GRANTWELL_PROXY__TRUSTED", "10.0.0.0/8, fd00::/8"),
            ("GRANTWELL_PROXY__HEADER", "x-forwarded-for"),
            ("GRANTWELL_MANAGEMENT__LISTEN", ""),
            ("GRANTWELL_OUTBOUND__ALLOW_LOOPBACK", "false"),
            ("PATH", "/bin"),
        ],
    );
    // The wrong value in the file is still reported, although the environment has a right one.
    assert_eq!(config.unwrap_err().0.len(), 1);
    let config = load(
        "issuer = \"https://file.example\"",
        &[
            ("GRANTWELL_ISSUER", "https://env.example"),
            ("GRANTWELL_LIFETIMES__CODE", "45s"),
            ("GRANTWELL_AUDIT__EVERY_TOKEN", "true"),
            ("GRANTWELL_LIMITS__ACCOUNT_FREE", "9"),
            ("GRANTWELL_PROXY__TRUSTED", "10.0.0.0/8, fd00::/8"),
            ("GRANTWELL_PROXY__HEADER", "x-forwarded-for"),
            ("GRANTWELL_MANAGEMENT__LISTEN", ""),
            ("GRANTWELL_OUTBOUND__ALLOW_LOOPBACK", "false"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.policy.issuer, "https://env.example");
    assert_eq!(config.policy.lifetimes.code, Duration::from_secs(45));
    assert!(config.audit.every_token);
    assert_eq!(config.policy.guessing.account.free, 9);
    assert_eq!((config.proxies.networks.len(), config.proxies.header), (2, ForwardingHeader::XForwardedFor));
    assert_eq!(config.management, None);
}

#[test]
fn variables_that_nobody_reads_are_errors() {
    for (name, near) in [
        ("GRANTWELL_ISUER", Some("GRANTWELL_ISSUER")),
        ("GRANTWELL_TLS_CERTIFICATE", Some("GRANTWELL_TLS__CERTIFICATE")),
        ("GRANTWELL_SOMETHING_ELSE_ENTIRELY", None),
    ] {
        let problems = load("", &[(name, "x")]).unwrap_err();
        assert_eq!(problems.0.len(), 1);
        assert_eq!(problems.0[0].nearest.as_deref(), near, "{name}");
        assert!(problems.0[0].message.contains(name));
    }
    let problems = load("", &[("GRANTWELL_LISTEN", "nowhere")]).unwrap_err();
    assert!(problems.to_string().contains("GRANTWELL_LISTEN: listen must be an address"), "{problems}");
}

#[test]
fn variables_of_a_kubernetes_service_are_not_ours() {
    let config = load(
        "",
        &[
            ("GRANTWELL_PORT", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_PORT_8080_TCP", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_PORT_8080_TCP_ADDR", "10.96.0.7"),
            ("GRANTWELL_SERVICE_HOST", "10.96.0.7"),
            ("GRANTWELL_SERVICE_PORT_HTTP", "8080"),
            ("GRANTWELL_MANAGEMENT_PORT", "tcp://10.96.0.8:9090"),
            ("GRANTWELL_LISTEN", "127.0.0.1:1"),
        ],
    );
    assert_eq!(config.unwrap().listen, "127.0.0.1:1".parse().unwrap());
    let problems = load("", &[("GRANTWELL_PORT", "8080")]).unwrap_err();
    assert!(problems.to_string().contains("unknown environment variable GRANTWELL_PORT"), "{problems}");
}

#[test]
fn a_variable_may_name_a_file() {
    let folder = std::env::temp_dir().join(format!("grantwell-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("secret"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let file = folder.join("secret").display().to_string();
    let text = "interaction_url = \"https://l.example/\"\n[interaction]\nclient_id = \"x\"\n";
    let config = load(text, &[("GRANTWELL_INTERACTION__CLIENT_SECRET_FILE", &file)]).unwrap();
    let digest = grantwell_core::secret::Digest::of(b"0123456789abcdef0123456789abcdef");
    assert_eq!(config.login_ui.unwrap().client_secret, digest);
    let in_file = format!("{text}client_secret_file = \"{file}\"\n");
    for around in ["\u{feff}", " ", "\r\n", "\t\n\n"] {
        let secret = format!("{around}0123456789abcdef0123456789abcdef{}", around.trim_matches('\u{feff}'));
        std::fs::write(folder.join("secret"), &secret).unwrap();
        for (text, name, value) in [
            (text, "GRANTWELL_INTERACTION__CLIENT_SECRET_FILE", file.as_str()),
            (&in_file, "PATH", ""),
            (text, "GRANTWELL_INTERACTION__CLIENT_SECRET", &secret),
        ] {
            let config = load(text, &[(name, value)]).unwrap();
            assert_eq!(config.login_ui.unwrap().client_secret, digest, "{name} {around:?}");
        }
    }
    std::fs::write(folder.join("secret"), "0123456789abcdef\n0123456789abcdef").unwrap();
    for (text, name) in [(text, "GRANTWELL_INTERACTION__CLIENT_SECRET_FILE"), (&in_file, "PATH")] {
        let problems = load(text, &[(name, &file)]).unwrap_err().to_string();
        assert!(problems.contains("more than one line") && !problems.contains("0123"), "{problems}");
    }
    std::fs::write(folder.join("secret"), "https://file.example\n").unwrap();
    assert_eq!(load("", &[("GRANTWELL_ISSUER_FILE", &file)]).unwrap().policy.issuer, "https://file.example");
    let both =
        load("", &[("GRANTWELL_ISSUER_FILE", &file), ("GRANTWELL_ISSUER", "https://x.example")]).unwrap_err();
    assert!(both.to_string().contains("both set"), "{both}");
    let missing = load("", &[("GRANTWELL_ISSUER_FILE", "/nowhere/at/all")]).unwrap_err();
    assert!(missing.to_string().contains("cannot read /nowhere/at/all: there is no such file"), "{missing}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn every_default_can_be_read_and_every_key_is_on_the_page() {
    let page = reference_markdown();
    for section in SECTIONS {
        for key in section.keys {
            assert!(
                page.contains(&format!("`{}`<br>`{}`", key.name, section.variable(key.name))),
                "{}",
                key.name
            );
            assert!(key.about.ends_with('.'), "{}", key.name);
            if let Some(default) = key.default {
                let header =
                    if section.name.is_empty() { String::new() } else { format!("[{}]\n", section.name) };
                let text = format!("{header}{} = {default}\n", key.name);
                assert!(load(&text, &[]).is_ok(), "{text}");
            }
        }
    }
}

#[test]
fn durations_have_units() {
    for (text, millis) in [
        ("250ms", Some(250)),
        ("60s", Some(60_000)),
        ("10min", Some(600_000)),
        ("24h", Some(86_400_000)),
        ("30 d", Some(2_592_000_000)),
        ("10", None),
        ("s", None),
        ("-1s", None),
        ("1.5h", None),
        ("1y", None),
        ("99999999999999999999s", None),
        ("18446744073709551615d", None),
        ("4000d", None),
    ] {
        assert_eq!(reader::duration(text), millis.map(Duration::from_millis), "{text}");
    }
}

#[test]
fn the_reference_page_is_the_table_that_is_read() {
    let page = include_str!("../../../../docs/reference/configuration.md");
    assert!(
        page == super::reference_markdown(),
        "out of date: cargo run -- config reference > docs/reference/configuration.md"
    );
}
