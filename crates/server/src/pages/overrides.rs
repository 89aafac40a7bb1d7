//! An operator's folder: files that replace ours. Each is tried on sample data before the server starts with it, in every
//! language, and refused with its name when the page it gives would not work or would not be safe.
//!
//! A folder may hold any of our templates, `look.css` (instead of ours), `brand.css` (after it), `mark.svg`, and `en.ftl` and
//! `de.ftl` (single messages). Anything else is refused: it would be a misspelt name.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    Locale, PAGES, Page, PageError, PageView, Pages,
    markup::{Tag, Token, read_back, tokens},
    messages,
    page::{OtherForms, RequiredControl},
    sample, templates,
};

/// Largest file that is read.
const LARGEST: u64 = 256 * 1024;
/// Ends every text of others in the samples: an element of that name in the page means that it was not escaped.
const HOSTILE: &str = "\"'><x-others x=\"\u{202e}";
const NONCE: &str = "sample-nonce";

/// The files of an operator's folder, by name.
pub(super) fn read(folder: &Path) -> Result<BTreeMap<String, String>, Vec<PageError>> {
    let failed = |file: String, problem: String| PageError { file, problem };
    let entries = fs::read_dir(folder)
        .map_err(|error| vec![failed(folder.display().to_string(), error.to_string())])?;
    let (mut files, mut errors) = (BTreeMap::new(), Vec::new());
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                errors.push(failed(folder.display().to_string(), error.to_string()));
                continue;
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !is_known(&name) {
            errors.push(failed(path.display().to_string(), "no page uses a file of this name".to_owned()));
            continue;
        }
        match fs::metadata(&path).map(|file| file.len()) {
            Ok(length) if length > LARGEST => {
                errors.push(failed(path.display().to_string(), format!("larger than {LARGEST} bytes")));
            }
            _ => match fs::read_to_string(&path) {
                Ok(text) => {
                    files.insert(name, text);
                }
                Err(error) => errors.push(failed(path.display().to_string(), error.to_string())),
            },
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

fn is_known(name: &str) -> bool {
    templates(PAGES).iter().any(|(template, _)| template == name)
        || ["look.css", "brand.css", "mark.svg"].contains(&name)
        || Locale::ALL.iter().any(|locale| messages::file_name(*locale) == name)
}

/// Tries every page on sample data. Reports the first problem of each template.
pub(super) fn check_pages(pages: &Pages) -> Vec<PageError> {
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    for locale in Locale::ALL {
        let view =
            PageView { locale, now: sample::NOW, site: "Sample", nonce: NONCE, trace_id: "sample-trace" };
        for (_, page) in sample::samples(PAGES, HOSTILE) {
            let page = page.as_ref();
            let problem = match pages.render(page, &view) {
                Ok(html) => problems(page, &html).into_iter().next().map(|p| (page.definition().file(), p)),
                Err(error) => Some((error.file, error.problem)),
            };
            if let Some((file, problem)) = problem {
                errors.entry(file).or_insert(problem);
            }
        }
    }
    errors.into_iter().map(|(file, problem)| PageError { file, problem }).collect()
}

/// What is wrong with a style sheet: it must load nothing from elsewhere, and its braces must match.
pub(super) fn check_css(file: &str, css: &str) -> Option<PageError> {
    let lower = css.to_ascii_lowercase();
    let depth = css.chars().try_fold(0_usize, |depth, c| match c {
        '{' => Some(depth + 1),
        '}' => depth.checked_sub(1),
        _ => Some(depth),
    });
    let problem = if depth != Some(0) {
        "its braces do not match"
    } else if lower.contains("@import") || lower.contains("url(") || lower.contains("://") {
        "it loads something from elsewhere"
    } else {
        return None;
    };
    Some(PageError { file: file.to_owned(), problem: problem.to_owned() })
}

/// A form as a browser would send it.
#[derive(Default)]
struct Found {
    id: String,
    action: String,
    method: String,
    controls: Vec<Tag>,
}

/// What a page lacks that it needs to work, and what it has that it must not have.
pub(super) fn problems(page: &dyn Page, html: &str) -> Vec<String> {
    let tokens = tokens(html);
    let tags: Vec<&Tag> =
        tokens.iter().filter_map(|t| if let Token::Start(tag) = t { Some(tag) } else { None }).collect();
    let mut problems: Vec<String> = tags.iter().filter_map(|tag| forbidden(tag)).collect();
    let marker = page.definition().name;
    let mains: Vec<_> = tags.iter().filter(|tag| tag.name == "main").collect();
    if !matches!(mains.as_slice(), [main] if main.attribute("data-page") == Some(marker)) {
        problems.push(format!("needs one <main data-page=\"{marker}\">"));
    }
    if let Some((name, value)) = page.attribute()
        && !mains.iter().any(|main| main.attribute(name) == Some(value))
    {
        problems.push(format!("needs {name}=\"{value}\" in <main>"));
    }
    let forms = forms(&tokens);
    let own = forms.iter().filter(|form| !form.action.is_empty() || form.method == "post").count();
    for required in page.forms() {
        let missing = |form: &Found| required.controls.iter().find(|control| !has(form, control));
        let mut candidates =
            forms.iter().filter(|form| form.action == required.action && form.method == "post").peekable();
        match candidates.peek().map(|first| missing(first)) {
            None => problems.push(format!("needs a form that posts to {}", required.action)),
            Some(Some(control)) if candidates.all(|form| missing(form).is_some()) => {
                problems.push(match control {
                    RequiredControl::Value(name, _) => {
                        format!("its form lacks the field or the value of {name}")
                    }
                    RequiredControl::Password(name) => format!("its form lacks {name} of type password"),
                });
            }
            Some(_) => {}
        }
        if required.others == OtherForms::Refused && own != 1 {
            problems.push("must be one form".to_owned());
        }
    }
    problems
}

fn has(form: &Found, required: &RequiredControl<'_>) -> bool {
    form.controls.iter().any(|control| match required {
        RequiredControl::Value(name, value) => {
            control.attribute("name") == Some(name)
                && control.attribute("value") == Some(read_back(value).as_str())
        }
        RequiredControl::Password(name) => {
            control.attribute("name") == Some(name) && control.attribute("type") == Some("password")
        }
    })
}

fn forbidden(tag: &Tag) -> Option<String> {
    let element = format!("<{}>", tag.name);
    match tag.name.as_str() {
        "x-others" => return Some("shows text of others without escaping it".to_owned()),
        "base" | "iframe" | "object" | "embed" => return Some(format!("{element} is not allowed")),
        "script" if tag.attribute("nonce") != Some(NONCE) => {
            return Some("a script without the nonce would not run".to_owned());
        }
        _ => {}
    }
    for (name, value) in &tag.attributes {
        let loads = match name.as_str() {
            "src" | "srcset" | "poster" | "data" | "background" => true,
            "href" => matches!(tag.name.as_str(), "link" | "use" | "image"),
            _ => false,
        };
        if loads && (!value.starts_with('/') || value.starts_with("//") || value.contains("://")) {
            return Some(format!("{element} loads something from elsewhere"));
        }
        if name == "style" || name.starts_with("on") || name == "http-equiv" {
            return Some(format!("the attribute {name} of {element} is not allowed"));
        }
    }
    None
}

fn forms(tokens: &[Token]) -> Vec<Found> {
    let mut forms: Vec<Found> = Vec::new();
    let mut open = false;
    for token in tokens {
        match token {
            Token::Start(tag) if tag.name == "form" => {
                let of = |name: &str| tag.attribute(name).unwrap_or_default().to_owned();
                let method = of("method").to_ascii_lowercase();
                forms.push(Found { id: of("id"), action: of("action"), method, controls: Vec::new() });
                open = true;
            }
            Token::End(name) if name == "form" => open = false,
            _ => {}
        }
        if let Token::Start(tag) = token
            && ["input", "button"].contains(&tag.name.as_str())
            && open
            && tag.attribute("form").is_none()
            && let Some(form) = forms.last_mut()
        {
            form.controls.push(tag.clone());
        }
    }
    for token in tokens {
        if let Token::Start(tag) = token
            && let Some(id) = tag.attribute("form")
            && let Some(form) = forms.iter_mut().find(|form| form.id == id)
        {
            form.controls.push(tag.clone());
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::{super::sign_in, *};

    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let folder =
                std::env::temp_dir().join(format!("grantwell-overrides-{}-{number}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn built_in(name: &str) -> String {
        templates(PAGES).into_iter().find(|(of, _)| of == name).unwrap().1.to_owned()
    }

    /// What `with_overrides` says to one changed file.
    fn problems_of(name: &str, text: &str) -> Vec<PageError> {
        let folder = Folder::with(&[(name, text)]);
        Pages::with_overrides(&folder.0).err().unwrap_or_default()
    }

    fn changed(name: &str, from: &str, to: &str) -> Vec<PageError> {
        let text = built_in(name);
        assert!(text.contains(from), "{name} has no {from}");
        problems_of(name, &text.replace(from, to))
    }

    #[test]
    fn a_good_override_is_used() {
        let mark = "<svg class=\"mark\" viewBox=\"0 0 1 1\"><title>Our mark</title></svg>";
        let folder = Folder::with(&[
            ("mark.html", mark),
            ("brand.css", ":root { --accent: #102030; }"),
            ("de.ftl", "sign-in-submit = Einloggen\n"),
        ]);
        let pages = Pages::with_overrides(&folder.0).unwrap();
        let view = PageView { locale: Locale::De, now: sample::NOW, site: "S", nonce: "n", trace_id: "t" };
        let (_, sign_in) = sample::samples(&[&sign_in::PAGE], "").remove(0);
        let html = pages.render(sign_in.as_ref(), &view).unwrap();
        assert!(html.contains("Our mark") && html.contains("Einloggen"), "{html}");
        let css = pages.asset(pages.css_path()).unwrap();
        let css = String::from_utf8(css.bytes).unwrap();
        assert!(css.contains("--radius") && css.ends_with(":root { --accent: #102030; }"));
        assert_ne!(pages.css_path(), Pages::embedded().unwrap().css_path(), "an immutable path must change");
    }

    #[test]
    fn an_override_that_does_not_render_is_refused_with_its_name() {
        for (name, text) in [
            ("sign-in.html", "{% if %}"),
            ("consent.html", "{{ no_such_variable }}"),
            ("error.html", "{{ t(\"no-such-message\") }}"),
            ("page.html", "nothing"),
            ("en.ftl", "sign-in-submit = { $nobody }"),
            ("en.ftl", "= broken"),
        ] {
            let errors = problems_of(name, text);
            assert!(!errors.is_empty(), "{name}: {text}");
            if !["page.html", "en.ftl"].contains(&name) {
                assert_eq!(errors[0].file, name, "{errors:?}");
            }
        }
        assert!(problems_of("sign_in.html", "x")[0].problem.contains("no page uses"));
        assert!(Pages::with_overrides(Path::new("/no/such/folder")).is_err());
    }

    #[test]
    fn l_01_an_override_must_keep_marker_fields_and_anti_forgery() {
        for (name, from, to) in [
            ("sign-in.html", r#"name="username""#, r#"name="user""#),
            ("sign-in.html", r#"type="password""#, r#"type="text""#),
            ("sign-in.html", r#"{% include "hidden.html" %}"#, ""),
            ("sign-in.html", r#"method="post""#, r#"method="get""#),
            (
                "sign-in.html",
                "{% block content %}",
                "{% block content %}<form method=\"post\" action=\"/x\"></form>",
            ),
            ("hidden.html", "anti_forgery", "csrf"),
            ("hidden.html", "interaction", "handle"),
            ("consent.html", r#"value="deny""#, r#"value="no""#),
            ("consent.html", r#"action="{{ page.form.action }}""#, r#"action="/elsewhere""#),
            ("select-account.html", "page.another", "''"),
            ("form-post.html", "{{ value }}", "x"),
            ("logout.html", "sign-out", "go"),
            ("account.html", "connected.disconnect.action", "page.sign_out.action"),
            ("error.html", "data-error", "data-cause"),
            ("page.html", "{{ marker }}", "page"),
        ] {
            assert!(!changed(name, from, to).is_empty(), "{name}: {from} -> {to}");
        }
    }

    #[test]
    fn j_01_an_override_must_not_weaken_a_page() {
        for (name, from, to) in [
            ("who.html", "person.name|bdi", "person.name|safe"),
            ("sign-in.html", "{{ page.username[:256] }}", "{{ page.username[:256]|safe }}"),
            (
                "sign-in.html",
                "value=\"{{ page.username[:256] }}\"",
                "value=\"{% autoescape false %}{{ page.username[:256]|safe }}{% endautoescape %}\"",
            ),
            ("page.html", "<body>", "<body onload=\"x()\">"),
            ("page.html", "<body>", "<body style=\"color:red\">"),
            ("page.html", "</body>", "<script>x()</script></body>"),
            ("page.html", "<meta charset=\"utf-8\">", "<base href=\"https://evil.example/\">"),
            ("page.html", "{{ css }}", "https://cdn.example/x.css"),
            ("page.html", "{{ css }}", "//cdn.example/x.css"),
            ("mark.html", "<svg", "<img src=\"https://logo.example/x.png\"><svg"),
        ] {
            assert!(!changed(name, from, to).is_empty(), "{name}: {from} -> {to}");
        }
        for css in ["@import 'x';", "a { background: url(x) }", "a { b: 'https://x' }", "a {", "a } {"] {
            assert!(!problems_of("brand.css", css).is_empty(), "{css}");
            assert!(!problems_of("look.css", css).is_empty(), "{css}");
        }
    }
}
