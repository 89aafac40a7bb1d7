//! Page `device`: asks a person for the code that a device shows (RFC 8628 §3.3).

use serde::Serialize;

use super::{HtmlForm, Text};

/// Page `device`: one form with the field `user_code`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeviceValues<'a> {
    /// Where the code goes.
    pub(crate) form: HtmlForm<'a>,
    /// Prefilled: what was typed before, or what the link of the device had.
    pub(crate) user_code: Text<'a>,
    /// Whether no device waits with what was typed.
    pub(crate) unknown: bool,
}

/// The page in every state, with made-up data; `others` ends each text that comes from somebody else.
pub(super) fn samples(others: &str) -> Vec<(&'static str, DeviceValues<'static>)> {
    let page = |user_code: &str, unknown| DeviceValues {
        form: HtmlForm {
            action: "/device".into(),
            anti_forgery: "sample-anti-forgery".into(),
            interaction: None,
            fields: Vec::new(),
        },
        user_code: format!("{user_code}{others}").into(),
        unknown,
    };
    vec![
        ("device", page("", false)),
        ("device-filled", page("WDJB-MJHT", false)),
        ("device-unknown", page("WDJB", true)),
    ]
}

#[cfg(test)]
mod tests {
    use minijinja::{
        context,
        value::{Serde, Value},
    };

    use super::{
        super::{
            LOOK, Locale, MARK, Pages,
            markup::{Tag, Token, tokens},
            messages::Messages,
        },
        *,
    };

    /// The pages with this one among them, as its lines in the lists would have it.
    fn pages() -> Pages {
        let Pages { mut environment, .. } = Pages::embedded().unwrap();
        environment.add_template("device.html", include_str!("device.html")).unwrap();
        let mut messages = Messages::embedded().unwrap();
        for (locale, text) in
            [(Locale::En, include_str!("device.en.ftl")), (Locale::De, include_str!("device.de.ftl"))]
        {
            messages.override_with(locale, text.to_owned()).unwrap();
        }
        Pages::with(environment, messages, LOOK.to_owned(), MARK.to_owned())
    }

    fn rendered(pages: &Pages, page: &DeviceValues<'_>, locale: Locale) -> Vec<Token> {
        let template = pages.environment.get_template("device.html").unwrap();
        let values = context! {
            lang => locale.tag(), dir => locale.direction(), now => 0, site => "Sample", nonce => "n", trace_id => "t",
            css => "/assets/look.css", icon => "/assets/mark.svg", marker => "device",
            page => Value::from(Serde(page)),
        };
        tokens(&template.render(values).unwrap())
    }

    fn tags(tokens: &[Token]) -> Vec<&Tag> {
        let tags =
            tokens.iter().filter_map(|token| if let Token::Start(tag) = token { Some(tag) } else { None });
        tags.collect()
    }

    fn value<'t>(tags: &[&'t Tag], field: &str) -> &'t str {
        let input = tags.iter().find(|tag| tag.name == "input" && tag.attribute("name") == Some(field));
        input.unwrap().attribute("value").unwrap()
    }

    #[test]
    fn the_page_has_its_marker_and_one_form_with_its_fields() {
        let pages = pages();
        for locale in Locale::ALL {
            for (name, page) in samples("") {
                let tokens = rendered(&pages, &page, locale);
                let tags = tags(&tokens);
                assert!(tags.iter().any(|tag| tag.attribute("data-page") == Some("device")), "{name}");
                let forms: Vec<_> = tags.iter().filter(|tag| tag.name == "form").collect();
                assert_eq!(forms.len(), 1, "{name}");
                assert_eq!(
                    (forms[0].attribute("method"), forms[0].attribute("action")),
                    (Some("post"), Some("/device"))
                );
                assert_eq!(value(&tags, "anti_forgery"), "sample-anti-forgery");
                assert_eq!(value(&tags, "user_code"), page.user_code, "{name}");
                let told = tags.iter().any(|tag| tag.attribute("role") == Some("alert"));
                assert_eq!(told, page.unknown, "{name}");
            }
        }
    }

    #[test]
    fn j_01_a_code_of_somebody_else_is_text() {
        let pages = pages();
        for (name, page) in samples("\"><x-others a=\"") {
            let tokens = rendered(&pages, &page, Locale::En);
            let tags = tags(&tokens);
            assert!(tags.iter().all(|tag| tag.name != "x-others"), "{name}");
            assert_eq!(value(&tags, "user_code"), page.user_code, "{name}");
        }
    }
}
