"""What axe-core finds on a page: violations of the rules of WCAG 2.1 A and AA, each with where it stands."""

from importlib.resources import files

from playwright.sync_api import Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
SERIOUS = frozenset({"serious", "critical"})


def found_on(page: Page) -> list[str]:
    """Each serious finding as ``rule: element, why``; the page must have settled."""
    page.evaluate(AXE)  # from the debugger, which the page's own policy does not bind
    told = page.evaluate("rules => axe.run(document, { runOnly: { type: 'tag', values: rules } })", RULES)
    return [
        f"{one['id']}: {node['html'][:160]} | {node['failureSummary'][:200]}"
        for one in told["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
