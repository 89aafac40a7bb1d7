//! Page `form-post`: posts an authorization response to the client (OAuth 2.0 Form Post Response Mode §2). The one page with a
//! script, which submits the form; without scripts there is a button.

use serde::Serialize;

use super::{
    FormAction, Page, PageDefinition, RequiredForm, Text, functions,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "form-post",
    template: include_str!("../templates/form-post.html"),
    form_action: FormAction::MayLeave,
    samples,
};

/// Page `form-post`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FormPostValues<'a> {
    /// The redirect URI, byte for byte.
    pub(crate) action: Text<'a>,
    /// The response parameters.
    pub(crate) parameters: Vec<(Text<'a>, Text<'a>)>,
    /// To whom.
    pub(crate) name: Text<'a>,
}

impl Page for FormPostValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        let form = RequiredForm::to(&self.action);
        vec![self.parameters.iter().fold(form, |form, (name, value)| form.with(name, value))]
    }

    fn has_script(&self) -> bool {
        true
    }

    fn refusal(&self) -> Option<&'static str> {
        (!functions::on_the_web(&self.action))
            .then_some("an authorization response can be posted to https and http only")
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let parameters = [("code", "gwc_sample"), ("state", "xyz"), ("submit", "1")];
    let page = FormPostValues {
        action: "https://app.fieldnotes.example/cb?a=1&b=2".into(),
        parameters: parameters.map(|(name, value)| (name.into(), others.text(value))).to_vec(),
        name: others.text("Fieldnotes"),
    };
    vec![sample("form-post", page)]
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Locale, Pages,
            tests::{tags, view},
        },
        *,
    };

    #[test]
    fn j_03_the_auto_submitted_form_goes_exactly_where_it_should() {
        let action = "https://rp.example/cb?a=1&b=\"2'%3C";
        let state = "\"><script>alert(1)</script>&amp; \u{2028}";
        let parameters = vec![("state".into(), state.into()), ("submit".into(), "x".into())];
        let page = FormPostValues { action: action.into(), parameters, name: "RP".into() };
        let tags = tags(&Pages::embedded().unwrap().render(&page, &view(Locale::En)).unwrap());
        let form: Vec<_> = tags.iter().filter(|tag| tag.name == "form").collect();
        assert_eq!(form.len(), 1);
        assert_eq!(form[0].attribute("action"), Some(action));
        let sent: Vec<_> = tags
            .iter()
            .filter(|tag| tag.name == "input")
            .map(|tag| tag.attribute("value").unwrap())
            .collect();
        assert_eq!(sent, [state, "x"], "byte for byte");
        let scripts: Vec<_> = tags.iter().filter(|tag| tag.name == "script").collect();
        assert_eq!(scripts.len(), 1);
        assert_eq!(scripts[0].attribute("nonce"), Some("c2FtcGxlLW5vbmNl"));
        assert!(tags.iter().any(|tag| tag.name == "button"), "without scripts there is a button");
    }

    #[test]
    fn j_03_a_form_is_posted_to_the_web_only() {
        for action in ["javascript:alert(1)", "data:text/html,x", "com.example.app:/cb", "/cb", ""] {
            let page = FormPostValues { action: action.into(), parameters: Vec::new(), name: "RP".into() };
            assert!(Pages::embedded().unwrap().render(&page, &view(Locale::En)).is_err(), "{action}");
        }
    }
}
