// Sends the engine's metrics and traces to an OpenTelemetry collector, when the environment names one (OTEL_EXPORTER_OTLP_ENDPOINT).
// In: the meter and the activity source `Twofold`. Out: OTLP.

using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace AspNetHost;

public sealed class TelemetryExport(IConfiguration configuration) : IHostedService, IDisposable
{
    private MeterProvider? metrics;
    private TracerProvider? traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"])) return Task.CompletedTask;
        metrics = Sdk.CreateMeterProviderBuilder().AddMeter("Twofold").AddOtlpExporter().Build();
        // The requests' own activities too: an execution is recorded when the request around it is.
        traces = Sdk.CreateTracerProviderBuilder().AddSource("Microsoft.AspNetCore", "Twofold").AddOtlpExporter().Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // What was measured since the last export is sent now.
        metrics?.ForceFlush(5000);
        traces?.ForceFlush(5000);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        metrics?.Dispose();
        traces?.Dispose();
    }
}
