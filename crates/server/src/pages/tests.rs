//! Every page in every state and every language, with friendly and with hostile texts.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use super::{
    error::Cause,
    markup::{Tag, Token, tokens},
    signed_out::SignedOutValues,
    *,
};

/// J-01, and what else might break out of a text, an attribute, a script or a line.
const HOSTILE: &[&str] = &[
    "\"><svg onload=alert(1)>",
    "'-alert(1)-'",
    "</script><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "{{7*7}}{% include 'x' %}{ $client }",
    "\u{2028}\u{2029}alert(1)",
    "\u{202e}gpj.exe\u{2069}\u{2066}",
    "-->]]><!--",
    "\r\n<b>\u{0}",
    "' onfocus='alert(1)",
    "&#60;b&gt;&lt;b>",
];

pub(super) fn view(locale: Locale) -> PageView<'static> {
    PageView { locale, now: sample::NOW, site: "Example", nonce: "c2FtcGxlLW5vbmNl", trace_id: "01JD2V8Q" }
}

/// The pages of the list, and the one of the guide.
fn definitions() -> Vec<&'static PageDefinition> {
    [PAGES, &[&device::PAGE]].concat()
}

/// What shows them, with the messages of the guide.
fn pages() -> Pages {
    let mut messages = Messages::embedded().unwrap();
    for (locale, text) in [
        (Locale::En, include_str!("../../../../docs/guides/examples/messages/device.en.ftl")),
        (Locale::De, include_str!("../../../../docs/guides/examples/messages/device.de.ftl")),
    ] {
        messages.override_with(locale, text.to_owned()).unwrap();
    }
    Pages::with(environment(&definitions()).unwrap(), messages, LOOK.to_owned(), MARK.to_owned())
}

/// All samples as HTML.
fn rendered(others: &str) -> Vec<(String, Box<dyn Page>, String)> {
    let pages = pages();
    let mut all = Vec::new();
    for locale in Locale::ALL {
        for (name, page) in sample::samples(&definitions(), others) {
            let html = pages.render(page.as_ref(), &view(locale));
            let html = html.unwrap_or_else(|error| panic!("{name}: {error}"));
            all.push((format!("{name}.{}", locale.tag()), page, html));
        }
    }
    all
}

/// The start tags of a document, in order.
pub(super) fn tags(html: &str) -> Vec<Tag> {
    let start = |token| if let Token::Start(tag) = token { Some(tag) } else { None };
    tokens(html).into_iter().filter_map(start).collect()
}

/// Each text with the elements it stands in.
fn texts(html: &str) -> Vec<(Vec<String>, String)> {
    const VOID: [&str; 4] = ["meta", "link", "input", "br"];
    let (mut open, mut found) = (Vec::new(), Vec::new());
    // Tags that end themselves are SVG shapes here; the tokenizer does not tell.
    let shape = |name: &str| ["path", "circle"].contains(&name);
    for token in tokens(html) {
        match token {
            Token::Start(tag) if VOID.contains(&tag.name.as_str()) || shape(&tag.name) => {}
            Token::Start(tag) => open.push(tag.name),
            Token::End(name) => assert_eq!(open.pop().as_ref(), Some(&name), "in {html}"),
            Token::Text(text) => found.push((open.clone(), text)),
        }
    }
    assert_eq!(open, Vec::<String>::new(), "left open in {html}");
    found
}

#[test]
fn every_page_keeps_the_contract() {
    for (name, page, html) in rendered("") {
        let html = html.replace("c2FtcGxlLW5vbmNl", "sample-nonce");
        assert_eq!(overrides::problems(page.as_ref(), &html), Vec::<String>::new(), "{name}: {html}");
    }
}

#[test]
fn every_page_has_a_line_in_the_list_and_every_template_has_a_page() {
    let built_in = templates(PAGES);
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/templates")).unwrap() {
        let path = entry.unwrap().path();
        let source = fs::read_to_string(&path).unwrap();
        let is_used = built_in.iter().any(|(file, text)| path.ends_with(file) && *text == source);
        assert!(is_used, "{}: no line of PAGES or SHARED has this template", path.display());
    }
}

