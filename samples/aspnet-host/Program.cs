// An ASP.NET Core host: contracts and skills over HTTP, with health, metrics, and limits for each caller.
// In: appsettings.json (contracts, skills, callers with their keys and limits), requests. Out: receipts and drafts, skills' answers. It commits nothing:
// a draft is what a ledger of your own would sign and write.

using AspNetHost;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Twofold;
using Twofold.Extensions.Hosting;

var builder = WebApplication.CreateBuilder(args);
var shop = builder.Configuration.GetSection("Host").Get<HostSettings>() ?? new HostSettings();

// The engine, the skills with what answers them, and the tenants whose quotas limit the callers: all from the section `Twofold`.
builder.Services.AddTwofold(builder.Configuration.GetSection(TwofoldOptions.Section));
builder.Services.AddSingleton(s => Catalogue.Load(shop, s.GetRequiredService<IHostEnvironment>().ContentRootPath));
builder.Services.AddHostedService<TelemetryExport>();

var app = builder.Build();
app.MapHealthChecks("/health", new HealthCheckOptions { ResponseWriter = Answers.WriteHealth });

// POST /contracts/token/Transfer with the parameters as the body: the outcome, the draft and the receipt.
app.MapPost("/contracts/{name}/{entry}", async (string name, string entry, HttpRequest http, TwofoldEngine engine, TenantScheduler tenants, Catalogue catalogue) =>
{
    if (shop.FindCaller(http) is not { } caller) return Answers.Unknown;
    if (catalogue.FindContract(name) is not { } contract) return Results.NotFound(new { error = $"there is no contract '{name}'" });
    if (await Answers.ReadBody(http, shop.MaxBodyBytes) is not { } parameters) return Answers.TooLong(shop.MaxBodyBytes);
    var request = ExecutionRequest.ForContract(contract.Module, entry, caller.Address, contract.Address)
        .WithParameters(parameters)
        .WithSnapshot(contract.State)
        .WithGas(caller.Gas);
    var answer = await tenants.ExecuteAsync(caller.Name, engine, request, http.HttpContext.RequestAborted);
    return answer.IsRefused ? Answers.TooMuch(http, answer) : Answers.Of(answer.Report);
});

// POST /skills/echo with the input as the body: the skill's own answer.
app.MapPost("/skills/{name}", async (string name, HttpRequest http, TwofoldEngine engine, TenantScheduler tenants, SkillRunner skills) =>
{
    if (shop.FindCaller(http) is not { } caller) return Answers.Unknown;
    if (!skills.Library.Names.Contains(name)) return Results.NotFound(new { error = $"there is no skill '{name}'" });
    if (await Answers.ReadBody(http, shop.MaxBodyBytes) is not { } input) return Answers.TooLong(shop.MaxBodyBytes);
    var answer = await tenants.ExecuteAsync(caller.Name, engine, skills.Request(name, input).WithGas(caller.Gas), http.HttpContext.RequestAborted);
    if (answer.IsRefused) return Answers.TooMuch(http, answer);
    return answer.Report.TryGetReceipt(out var receipt) && receipt!.Outcome.IsSuccess
        ? Results.Bytes(receipt.GetReturnData(), "application/json")
        : Answers.Of(answer.Report);
});

app.Run();
