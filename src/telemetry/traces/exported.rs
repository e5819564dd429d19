//! A binary with the feature `otel`: spans go to the collector that the environment names, by OTLP over HTTP, from a thread of
//! their own. What cannot be sent is dropped, and holds up nobody.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, Key, KeyValue, SpanId, TraceId};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::{Place, are_wanted};

const NAME: &str = "callback-hub";
/// With a collector that does not answer when the hub stops; a supervisor waits a little longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of an attribute, in characters: names are their senders' own.
const LONGEST: usize = 256;

/// As there is one recorder of figures in a process, there is one of spans.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Whatever is sent to a collector; nothing if the environment names none.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Spans are recorded from now on, for the whole process; once. Everything that the SDK can be told by `OTEL_…` variables it
    /// reads itself, the share of traces to be recorded among them.
    ///
    /// # Errors
    /// A sentence for the operator, if what the environment says makes no sense.
    pub fn begin() -> Result<Self, String> {
        if !are_wanted() {
            return Ok(Self(None));
        }
        let exporter = SpanExporter::builder().with_http().build().map_err(|error| format!("Traces cannot be sent: {error}"))?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource()).build();
        TRACER.set(provider.tracer(NAME)).map_err(|_| "Traces are recorded already".to_owned())?;
        Ok(Self(Some(provider)))
    }

    /// Sends what is left.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // it waits for the collector
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE)).await;
        let fault = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(fault, "the last spans may not have reached the collector");
    }
}

/// Where nobody has given the service a name, it has its own, and not the SDK's word for an unknown one.
fn resource() -> Resource {
    let found = Resource::builder().build();
    let name = found.get(&Key::from_static_str("service.name"));
    let is_named = name.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_named { builder.build() } else { builder.with_service_name(NAME).build() }
}

/// Something that takes time, from here to where it is dropped. Nothing where no spans are recorded.
pub struct Span(Option<Box<opentelemetry_sdk::trace::Span>>);

impl Span {
    /// From its head to its answer.
    #[must_use]
    pub fn of_callback(parent: Option<Place>) -> Self {
        Self::start("callback", SpanKind::Server, parent)
    }

    /// One attempt.
    #[must_use]
    pub fn of_delivery(parent: Option<Place>) -> Self {
        Self::start("delivery", SpanKind::Client, parent)
    }

    fn start(name: &'static str, kind: SpanKind, parent: Option<Place>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        // never that of the thread, where somebody else's span may be
        let mut context = Context::new();
        if let Some((trace, span, flags)) = parent {
            let (trace, span, flags) = (TraceId::from(trace), SpanId::from(span), TraceFlags::new(flags));
            context = context.with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::default()));
        }
        let builder = tracer.span_builder(name).with_kind(kind);
        Self(Some(Box::new(tracer.build_with_context(builder, &context))))
    }

    /// What others may have as their parent. None of a span that is not recorded: a trace would lead to what nobody finds.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let context = self.0.as_ref().filter(|span| span.is_recording())?.span_context();
        let trace = u128::from_be_bytes(context.trace_id().to_bytes());
        Some((trace, u64::from_be_bytes(context.span_id().to_bytes()), context.trace_flags().to_u8()))
    }

    /// An attribute: an id or a name, never what somebody may want to keep to himself.
    pub fn say(&mut self, key: &'static str, value: &dyn fmt::Display) {
        self.note(key, || value.to_string().chars().take(LONGEST).collect::<String>().into());
    }

    pub fn count(&mut self, key: &'static str, value: u64) {
        self.note(key, || i64::try_from(value).unwrap_or(i64::MAX).into());
    }

    /// A stage ends here.
    pub fn reach(&mut self, stage: &'static str) {
        if let Some(span) = &mut self.0 {
            span.add_event(stage, Vec::new());
        }
    }

    pub fn fail(&mut self) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(""));
        }
    }

    fn note(&mut self, key: &'static str, value: impl FnOnce() -> opentelemetry::Value) {
        if let Some(span) = self.0.as_mut().filter(|span| span.is_recording()) {
            span.set_attribute(KeyValue::new(key, value()));
        }
    }
}
