/** Draws the chart of masks per day. */

import {find, findOptional, pageData} from "../view/elements.js";
import "../view/site/page.js";

const HEIGHT_PX = 220;
const MAX_BAR_PX = 28;
const SECONDS_PER_DAY = 86_400;

/**
 * What we use of uPlot.
 *
 * @typedef {{setSize(size: {width: number, height: number}): void, destroy(): void}} Chart
 * @typedef {{new (options: object, data: number[][], place: HTMLElement): Chart,
 *   paths: {bars(options: object): unknown}, tzDate(date: Date, zone: string): Date}} ChartLibrary
 */

const place = findOptional("[data-chart]", HTMLElement);
if (place) {
    const {days, masks} = /** @type {{days: number[], masks: number[]}} */ (pageData("masks-per-day"));
    // By its address from the page: our modules import nothing from outside, and the name is hashed.
    /** @type {{default: ChartLibrary}} */
    const {default: UPlot} = await import(place.dataset.chart ?? "");

    const draw = () => {
        const axis = {
            stroke: token("--text-quiet"),
            font: "12px Inter, system-ui, sans-serif",
            grid: {stroke: token("--line"), width: 1},
            ticks: {show: false},
        };
        return new UPlot(
            {
                width: place.clientWidth,
                height: HEIGHT_PX,
                tzDate: (/** @type {number} */ seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
                cursor: {y: false, drag: {x: false}, points: {show: false}},
                legend: {show: false},
                scales: {
                    x: {
                        range: (
                            /** @type {any} */ _,
                            /** @type {number} */ low,
                            /** @type {number} */ high,
                        ) => [low - SECONDS_PER_DAY / 2, high + SECONDS_PER_DAY / 2],
                    },
                    y: {
                        range: (
                            /** @type {any} */ _,
                            /** @type {number} */ __,
                            /** @type {number} */ high,
                        ) => [0, Math.max(4, Math.ceil(high * 1.1))],
                    },
                },
                axes: [
                    {
                        ...axis,
                        grid: {show: false},
                        space: 70,
                        size: 32,
                        values: (/** @type {any} */ _, /** @type {number[]} */ times) => times.map(dayName),
                    },
                    {
                        ...axis,
                        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
                        size: 48,
                    },
                ],
                series: [
                    {},
                    {
                        stroke: token("--accent"),
                        fill: token("--accent"),
                        width: 0,
                        paths: UPlot.paths.bars({size: [0.6, MAX_BAR_PX], radius: 0.2}),
                        points: {show: false},
                    },
                ],
                hooks: {setCursor: [say]},
            },
            [days, masks],
            place,
        );
    };

    const saying = find("[data-chart-saying]", HTMLElement);
    const usual = saying.textContent;
    /** @param {{cursor: {idx: number | null}}} chart */
    const say = ({cursor: {idx}}) => {
        saying.textContent =
            idx === null || idx === undefined ? usual : `${dayName(days[idx])}: ${masks[idx]}`;
    };

    let chart = draw();
    new ResizeObserver(() => chart.setSize({width: place.clientWidth, height: HEIGHT_PX})).observe(place);
    const redraw = () => {
        chart.destroy();
        chart = draw();
    };
    new MutationObserver(redraw).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** @param {number} seconds since 1970 */
function dayName(seconds) {
    return new Date(seconds * 1000).toLocaleDateString(undefined, {
        day: "numeric",
        month: "short",
        timeZone: "UTC",
    });
}

/**
 * A token's colour as it is painted now: custom properties keep light-dark() unresolved.
 *
 * @param {string} name
 */
function token(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const {color} = getComputedStyle(probe);
    probe.remove();
    return color;
}
