"""The headline as a picture: CPU time per request of every peer beside nginx's, as an SVG written by hand."""

from html import escape

from .bars import FLOOR, OURS
from .results import Results
from .scenarios import CHAT

ROW, LEFT, WIDTH, TOP = 34, 130, 720, 64
STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2937}.title{font-weight:600;font-size:16px}.note{font-size:12px;fill:#6b7280}"
    ".bar{fill:#94a3b8}.ours{fill:#2563eb}.line{stroke:#6b7280;stroke-dasharray:3 4}"
    "@media (prefers-color-scheme:dark){text{fill:#e5e7eb}.note{fill:#9ca3af}.bar{fill:#64748b}.ours{fill:#60a5fa}}"
)


def svg(results: Results):
    """None if there is nothing to compare."""
    ratios = [
        (name, results.ratio("cpu_microseconds", (CHAT.name, name), (CHAT.name, FLOOR))) for name in results.peers(CHAT.name)
    ]
    ratios = sorted((each for each in ratios if each[1] is not None), key=lambda each: each[1])
    if len(ratios) < 2:
        return None
    scale = (WIDTH - LEFT - 150) / max(ratio for _, ratio in ratios)
    height = TOP + ROW * len(ratios) + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        "<title>CPU time per request, nginx = 1</title>", f"<style>{STYLE}</style>",
        '<text class="title" x="16" y="26">CPU time per request, nginx = 1</text>',
        '<text class="note" x="16" y="46">1 kB chat, keep-alive, access logs off; shorter is better</text>',
    ]
    for row, (name, ratio) in enumerate(ratios):
        y = TOP + ROW * row
        microseconds = results.median("cpu_microseconds", CHAT.name, name)
        parts += [
            f'<text x="{LEFT - 12}" y="{y + 18}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="bar{" ours" if name == OURS else ""}" x="{LEFT}" y="{y + 3}" width="{ratio * scale:.1f}" height="{ROW - 12}" rx="3"/>',
            f'<text x="{LEFT + ratio * scale + 10:.1f}" y="{y + 18}">{ratio:.2f} × ({microseconds:.1f} µs)</text>',
        ]
    x = LEFT + scale
    parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 2}" y2="{height - 14}"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
