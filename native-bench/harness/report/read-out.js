// @ts-nocheck The types of the browser are not among those of this project.
/**
 * Runs in the reader's browser, its source put into the page: points out the values under the pointer in the legend of a chart. Uses nothing but
 * its page; without it the page shows the values it began with.
 */
export function readOut() {
  for (const figure of document.querySelectorAll('figure.chart')) {
    const { axis, positions, titles, values, initial } = JSON.parse(figure.getAttribute('data-chart') ?? '{}');
    const chart = figure.querySelector('svg');
    const [where, guide, outputs] = [
      figure.querySelector('.where'),
      figure.querySelector('.guide'),
      figure.querySelectorAll('output'),
    ];
    if (!chart || !where || !guide) continue;
    const show = (/** @type {number} */ index) => {
      where.textContent = titles[index];
      for (const [series, output] of outputs.entries()) output.textContent = values[series][index];
      for (const end of ['1', '2']) guide.setAttribute(axis + end, positions[index]);
    };
    const pointAt = (/** @type {PointerEvent} */ event) => {
      const box = chart.getBoundingClientRect();
      const place =
        axis === 'x'
          ? ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width
          : ((event.clientY - box.top) / box.height) * chart.viewBox.baseVal.height;
      let nearest = 0;
      for (let index = 1; index < positions.length; index++) {
        if (Math.abs(positions[index] - place) < Math.abs(positions[nearest] - place)) nearest = index;
      }
      figure.classList.add('pointed');
      show(nearest);
    };
    chart.addEventListener('pointermove', pointAt);
    chart.addEventListener('pointerdown', pointAt);
    chart.addEventListener('pointerleave', () => {
      figure.classList.remove('pointed');
      show(initial);
    });
  }
}
