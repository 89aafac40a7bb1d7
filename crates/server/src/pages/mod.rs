//! Everything that our own pages show. Pure: in go a [`Page`] and a [`PageView`], out comes HTML; the server sends it.
//!
//! Templates, messages and style are embedded; an operator's folder may override them. Nothing here needs JavaScript; the
//! one script (`form-post`) submits a form that has a button too.

pub(crate) mod account;
pub(crate) mod consent;
#[cfg(test)]
#[path = "../../../../docs/guides/examples/pages/device.rs"]
mod device;
mod difference;
pub(crate) mod error;
mod escape;
pub(crate) mod form_post;
mod functions;
mod headers;
mod locale;
pub(crate) mod logout;
mod markup;
mod messages;
mod overrides;
mod page;
mod parts;
mod sample;
pub(crate) mod select_account;
pub(crate) mod sign_in;
pub(crate) mod signed_out;
#[cfg(test)]
mod tests;
mod user_agent;
mod when;

use std::{fmt, fmt::Write, path::Path, sync::Arc};

use grantwell_core::{secret::Digest, time::Timestamp};
use minijinja::{
    AutoEscape, Environment, UndefinedBehavior, context, escape_formatter, syntax::SyntaxConfig,
};

pub(crate) use headers::{FormAction, SECURITY_HEADERS, content_security_policy};
pub(crate) use locale::{Locale, negotiate};
use messages::Messages;
pub(crate) use page::{Page, PageDefinition, RequiredForm};
pub(crate) use parts::*;

/// Every page.
static PAGES: &[&PageDefinition] = &[
    &account::PAGE,
    &consent::PAGE,
    &error::PAGE,
    &form_post::PAGE,
    &logout::PAGE,
    &select_account::PAGE,
    &sign_in::PAGE,
    &signed_out::PAGE,
];
/// The templates that pages share.
const SHARED: &[(&str, &str)] = &[
    ("aside.html", include_str!("../templates/aside.html")),
    ("back.html", include_str!("../templates/back.html")),
    ("hidden.html", include_str!("../templates/hidden.html")),
    ("mark.html", include_str!("../templates/mark.html")),
    ("page.html", include_str!("../templates/page.html")),
    ("permissions.html", include_str!("../templates/permissions.html")),
    ("tick.html", include_str!("../templates/tick.html")),
    ("who.html", include_str!("../templates/who.html")),
];
const LOOK: &str = include_str!("../assets/look.css");
const MARK: &str = include_str!("../assets/mark.svg");

/// `Cache-Control` of every [`Asset`]: its path names its content.
pub(crate) const ASSET_CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// What is the same for every page of one response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageView<'a> {
    /// The language.
    pub(crate) locale: Locale,
    /// The present, for "five minutes ago".
    pub(crate) now: Timestamp,
    /// Name of this service, as its users know it; ends every title.
    pub(crate) site: &'a str,
    /// Nonce of the content security policy; only `form-post` uses it.
    pub(crate) nonce: &'a str,
    /// Id of the trace, for support.
    pub(crate) trace_id: &'a str,
}

/// A file that never changes under its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    /// `Content-Type`.
    pub(crate) content_type: &'static str,
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
}

/// What is wrong with a template, a message or a style sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageError {
    /// The file.
    pub(crate) file: String,
    /// What is wrong with it.
    pub(crate) problem: String,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

impl std::error::Error for PageError {}

/// Templates, messages and styles, ready to render.
pub(crate) struct Pages {
    environment: Environment<'static>,
    css: (String, Asset),
    icon: (String, Asset),
}

impl Pages {
    /// The built-in pages.
    pub(crate) fn embedded() -> Result<Self, PageError> {
        Ok(Self::with(environment(PAGES)?, Messages::embedded()?, LOOK.to_owned(), MARK.to_owned()))
    }

