//! Members that may be a text or a number.

use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};

/// Numbers have no bounds here: seconds and milliseconds have different ones.
pub(super) fn generator_time() -> Schema {
    let text = of(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    one_of(
        [text.build(), of(Type::Number).build()],
        "The generator's own time: RFC 3339, or seconds or milliseconds since 1970, in the years 0 to 9999. \
         Older progress than what is known is ignored.",
    )
}

pub fn arrival_time() -> Schema {
    let text = of(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    one_of([text.build(), of(Type::Integer).build()], "When it arrived, RFC 3339 or Unix seconds; now if absent.")
}

pub(super) fn generator_id() -> Schema {
    let text = of(Type::String).min_length(Some(1)).max_length(Some(256));
    one_of(
        [text.build(), of(Type::Integer).build()],
        "The generator's own id of the job, or the task's. The first one that comes while the task has no `external_id` becomes it.",
    )
}

pub(super) fn event_id() -> Schema {
    let texts = [of(Type::String).build(), of(Type::Integer).build()];
    one_of(texts, "Tells a redelivery from a new event; without it the signed bytes do.")
}

pub(super) fn error_code() -> Schema {
    one_of([of(Type::String).build(), of(Type::Number).build()], "`UNKNOWN` if absent.")
}

/// Either of these, or null.
fn one_of([text, number]: [Object; 2], description: &str) -> Schema {
    let items = OneOfBuilder::new().item(text).item(number).item(of(Type::Null));
    Schema::OneOf(items.description(Some(description)).build())
}

fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}
