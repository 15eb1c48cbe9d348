#include "report/page_script.h"

namespace dwubit::report {

namespace {

// currentColor makes the charts follow the page between light and dark without being drawn again. `ast` has Vega
// interpret its expressions, as the page's policy forbids to compile them.
constexpr std::string_view kScript = R"js(
(function () {
  'use strict';
  var quiet = {labelColor: 'currentColor', titleColor: 'currentColor', gridColor: 'currentColor', gridOpacity: 0.13,
               domainColor: 'currentColor', domainOpacity: 0.45, ticks: false, labelOpacity: 0.75, labelPadding: 6,
               titleFontWeight: 'normal', titleFontSize: 12, labelFontSize: 12, labelFlush: false, labelOverlap: true};
  var config = {font: 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif', axis: quiet,
                view: {stroke: null}, autosize: {type: 'fit', contains: 'padding'}};
  var dark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  JSON.parse(document.getElementById('chart-specs').textContent).forEach(function (entry) {
    var box = document.getElementById(entry.id);
    var drawn = document.createElement('div');
    drawn.className = 'drawn';
    box.appendChild(drawn);
    box.classList.add('live');
    window.vegaEmbed(drawn, entry.spec, {mode: 'vega-lite', renderer: 'svg', actions: false, ast: true, config: config,
                                         tooltip: {theme: dark ? 'dark' : 'light'}})
      .then(function () { box.dataset.drawn = drawn.querySelectorAll('.mark-symbol path').length; })
      .catch(function (error) {
        box.classList.remove('live');
        drawn.remove();
        box.dataset.error = String(error);
      });
  });
})();
)js";

}  // namespace

std::string_view page_script() {
    return kScript;
}

}  // namespace dwubit::report
