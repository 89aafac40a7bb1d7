//! JSON that means one thing: an object without duplicate members at any depth (RFC 7515 §4, RFC 7519 §4: two parsers that
//! pick different ones are an attack), of bounded depth.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How deep a value may nest.
pub const MAX_DEPTH: usize = 32;

/// Why bytes are not an acceptable JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Not JSON (RFC 8259), not UTF-8, or a number no double can hold.
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
    /// A member appears twice in one object.
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Reads one JSON object and nothing after it. The caller bounds the length.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let reason = Cell::new(JsonError::Syntax);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Unambiguous { depth: MAX_DEPTH, reason: &reason }
        .deserialize(&mut deserializer)
        .map_err(|_| reason.get())?;
    deserializer.end().map_err(|_| JsonError::Syntax)?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// A value whose objects have no duplicate members. `depth` is how many more levels may open.
#[derive(Clone, Copy)]
struct Unambiguous<'a> {
    depth: usize,
    reason: &'a Cell<JsonError>,
}

impl Unambiguous<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.refuse(JsonError::TooDeep)),
        }
    }

    fn refuse<E: Error>(self, reason: JsonError) -> E {
        self.reason.set(reason);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| self.refuse(JsonError::Syntax))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.refuse(JsonError::DuplicateMember));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn t_12_duplicate_members_are_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[[{"a":1,"b":2,"a":3}]]}"#,
        ] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::DuplicateMember), "{text}");
        }
        assert!(parse_object(br#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}"#).is_ok());
    }

    #[test]
    fn t_12_depth_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse_object(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse_object(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse_object("{\"a\":".repeat(100_000).as_bytes()), Err(JsonError::TooDeep));
        assert_eq!(parse_object(nested(100_000).as_bytes()), Err(JsonError::TooDeep));
    }

    #[test]
    fn t_12_only_one_object_is_read() {
        for text in [
            "",
            "{",
            "{}x",
            "{}{}",
            "{\"a\":}",
            "{\"a\":1,}",
            "\u{feff}{}",
            "{'a':1}",
            "{\"a\":1e400}",
            "{\"a\":NaN}",
        ] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::Syntax), "{text}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), Err(JsonError::Syntax));
        for text in ["[]", "1", "null", "\"{}\"", "true"] {
            assert_eq!(parse_object(text.as_bytes()), Err(JsonError::NotAnObject), "{text}");
        }
        assert!(parse_object(b" { } \n").is_ok_and(|object| object.is_empty()));
    }

    proptest! {
        #[test]
        fn t_12_garbage_never_panics_and_a_good_object_reads_as_serde_json_reads_it(text in r#"[\[\]{}:,"a1 .e\\-]{0,40}"#) {
            let expected = serde_json::from_str::<Map<String, Value>>(&text).ok();
            match parse_object(text.as_bytes()) {
                Ok(object) => prop_assert_eq!(Some(object), expected),
                Err(JsonError::DuplicateMember | JsonError::TooDeep) => {}
                Err(_) => prop_assert!(expected.is_none()),
            }
        }
    }
}
