//! The `claims` parameter (OpenID Connect Core 1.0 §5.5). Nobody reads it yet; one that is oversized is refused before anybody
//! does (catalogue A-12).

use super::{AuthorizationRequest, Check, Input, RequestRefusal, check, value};

/// The longest value that is looked at, bytes.
const LONGEST_CLAIMS: usize = 2048;

/// The line of the list.
static ROW: Check = check("claims", "Core 1.0 §5.5", &["A-12"], claims);

fn claims(input: &Input<'_>, _: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    value(input.form, "claims", LONGEST_CLAIMS).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audience::AudienceRequest, fixtures as fx, form::Form};

    fn checked(claims: &str) -> Result<(), RequestRefusal> {
        let client = fx::client();
        let form = Form::from_pairs([("claims", claims)]);
        let destination =
            super::super::Destination { client: &client, redirect: fx::redirect(&fx::request()).clone() };
        let (policy, audience) = (fx::policy(), AudienceRequest::read(&form));
        let context = fx::context(&policy);
        let input = Input {
            form: &form,
            audience: &audience,
            destination: &destination,
            resources: &[],
            context: &context,
        };
        (ROW.run)(&input, &mut fx::request())
    }

    #[test]
    fn a_12_oversized_claims_are_refused() {
        let longest = "x".repeat(LONGEST_CLAIMS);
        for (claims, expected) in [
            ("", Ok(())),
            ("{\"userinfo\":{\"email\":null}}", Ok(())),
            (&longest, Ok(())),
            (&format!("{longest}x"), Err(RequestRefusal::TooLong("claims"))),
            ("{\n}", Err(RequestRefusal::ControlCharacter("claims"))),
        ] {
            assert_eq!(checked(claims), expected, "{} bytes", claims.len());
        }
    }

    #[test]
    fn the_row_says_what_it_is() {
        assert_eq!((ROW.row.name, ROW.row.section), ("claims", "Core 1.0 §5.5"));
        assert_eq!(ROW.row.attacks, ["A-12"]);
    }
}