#[test]
fn every_page_has_samples_and_every_sample_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for page in definitions() {
        let samples = (page.samples)(&sample::Others(""));
        assert!(!samples.is_empty(), "{}: no sample", page.name);
        for (name, of) in samples {
            assert_eq!(of.definition().name, page.name, "{name}");
            assert!(names.insert(name), "{name}: the name of two samples");
        }
    }
}

#[test]
fn j_01_text_of_others_is_escaped_and_isolated_on_every_page() {
    for payload in HOSTILE {
        // A word that only text of others holds.
        for (name, page, html) in rendered(&format!("zqzq{payload}")) {
            let html = html.replace("c2FtcGxlLW5vbmNl", "sample-nonce");
            assert_eq!(
                overrides::problems(page.as_ref(), &html),
                Vec::<String>::new(),
                "{name}: {payload:?}: {html}"
            );
            for (open, text) in texts(&html) {
                let innermost = open.last().map_or("", String::as_str);
                if text.contains("zqzq") && innermost != "title" {
                    assert!(open.iter().any(|element| element == "bdi"), "{name}: {payload:?}: {text}");
                }
                let reorders =
                    |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\0');
                assert!(!text.contains(reorders), "{name}: {payload:?}: {text:?}");
                assert!(!text.contains("7*7") || text.contains("{{7*7}}"), "{name}: evaluated: {text}");
            }
            let elements = |html: &str| html.matches(['<', '>']).count();
            let plain = rendered_one(&name, "zqzq");
            assert_eq!(elements(&html), elements(&plain), "{name}: {payload:?} adds markup: {html}");
        }
    }
}

/// One sample with harmless texts, to compare with.
fn rendered_one(name: &str, others: &str) -> String {
    use std::{collections::HashMap, sync::OnceLock};
    static PLAIN: OnceLock<HashMap<String, String>> = OnceLock::new();
    let all =
        PLAIN.get_or_init(|| rendered(others).into_iter().map(|(name, _, html)| (name, html)).collect());
    all[name].clone()
}

#[test]
fn j_02_an_error_page_shows_our_texts_only() {
    let rendered = rendered("Call +1 555 0100");
    for cause in Cause::ALL {
        // Without an application and without what a developer sees.
        let pages = rendered.iter().filter(|(name, ..)| name.split('.').next() == Some(cause.as_str()));
        let pages: Vec<_> = pages.collect();
        assert_eq!(pages.len(), Locale::ALL.len(), "{cause:?}");
        for (name, _, html) in pages {
            assert!(!html.contains("555"), "{name}: {html}");
        }
    }
}

#[test]
fn j_04_a_link_that_could_run_script_is_left_out() {
    let back = Back { name: "RP".into(), uri: "javascript:alert(1)".into() };
    let page = SignedOutValues { back: Some(back), sign_in: None, others_stay: false };
    let html = Pages::embedded().unwrap().render(&page, &view(Locale::En)).unwrap();
    assert!(!html.contains("javascript:"), "{html}");
    for (name, _, html) in rendered("") {
        assert!(!html.contains("javascript:"), "{name}");
    }
}

#[test]
fn one_script_on_one_page_and_nothing_inline() {
    for (name, page, html) in rendered("") {
        let scripts = html.matches("<script").count();
        assert_eq!(scripts, usize::from(page.has_script()), "{name}");
        assert_eq!(page.has_script(), page.definition().name == "form-post", "{name}");
        assert!(!html.contains("<style"), "{name}");
    }
}

#[test]
fn pages_are_small() {
    let pages = Pages::embedded().unwrap();
    let css = pages.asset(pages.css_path()).unwrap().bytes.len();
    for (name, _, html) in rendered("") {
        assert!(html.len() + css + MARK.len() < 50_000, "{name}: {} + {css}", html.len());
    }
}

