// An ASP.NET Core host: contracts and skills over HTTP, with health, metrics, and limits for each caller.
// In: appsettings.json (contracts, skills, callers with their keys and limits), requests. Out: receipts and drafts, skills' answers. It commits nothing:
// a draft is what a ledger of your own would sign and write.

using System.Threading.RateLimiting;
using AspNetHost;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Twofold;
using Twofold.Extensions.Hosting;
using Twofold.Extensions.Skills;

var builder = WebApplication.CreateBuilder(args);
var shop = builder.Configuration.GetSection("Host").Get<HostSettings>() ?? new HostSettings();

// Who answers what skills ask: TWOFOLD_AI_*, TWOFOLD_MEMORY... (docs/SKILLS.md), from the environment or from configuration.
builder.Services.AddSingleton(_ => SkillServices.FromVariables(name => builder.Configuration[name], shop.Memory));
builder.Services.AddSingleton(s => s.GetRequiredService<SkillServices>().Ports);
builder.Services.AddTwofold(builder.Configuration.GetSection("Twofold"));
builder.Services.AddSingleton(s => Catalogue.Load(shop, s.GetRequiredService<IHostEnvironment>().ContentRootPath));
builder.Services.AddHostedService<TelemetryExport>();

builder.Services.AddRateLimiter(limiter =>
{
    limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
    limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http =>
    {
        // Health is asked by the infrastructure, without a key.
        if (http.Request.Path.StartsWithSegments("/health")) return RateLimitPartition.GetNoLimiter("health");
        var caller = shop.FindCaller(http.Request);
        return RateLimitPartition.GetTokenBucketLimiter(caller?.Address ?? "nobody", _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = caller?.RequestsPerMinute ?? 10,
            TokensPerPeriod = caller?.RequestsPerMinute ?? 10,
            ReplenishmentPeriod = TimeSpan.FromMinutes(1),
            QueueLimit = 0,
        });
    });
});

var app = builder.Build();
app.UseRateLimiter();
app.MapHealthChecks("/health", new HealthCheckOptions { ResponseWriter = Answers.WriteHealth });

// POST /contracts/token/Transfer with the parameters as the body: the outcome, the draft and the receipt.
app.MapPost("/contracts/{name}/{entry}", async (string name, string entry, HttpRequest http, TwofoldEngine engine, Catalogue catalogue) =>
{
    if (shop.FindCaller(http) is not { } caller) return Answers.Unknown;
    if (catalogue.FindContract(name) is not { } contract) return Results.NotFound(new { error = $"there is no contract '{name}'" });
    if (await Answers.ReadBody(http, shop.MaxBodyBytes) is not { } parameters) return Answers.TooLong(shop.MaxBodyBytes);
    var request = ExecutionRequest.ForContract(contract.Module, entry, caller.Address, contract.Address)
        .WithParameters(parameters)
        .WithSnapshot(contract.State)
        .WithGas(caller.Gas);
    return Answers.Of(await engine.ExecuteAsync(request, http.HttpContext.RequestAborted));
});

// POST /skills/echo with the input as the body: the skill's own answer.
app.MapPost("/skills/{name}", async (string name, HttpRequest http, TwofoldEngine engine, Catalogue catalogue) =>
{
    if (shop.FindCaller(http) is not { } caller) return Answers.Unknown;
    if (catalogue.FindSkill(name) is not { } skill) return Results.NotFound(new { error = $"there is no skill '{name}'" });
    if (await Answers.ReadBody(http, shop.MaxBodyBytes) is not { } input) return Answers.TooLong(shop.MaxBodyBytes);
    var report = await engine.ExecuteAsync(ExecutionRequest.ForSkill(skill, input).WithGas(caller.Gas), http.HttpContext.RequestAborted);
    return report.TryGetReceipt(out var receipt) && receipt!.Outcome.IsSuccess
        ? Results.Bytes(receipt.GetReturnData(), "application/json")
        : Answers.Of(report);
});

app.Run();
