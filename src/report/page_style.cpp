#include "report/page_style.h"

namespace dwubit::report {

std::string_view page_style() {
    return R"css(
:root {
  --paper: #ffffff; --ink: #1c2330; --quiet: #5b6577; --line: #d8dde6; --box: #f5f7fa; --accent: #2b5fb8;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181f; --ink: #e3e7ee; --quiet: #98a3b5; --line: #333b49; --box: #1c222c; --accent: #86b0f7; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header p { color: var(--quiet); margin: .25rem 0 0; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.3rem; margin: 2.75rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { max-width: 46rem; }
#verdict > ul { max-width: 50rem; padding: 0; list-style: none; }
#verdict > ul > li { margin: .5rem 0; }
#verdict > h2 + ul > li {
  padding: .6rem .9rem; border-left: 3px solid var(--line); background: var(--box); border-radius: 0 6px 6px 0;
}
#verdict > h2 + ul > li:first-child { border-left-color: var(--accent); font-size: 1.12rem; }
#verdict > h3 ~ ul { list-style: disc; padding-left: 1.2rem; color: var(--quiet); }
.wide {
  overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line); border-radius: 8px; max-width: 100%;
}
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9rem; overflow-wrap: normal; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td, tbody th { white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { background: var(--box); font-weight: 600; vertical-align: bottom; }
th:first-child { position: sticky; left: 0; background: var(--paper); border-right: 1px solid var(--line); }
thead th:first-child { background: var(--box); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
small { display: block; color: var(--quiet); font-size: .8rem; font-weight: 400; }
figure { margin: 1.25rem 0; }
figcaption { color: var(--quiet); font-size: .9rem; max-width: 46rem; }
pre {
  overflow-x: auto; background: var(--box); border: 1px solid var(--line); border-radius: 8px; padding: .9rem;
  font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: normal;
}
summary { cursor: pointer; }
@media (max-width: 40rem) {
  main { padding: 1.25rem .9rem 3rem; }
  h1 { font-size: 1.5rem; }
  th, td { padding: .4rem .55rem; }
}
@media print { .wide { overflow: visible; } }
)css";
}

}  // namespace dwubit::report
