/** The style sheet of the page: light and dark after the reader's system, readable from a phone to a wall. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #faf9f6; --card: #ffffff; --ink: #1d1f24; --soft: #666b76; --rule: #d9d6ce; --faint: #efede8;
  --predictive: #e05a00; --fixed: #7a8089; --hybrid: #1971c2; --reactive: #0c9678; --cold: #d1372a; --warm: #2b8a3e; --idle: #f3c78f; }
@media (prefers-color-scheme: dark) { :root { --paper: #15161a; --card: #1c1e23; --ink: #e9e8e4; --soft: #9ba0ab; --rule: #3a3d46; --faint: #272a31;
  --predictive: #ff9447; --fixed: #9aa1ab; --hybrid: #4dabf7; --reactive: #35d0a8; --cold: #ff6b5e; --warm: #51cf66; --idle: #7a5a2e; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 860px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 30px; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 6px; }
h2 { font-size: 20px; letter-spacing: -0.01em; margin: 44px 0 2px; }
p { margin: 0 0 10px; max-width: 72ch; } a { color: inherit; }
.soft { color: var(--soft); } .lead { font-size: 18px; margin: 18px 0 8px; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 18px; margin: 14px 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .name { fill: var(--ink); } svg .inside { paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--rule); fill: none; } .grid.faint { stroke: var(--faint); }
.line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; } .c-predictive .line { stroke-width: 3; }
.dot { fill: var(--c); } .dot:hover { stroke: var(--c); stroke-width: 6; } .mark { fill: var(--c); stroke: var(--card); stroke-width: 2.5; }
.c-predictive { --c: var(--predictive); } .c-fixed { --c: var(--fixed); } .c-hybrid-histogram { --c: var(--hybrid); } .c-reactive { --c: var(--reactive); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 22px; margin: 12px 0 0; padding: 0; font-size: 14px; }
.legend i { display: inline-block; width: 22px; height: 4px; border-radius: 2px; background: var(--c); vertical-align: middle; margin-right: 8px; }
.away { fill: var(--faint); --c: var(--faint); } .idle { fill: var(--idle); --c: var(--idle); } .warm { fill: var(--warm); --c: var(--warm); }
.cold { fill: var(--cold); --c: var(--cold); } .legend .away, .legend .idle, .legend .warm, .legend .cold { width: 12px; height: 12px; }
.function { padding: 12px 0; border-top: 1px solid var(--faint); } .function:first-child { border-top: 0; padding-top: 0; } .function p { margin: 0 0 4px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 0 6px 18px; border-top: 1px solid var(--faint); white-space: nowrap; }
th { border-top: 0; font-weight: 600; color: var(--soft); font-size: 13px; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
td:first-child::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 5px; background: var(--c); margin-right: 8px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0; font-size: 14px; } dt { font-weight: 600; } dd { margin: 0; }
figure { margin: 0; }
@media (max-width: 640px) { main { padding: 24px 14px 48px; } h1 { font-size: 25px; } .card { padding: 12px; border-radius: 10px; } svg text { font-size: 19px; } .function svg text { font-size: 14px; } dl { grid-template-columns: 1fr; } }
@media print { body { background: #fff; } .card, .function { break-inside: avoid; } }
`;
