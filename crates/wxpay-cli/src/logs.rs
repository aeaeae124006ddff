//! The logs of the payment server, on standard error.

use crate::Failure;
use std::io::{self, IsTerminal as _};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Handles that must live as long as the server.
#[must_use]
#[derive(Debug)]
pub(crate) struct Logs {
    #[cfg(feature = "otel")]
    traces: Option<otel::Traces>,
}

/// Starts writing logs: lines to read, or one JSON object a line. `WXPAY_LOG` is the filter.
pub(crate) fn start(as_json: bool) -> Result<Logs, Failure> {
    let filter = || EnvFilter::try_from_env("WXPAY_LOG").unwrap_or_else(|_| "info".into());
    let format = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        // It would report that standard error is closed to standard error, and panic.
        .log_internal_errors(false);
    let format = if as_json {
        format.json().flatten_event(true).with_ansi(false).with_filter(filter()).boxed()
    } else {
        format.with_ansi(io::stderr().is_terminal()).with_filter(filter()).boxed()
    };
    let registry = tracing_subscriber::registry().with(format);
    #[cfg(feature = "otel")]
    let (traces, registry) = {
        let traces = otel::Traces::start()?;
        let layer = traces.as_ref().map(otel::Traces::layer);
        (traces, registry.with(layer))
    };
    registry.try_init().map_err(|error| Failure::error(&error))?;
    Ok(Logs {
        #[cfg(feature = "otel")]
        traces,
    })
}

impl Logs {
    /// Sends the traces that wait.
    #[cfg_attr(not(feature = "otel"), allow(clippy::unused_self, reason = "only traces wait"))]
    pub(crate) fn finish(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.finish();
        }
    }
}

#[cfg(feature = "otel")]
mod otel {
    //! Traces to an OpenTelemetry collector, if `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

    use crate::Failure;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::Subscriber;
    use tracing_subscriber::{EnvFilter, Layer, registry::LookupSpan};

    #[derive(Debug)]
    pub(super) struct Traces(SdkTracerProvider);

    impl Traces {
        pub(super) fn start() -> Result<Option<Self>, Failure> {
            let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            if !is_set("OTEL_EXPORTER_OTLP_ENDPOINT") && !is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
                return Ok(None);
            }
            let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
            let exporter = exporter
                .map_err(|error| Failure::usage(format_args!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}")))?;
            let resource = opentelemetry_sdk::Resource::builder().with_service_name("wxpay").build();
            let provider =
                SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
            Ok(Some(Self(provider)))
        }

        pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
        where
            S: Subscriber + for<'span> LookupSpan<'span>,
        {
            let filter = EnvFilter::try_from_env("WXPAY_LOG").unwrap_or_else(|_| "info".into());
            tracing_opentelemetry::layer().with_tracer(self.0.tracer("wxpay")).with_filter(filter)
        }

        pub(super) fn finish(self) {
            drop(self.0.shutdown());
        }
    }
}
