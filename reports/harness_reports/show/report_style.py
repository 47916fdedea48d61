"""The report's page and its style."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; margin: 0 auto; max-width: 1400px; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 8px; }
h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid #e5e7eb; padding-bottom: 4px; }
h3 { font-size: 16px; margin: 20px 0 6px; }
h4 { font-size: 14px; margin: 14px 0 4px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 8px 24px; }
.chart { min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: 5px 10px; border-bottom: 1px solid #e5e7eb; vertical-align: top; }
th { text-align: left; vertical-align: bottom; background: #f9fafb; font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text { white-space: nowrap; }
tr:has(+ tr.below) td { border-bottom: 0; padding-bottom: 1px; }
tr.below td { color: #4b5563; padding-top: 0; }
tr.below div { position: sticky; left: 10px; width: 0; min-width: min(100%, 1100px, 86vw); }
td.long { min-width: 320px; max-width: 560px; overflow-wrap: anywhere; }
.samples { display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start; }
figure { margin: 0; max-width: 440px; }
figure img { max-width: 100%; min-width: 96px; image-rendering: pixelated; border: 1px solid #e5e7eb; }
figure pre { margin: 0; padding: 8px; background: #f9fafb; border: 1px solid #e5e7eb; white-space: pre-wrap; }
figcaption { color: #4b5563; font-size: 12px; max-width: 440px; overflow-wrap: anywhere; }
.same { color: #6b7280; font-size: 13px; }
.verdict { padding: 1px 8px; border-radius: 9px; color: #fff; white-space: nowrap; font-weight: 600; }
.v0 { background: #00795a; } .v1 { background: #8a5a00; } .v2 { background: #b34700; } .v3 { background: #4d4d4d; }
@media print { h4 { font-size: 14px; margin: 14px 0 4px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); gap: 8px 24px; }
.chart { min-width: 0; }
.scroll { overflow: visible; } body { max-width: none; } }
"""

PAGE = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>{style}</style>
{library}
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
