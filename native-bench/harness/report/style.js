/** The style sheet of the page: light and dark after the reader's system, readable from a phone to a wall. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #faf9f6; --card: #ffffff; --ink: #1d1f24; --soft: #666b76; --rule: #e3e1db; --faint: #efede8;
  --met: #2b8a3e; --missed: #d1372a; --troupe: #e05a00; --piscina: #1971c2; --tinypool: #0c9678; --workerpool: #7446d9; --poolifier: #cf3474;
  --workerd: #9c7a00; --floor: #7a8089;
  --k0: #1971c2; --k1: #c96f00; --k2: #2f9e5b; --k3: #7446d9; --k4: #d6397b; --k5: #0d8a9a; --k6: #b08900; --k7: #757c85; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #15161a; --card: #1c1e23; --ink: #e9e8e4; --soft: #9ba0ab; --rule: #32353d; --faint: #272a31;
  --met: #51cf66; --missed: #ff6b5e; --troupe: #ff9447; --piscina: #4dabf7; --tinypool: #35d0a8; --workerpool: #a58bff; --poolifier: #f783b0;
  --workerd: #e6c341; --floor: #9aa1ab;
  --k0: #3d8fd8; --k1: #e99a3b; --k2: #45b072; --k3: #9474e8; --k4: #e0609a; --k5: #35b4c4; --k6: #c5a32f; --k7: #868e96; --on: #121316; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 860px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 30px; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 6px; }
h2 { font-size: 20px; letter-spacing: -0.01em; margin: 48px 0 2px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 0 0 12px; max-width: 68ch; }
.soft, figcaption, .claim small, td small { color: var(--soft); }
.lead { font-size: 18px; margin: 20px 0 8px; }
.tally { display: flex; flex-wrap: wrap; gap: 4px; margin: 0 0 8px; padding: 0; list-style: none; }
.tally a { display: block; width: 18px; height: 18px; border-radius: 4px; background: var(--floor); }
.tally .met { background: var(--met); } .tally .missed { background: var(--missed); }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 18px; margin: 14px 0; }
.bars { list-style: none; margin: 0; padding: 0; }
.bars li { display: grid; grid-template-columns: minmax(0, 1fr) 220px 148px; gap: 4px 18px; align-items: center; padding: 10px 0; border-top: 1px solid var(--faint); }
.bars li:first-child { border-top: 0; }
.claim { overflow-wrap: anywhere; line-height: 1.35; } .claim small { display: block; font-size: 13px; }
.verdict { text-align: right; font-weight: 600; font-variant-numeric: tabular-nums; } .verdict small { display: block; font-weight: 400; font-size: 13px; }
.verdict.met { color: var(--met); } .verdict.missed { color: var(--missed); } .verdict.not { color: var(--soft); }
.gauge { width: 220px; max-width: 100%; height: 26px; display: block; }
.gauge circle { fill: var(--floor); } .gauge.met circle { fill: var(--met); } .gauge.missed circle { fill: var(--missed); }
.gauge .spread { stroke: currentColor; opacity: 0.45; stroke-width: 3; stroke-linecap: round; } .gauge .limit { stroke: var(--ink); stroke-width: 1.5; } .gauge .aim { stroke: var(--soft); stroke-dasharray: 2 2; }
.chart { margin: 4px 0 0; } .chart > svg { display: block; width: 100%; height: auto; overflow: visible; touch-action: pan-y; cursor: crosshair; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--soft); }
svg .inside { paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; }
svg .name { fill: var(--ink); } svg .part-name { fill: var(--on); font-size: 12px; pointer-events: none; }
.grid { stroke: var(--rule); fill: none; } .grid.faint { stroke: var(--faint); }
.line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; } .line.c-troupe { stroke-width: 3; } .dot, .whole { fill: var(--c); }
.guide { stroke: var(--ink); stroke-width: 1; opacity: 0; pointer-events: none; } .pointed .guide { opacity: 0.5; }
.c-troupe { --c: var(--troupe); } .c-piscina { --c: var(--piscina); } .c-tinypool { --c: var(--tinypool); } .c-workerpool { --c: var(--workerpool); }
.c-poolifier { --c: var(--poolifier); } .c-workerd { --c: var(--workerd); } .c-floor { --c: var(--floor); }
.k0 { fill: var(--k0); } .k1 { fill: var(--k1); } .k2 { fill: var(--k2); } .k3 { fill: var(--k3); } .k4 { fill: var(--k4); } .k5 { fill: var(--k5); } .k6 { fill: var(--k6); } .k7 { fill: var(--k7); }
figcaption { font-size: 14px; margin-top: 10px; } .where { color: var(--ink); }
.legend { list-style: none; margin: 4px 0 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 2px 24px; }
.legend li { display: flex; align-items: center; gap: 8px; min-width: 0; } .legend span { overflow-wrap: anywhere; line-height: 1.25; }
.swatch { flex: none; width: 28px; height: 10px; } output { margin-left: auto; color: var(--ink); font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; margin-top: 14px; } table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 0 5px 18px; border-top: 1px solid var(--faint); white-space: nowrap; vertical-align: top; }
th { border-top: 0; font-weight: 600; color: var(--soft); font-size: 13px; } th:first-child, td:first-child { text-align: left; padding-left: 0; } td small { display: block; font-size: 12px; }
td:first-child { white-space: normal; min-width: 150px; } tr.own td:first-child { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0; font-size: 14px; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.trouble { border-color: var(--missed); }
@media (max-width: 640px) { main { padding: 24px 14px 48px; } h1 { font-size: 25px; } .card { padding: 14px; border-radius: 10px; }
  .bars li { grid-template-columns: minmax(0, 1fr) auto; } .bars .hold { grid-column: 1 / -1; grid-row: 2; } .gauge { width: 100%; }
  .chart > svg text { font-size: 21px; } .chart > svg .part-name { display: none; } .legend { grid-template-columns: 1fr; } }
@media print { body { background: #fff; } .card { break-inside: avoid; } }
`;
