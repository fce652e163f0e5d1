/** Draws the chart of masks per day. */

import uPlot from "../../vendor/uplot/uPlot.esm.js";

import {need, pageData} from "./site/page.js";

const HEIGHT_PX = 220;
const place = document.querySelector("[data-chart]");
if (place instanceof HTMLElement) {
    const {days, masks} = /** @type {{days: number[], masks: number[]}} */ (pageData("masks-per-day"));
    /** @param {string} name */
    const token = (name) => {
        // Custom properties keep light-dark() unresolved; a painted element has the colour itself.
        const probe = document.createElement("span");
        probe.style.color = `var(${name})`;
        need("body", HTMLBodyElement).append(probe);
        const color = getComputedStyle(probe).color;
        probe.remove();
        return color;
    };
    const axis = {stroke: token("--text-quiet"), grid: {stroke: token("--line"), width: 1}, ticks: {stroke: token("--line")}};
    const chart = new uPlot(
        {
            width: place.clientWidth,
            height: HEIGHT_PX,
            cursor: {y: false},
            legend: {show: false},
            scales: {y: {range: (_chart, _low, high) => [0, Math.max(4, Math.ceil(high * 1.1))]}},
            axes: [axis, {...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], size: 44}],
            series: [
                {},
                {
                    label: "Masks",
                    stroke: token("--accent"),
                    fill: token("--accent-soft"),
                    width: 2,
                    paths: uPlot.paths.bars?.({size: [0.6, 28]}),
                    points: {show: false},
                },
            ],
        },
        [days, masks],
        place,
    );
    new ResizeObserver(() => chart.setSize({width: place.clientWidth, height: HEIGHT_PX})).observe(place);
}
