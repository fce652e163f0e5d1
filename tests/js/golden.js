import {readFileSync} from "node:fs";

/** @param {string} name the golden cases that Python is held to as well */
export function golden(name) {
    return JSON.parse(readFileSync(new URL(`../data/${name}_cases.json`, import.meta.url), "utf8"));
}
