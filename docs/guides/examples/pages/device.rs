//! Page `device`: asks a person for the code that a device shows (RFC 8628 §3.3).

use serde::Serialize;

use super::{
    FormAction, HtmlForm, Page, PageDefinition, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "device",
    template: include_str!("../templates/device.html"),
    // The response to the form may be a redirect to an external login UI.
    form_action: FormAction::MayLeave,
    samples,
};

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

impl Page for DeviceValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        vec![RequiredForm::of(&self.form).with("user_code", &self.user_code)]
    }

    fn has_alert(&self) -> bool {
        self.unknown
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let page = |user_code, unknown| DeviceValues {
        form: HtmlForm { interaction: None, ..others.form("/device", &[]) },
        user_code: others.text(user_code),
        unknown,
    };
    vec![
        sample("device", page("", false)),
        sample("device-filled", page("WDJB-MJHT", false)),
        sample("device-unknown", page("WDJB", true)),
    ]
}
