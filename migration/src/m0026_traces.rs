//! The trace that an event was brought in, as its callback's `traceparent` said; none where none came.

crate::dialect::migration!("ALTER TABLE hub_events ADD COLUMN traceparent TEXT");
