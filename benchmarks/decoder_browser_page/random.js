/** A small repeatable random number generator (mulberry32): the same prompts in every run. */
export function generator(seed) {
    let state = seed + 0x9e3779b9;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}