    /// The built-in pages with what an operator's `folder` replaces. Every page is tried before it is accepted.
    pub(crate) fn with_overrides(folder: &Path) -> Result<Self, Vec<PageError>> {
        let mut files = overrides::read(folder)?;
        let Self { mut environment, .. } = Self::embedded().map_err(|error| vec![error])?;
        let mut messages = Messages::embedded().map_err(|error| vec![error])?;
        let mut errors = Vec::new();
        for locale in Locale::ALL {
            if let Some(source) = files.remove(&messages::file_name(locale)) {
                errors.extend(messages.override_with(locale, source).err());
            }
        }
        for file in ["look.css", "brand.css"] {
            errors.extend(files.get(file).and_then(|css| overrides::check_css(file, css)));
        }
        let mut css = files.remove("look.css").unwrap_or_else(|| LOOK.to_owned());
        css.push_str(&files.remove("brand.css").unwrap_or_default());
        let icon = files.remove("mark.svg").unwrap_or_else(|| MARK.to_owned());
        for (name, source) in files {
            if let Err(error) = environment.add_template_owned(name.clone(), source) {
                errors.push(page_error(&name, &error));
            }
        }
        if errors.is_empty() {
            let pages = Self::with(environment, messages, css, icon);
            errors = overrides::check_pages(&pages);
            if errors.is_empty() {
                return Ok(pages);
            }
        }
        Err(errors)
    }

    fn with(mut environment: Environment<'static>, messages: Messages, css: String, icon: String) -> Self {
        let messages = Arc::new(messages);
        functions::add_to(&mut environment, &messages);
        let css = asset("look", "css", "text/css; charset=utf-8", css);
        let icon = asset("mark", "svg", "image/svg+xml", icon);
        Self { environment, css, icon }
    }

    /// The HTML of one page.
    pub(crate) fn render(&self, page: &dyn Page, view: &PageView<'_>) -> Result<String, PageError> {
        let definition = page.definition();
        let file = definition.file();
        if let Some(problem) = page.refusal() {
            return Err(PageError { file, problem: problem.to_owned() });
        }
        let template = self.environment.get_template(&file).map_err(|error| page_error(&file, &error))?;
        let values = context! {
            lang => view.locale.tag(),
            dir => view.locale.direction(),
            now => view.now.millis(),
            site => view.site,
            nonce => view.nonce,
            trace_id => view.trace_id,
            css => self.css.0.as_str(),
            icon => self.icon.0.as_str(),
            marker => definition.name,
            page => page.values(),
        };
        template.render(values).map_err(|error| page_error(&file, &error))
    }

    /// A style sheet or an image, by the path of the request. Serve it with [`ASSET_CACHE_CONTROL`].
    pub(crate) fn asset(&self, path: &str) -> Option<Asset> {
        [&self.css, &self.icon].into_iter().find(|(of, _)| of == path).map(|(_, asset)| asset.clone())
    }

    /// Path of the style sheet.
    #[cfg(test)]
    pub(crate) fn css_path(&self) -> &str {
        &self.css.0
    }
}

/// The templates of `pages`, and those that pages share, by the names of their files.
fn templates(pages: &[&'static PageDefinition]) -> Vec<(String, &'static str)> {
    let shared = SHARED.iter().map(|(file, source)| ((*file).to_owned(), *source));
    shared.chain(pages.iter().map(|page| (page.file(), page.template))).collect()
}

/// How templates are read, and those of `pages`.
fn environment(pages: &[&'static PageDefinition]) -> Result<Environment<'static>, PageError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // Escapes whatever `{% autoescape %}` says, and leaves `/` legible.
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => Ok(out.write_str(&escape::escaped(text))?),
        _ => escape_formatter(out, state, value),
    });
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| page_error("", &error))?);
    for (name, source) in templates(pages) {
        environment.add_template_owned(name.clone(), source).map_err(|error| page_error(&name, &error))?;
    }
    Ok(environment)
}

/// The path names the content by its digest, so that a new version is never mixed up with a cached one.
fn asset(name: &str, extension: &str, content_type: &'static str, text: String) -> (String, Asset) {
    let bytes = text.into_bytes();
    let mut path = format!("/assets/{name}-");
    for byte in Digest::of(&bytes).0.iter().take(8) {
        // Writing to a `String` cannot fail.
        let _ = write!(path, "{byte:02x}");
    }
    let _ = write!(path, ".{extension}");
    (path, Asset { content_type, bytes })
}

/// The innermost cause: which file, which line, what.
fn page_error(template: &str, error: &minijinja::Error) -> PageError {
    let file = error.name().unwrap_or(template).to_owned();
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    PageError { file, problem: format!("{line}{error}") }
}
