//! Variables that Kubernetes sets in every container of a namespace for each of its Services (`enableServiceLinks`). Those of a
//! Service whose name begins with `grantwell` look like ours, and nobody means them.

use std::net::{IpAddr, SocketAddr};

/// Whether a variable is one that Kubernetes sets, by its name and its value. One that was set to nothing in order to be rid of it
/// is one too; a value that Kubernetes never writes (`GRANTWELL_PORT=8080`) is an error in the configuration.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let is = |right: bool| right || value.is_empty();
    if name.ends_with("_SERVICE_HOST") {
        return is(value.parse::<IpAddr>().is_ok());
    }
    if name.ends_with("_SERVICE_PORT") || named_port(name) {
        return is(value.parse::<u16>().is_ok());
    }
    if name.ends_with("_PORT") && is(is_endpoint(value, None)) {
        return true;
    }
    let Some((protocol, rest)) = numbered_port(name) else { return false };
    is(match rest {
        None => is_endpoint(value, Some(protocol)),
        Some("PROTO") => value.eq_ignore_ascii_case(protocol),
        Some("PORT") => value.parse::<u16>().is_ok(),
        Some("ADDR") => value.parse::<IpAddr>().is_ok(),
        Some(_) => return false,
    })
}

/// `…_SERVICE_PORT_HTTP`: a port of the Service that has a name.
fn named_port(name: &str) -> bool {
    name.rsplit_once("_SERVICE_PORT_").is_some_and(|(_, port)| !port.is_empty())
}

/// `…_PORT_8080_TCP` and what may follow it: the protocol, and the last word.
fn numbered_port(name: &str) -> Option<(&'static str, Option<&str>)> {
    let (_, port) = name.rsplit_once("_PORT_")?;
    let mut words = port.split('_');
    let _: u16 = words.next()?.parse().ok()?;
    let word = words.next()?;
    let protocol = ["TCP", "UDP", "SCTP"].into_iter().find(|protocol| *protocol == word)?;
    let rest = words.next();
    words.next().is_none().then_some((protocol, rest))
}

/// `tcp://10.0.0.1:8080`.
fn is_endpoint(value: &str, protocol: Option<&str>) -> bool {
    let Some((scheme, address)) = value.split_once("://") else { return false };
    ["tcp", "udp", "sctp"].contains(&scheme)
        && protocol.is_none_or(|protocol| protocol.eq_ignore_ascii_case(scheme))
        && address.parse::<SocketAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_of_a_service_is_known_by_name_and_value() {
        for (name, value) in [
            ("GRANTWELL_SERVICE_HOST", "10.96.0.7"),
            ("GRANTWELL_SERVICE_HOST", "fd00::7"),
            ("GRANTWELL_SERVICE_PORT", "8080"),
            ("GRANTWELL_SERVICE_PORT_HTTP", "8080"),
            ("GRANTWELL_SERVICE_PORT_HTTP_METRICS", "9090"),
            ("GRANTWELL_PORT", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_PORT", "udp://[fd00::7]:53"),
            ("GRANTWELL_PORT_8080_TCP", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_PORT_8080_TCP_PROTO", "tcp"),
            ("GRANTWELL_PORT_8080_TCP_PORT", "8080"),
            ("GRANTWELL_PORT_8080_TCP_ADDR", "10.96.0.7"),
            ("GRANTWELL_PORT_53_UDP_PROTO", "udp"),
            ("GRANTWELL_PORT_53_SCTP", "sctp://10.96.0.7:53"),
            ("GRANTWELL_POSTGRES_SERVICE_HOST", "10.96.0.8"),
            ("GRANTWELL_POSTGRES_PORT_5432_TCP_PORT", "5432"),
            // Services named "grantwell-service" and "grantwell-port".
            ("GRANTWELL_SERVICE_SERVICE_PORT", "80"),
            ("GRANTWELL_PORT_PORT_80_TCP_PORT", "80"),
            ("GRANTWELL_PORT", ""),
        ] {
            assert!(is_service_link(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("GRANTWELL_PORT", "8080"),
            ("GRANTWELL_PORT", "http://10.96.0.7:8080"),
            ("GRANTWELL_SERVICE_HOST", "id.example.com"),
            ("GRANTWELL_SERVICE_PORT", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_SERVICE_PORT_", "8080"),
            ("GRANTWELL_SERVICE", "10.96.0.7"),
            ("GRANTWELL_PORT_HTTP_TCP", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_PORT_8080_HTTP", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_PORT_8080_TCP", "udp://10.96.0.7:8080"),
            ("GRANTWELL_PORT_8080_TCP_NAME", "x"),
            ("GRANTWELL_PORT_8080_TCP_PORT_ADDR", "10.96.0.7"),
            ("GRANTWELL_ISUER", "tcp://10.96.0.7:8080"),
            ("GRANTWELL_ISUER", ""),
        ] {
            assert!(!is_service_link(name, value), "{name}={value}");
        }
    }
}
