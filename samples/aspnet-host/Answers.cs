// What callers get: an execution's report as JSON with the HTTP status that fits, the health as JSON.
// In: reports. Out: results. The host's own trouble is told as such, without its details: those are in the log.

using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Twofold;

namespace AspNetHost;

public static class Answers
{
    public static IResult Unknown => Results.Json(new { error = "the header X-Api-Key is missing, or names no caller" }, statusCode: StatusCodes.Status401Unauthorized);

    public static IResult TooLong(int most) => Results.Json(new { error = $"the body has more than {most} bytes" }, statusCode: StatusCodes.Status413PayloadTooLarge);

    /// <summary>A quota of the caller's is used up: 429, with when to try again where that is known.</summary>
    public static IResult TooMuch(HttpRequest http, TenantReport refused)
    {
        if (refused.RetryAfter < TimeSpan.MaxValue)
            http.HttpContext.Response.Headers.RetryAfter = Math.Ceiling(refused.RetryAfter.TotalSeconds).ToString("F0");
        return Results.Json(new { error = refused.Refusal }, statusCode: StatusCodes.Status429TooManyRequests);
    }

    /// <summary>The body, or null when it is longer than `most`.</summary>
    public static async Task<byte[]?> ReadBody(HttpRequest http, int most)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[8192];
        int n;
        while ((n = await http.Body.ReadAsync(buffer, http.HttpContext.RequestAborted)) > 0)
        {
            if (bytes.Length + n > most) return null;
            bytes.Write(buffer, 0, n);
        }

        return bytes.ToArray();
    }

    /// <summary>200: the run succeeded. 422: it ended by itself and failed; nothing of it counts. 400: it was refused. 503: the host's trouble; try again.</summary>
    public static IResult Of(ExecutionReport report)
    {
        switch (report.Status)
        {
            case ReportStatus.Rejected:
                return Results.Json(new { error = report.Message }, statusCode: StatusCodes.Status400BadRequest);
            case ReportStatus.Faulted:
                var error = report.FaultKind == FaultKind.Deadline ? "timeout" : "the host is in trouble";
                return Results.Json(new { error }, statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        var receipt = report.Receipt;
        var answer = new JsonObject
        {
            ["outcome"] = report.Message,
            ["succeeded"] = receipt.Outcome.IsSuccess,
            ["gas"] = receipt.GasUsed,
            ["returnData"] = receipt.ReturnDataText,
            ["receipt"] = receipt.Digest,
            ["draft"] = receipt.Draft is { } draft ? JsonNode.Parse(draft.ToJson()) : null,
        };
        return Results.Json(answer, statusCode: receipt.Outcome.IsSuccess ? StatusCodes.Status200OK : StatusCodes.Status422UnprocessableEntity);
    }

    public static Task WriteHealth(HttpContext http, HealthReport health)
    {
        http.Response.ContentType = "application/json";
        var entries = health.Entries.ToDictionary(e => e.Key, e => new { status = e.Value.Status.ToString(), e.Value.Description, e.Value.Data });
        return http.Response.WriteAsync(JsonSerializer.Serialize(new { status = health.Status.ToString(), entries }, JsonSerializerOptions.Web));
    }
}