#[test]
fn every_field_has_a_label_and_every_error_is_tied_to_its_field() {
    for (name, page, html) in rendered("") {
        let tags = tags(&html);
        let mut ids: Vec<_> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: an id twice");
        for tag in &tags {
            if tag.name == "input" && tag.attribute("type") != Some("hidden") {
                let labelled = |of: &&_| {
                    let of: &&Tag = of;
                    of.name == "label" && of.attribute("for") == tag.attribute("id")
                };
                assert!(tags.iter().any(|of| labelled(&of)), "{name}: {tag:?} has no label");
                assert!(tag.attribute("maxlength").is_some() && tag.attribute("autocomplete").is_some());
                assert!(tag.attribute("required").is_none(), "the server says what is missing, in the page");
            }
            for reference in ["aria-describedby", "aria-labelledby", "form"] {
                if let Some(id) = tag.attribute(reference) {
                    assert!(ids.contains(&id), "{name}: {reference}={id}");
                }
            }
        }
        assert!(tags.iter().filter(|tag| tag.attribute("autofocus").is_some()).count() <= 1, "{name}");
        assert_eq!(tags.iter().filter(|tag| tag.name == "h1").count(), 1, "{name}");
        let alert = tags.iter().find(|tag| tag.attribute("role") == Some("alert"));
        assert_eq!(alert.is_some(), page.has_alert(), "{name}");
        if let Some(alert) = alert {
            assert!(
                alert.attribute("autofocus").is_some() && alert.attribute("tabindex") == Some("-1"),
                "{name}"
            );
        }
    }
}

#[test]
fn assets_are_found_by_their_exact_path_only() {
    let pages = Pages::embedded().unwrap();
    let css = pages.css_path();
    assert!(css.starts_with("/assets/look-"), "{css}");
    assert_eq!(pages.asset(css).unwrap().content_type, "text/css; charset=utf-8");
    for path in
        ["/assets/look.css", "/assets/", "", "/assets/../look.css", "/assets/look-0000000000000000.css"]
    {
        assert_eq!(pages.asset(path), None, "{path}");
    }
    assert_eq!(overrides::check_css("look.css", LOOK), None);
}

/// Relative luminance (WCAG 2.2, definition) of `#rrggbb`.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

/// WCAG 2.2, 1.4.3 and 1.4.11.
#[test]
fn colours_have_enough_contrast_in_light_and_in_dark() {
    let token = |name: &str, dark: bool| {
        let (_, value) = LOOK.split_once(&format!("--{name}: light-dark(")).unwrap();
        let (pair, _) = value.split_once(')').unwrap();
        let (light, of_dark) = pair.split_once(", ").unwrap();
        luminance(if dark { of_dark } else { light })
    };
    for (front, back, least) in [
        ("ink", "card", 4.5),
        ("ink", "ground", 4.5),
        ("ink-soft", "card", 4.5),
        ("ink-soft", "ground", 4.5),
        ("accent", "card", 4.5),
        ("accent", "accent-ground", 4.5),
        ("accent-ink", "accent", 4.5),
        ("warn", "warn-ground", 4.5),
        ("bad", "bad-ground", 4.5),
        ("accent", "warn-ground", 4.5),
        ("edge", "card", 3.0),
        ("bad", "card", 3.0),
    ] {
        for dark in [false, true] {
            let (a, b) = (token(front, dark), token(back, dark));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= least, "{front} on {back}, dark {dark}: {ratio:.2}");
        }
    }
}

/// Writes every page, to be looked at, into a folder under the temporary one.
#[test]
fn preview() {
    let folder = std::env::temp_dir().join("grantwell-pages");
    fs::create_dir_all(folder.join("assets")).unwrap();
    let pages = Pages::embedded().unwrap();
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Pages</title><ul>");
    for path in [&pages.css.0, &pages.icon.0] {
        fs::write(folder.join(path.trim_start_matches('/')), pages.asset(path).unwrap().bytes).unwrap();
    }
    for (name, _, html) in rendered("") {
        // Read from a folder, not from a server.
        let html = html
            .replace("\"/assets/", "\"assets/")
            .replace("<script", "<template")
            .replace("/script>", "/template>");
        let file = format!("{name}.html");
        fs::write(folder.join(&file), html).unwrap();
        write!(index, "<li><a href=\"{file}\">{name}</a>").unwrap();
    }
    fs::write(folder.join("index.html"), index).unwrap();
}
