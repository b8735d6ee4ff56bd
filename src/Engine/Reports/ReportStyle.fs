namespace Twofold.Engine.Audit

// The style sheet of the HTML report: no fonts, pictures or scripts from anywhere; light and dark; printable.

module internal ReportStyle =
    let css =
        """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5b6472; --paper: #ffffff; --card: #f5f6f8; --line: #d8dce2;
  --good: #17693a; --goodpaper: #e4f4ea; --bad: #a1211b; --badpaper: #fdeaea; --unsure: #7a5200; --unsurepaper: #fdf3dc; --mark: #ffd9d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a3abb8; --paper: #15181d; --card: #1e2229; --line: #343a45;
  --good: #7fd6a0; --goodpaper: #16301f; --bad: #ff9c95; --badpaper: #3a1a19; --unsure: #f0c674; --unsurepaper: #352a12; --mark: #6b2a26; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; } h3 { font-size: 1.05rem; margin: 0 0 .5rem; }
h4 { font-size: .95rem; margin: 1.1rem 0 .35rem; } p { margin: .4rem 0 .8rem; max-width: 50rem; } .soft { color: var(--soft); }
.verdict { padding: 1rem 1.25rem; border-radius: .5rem; border-left: .4rem solid; font-size: 1.15rem; font-weight: 600; }
.verdict p { font-size: .95rem; font-weight: 400; margin: .4rem 0 0; }
.good { color: var(--good); } .bad { color: var(--bad); } .unsure { color: var(--unsure); }
.verdict.good { background: var(--goodpaper); } .verdict.bad { background: var(--badpaper); } .verdict.unsure { background: var(--unsurepaper); }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: .93rem; max-width: 100%; }
.wide { overflow-x: auto; } caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .3rem; }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { min-width: 7.5rem; } thead th { background: var(--card); } td.number { text-align: right; font-variant-numeric: tabular-nums; }
td small { color: var(--soft); display: block; }
code, pre, .mono { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: .88em; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .35rem; padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 .8rem; }
mark { background: var(--mark); color: inherit; border-radius: .15rem; }
article { border: 1px solid var(--line); border-left: .4rem solid var(--bad); border-radius: .5rem; padding: 1rem 1.25rem; margin: 0 0 1.25rem; }
section.finding + section.finding { border-top: 1px solid var(--line); margin-top: 1rem; padding-top: 1rem; }
details { margin: .5rem 0; } summary { cursor: pointer; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .4rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; } ul { padding-left: 1.2rem; }
@media print { body { max-width: none; padding: 0; } article, pre { break-inside: avoid; } }
"""
