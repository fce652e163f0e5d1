/** C structs in a kernel's memory; every field is four bytes wide: a whole number, a byte offset or a float. */

export const WORD = /** @type {const} */ ("word");
export const FLOAT = /** @type {const} */ ("float");

/** @typedef {{readonly [field: string]: typeof WORD | typeof FLOAT | Struct<any>}} Fields in their order */

/**
 * What is written into a struct; what is left out is 0.
 *
 * @template {Fields} F
 * @typedef {{[K in keyof F]?: F[K] extends Struct<infer G> ? ValuesOf<G> : number}} ValuesOf
 */

/** @template S @typedef {S extends Struct<infer F> ? F : never} FieldsOf */

/** @template {Fields} F */
export class Struct {
    /** @type {Map<string, {at: number, kind: Fields[string]}>} */
    #places = new Map();

    /** @param {F} fields */
    constructor(fields) {
        this.words = 0;
        for (const [name, kind] of Object.entries(fields)) {
            this.#places.set(name, {at: this.words, kind});
            this.words += kind instanceof Struct ? kind.words : 1;
        }
    }

    /**
     * @param {keyof F & string} name
     * @returns {number} how many words before this field
     */
    at(name) {
        return /** @type {{at: number}} */ (this.#places.get(name)).at;
    }

    /**
     * @param {Int32Array} memory
     * @param {number} at of the struct, in words
     * @param {ValuesOf<F>} values
     */
    write(memory, at, values) {
        const floats = new Float32Array(memory.buffer, memory.byteOffset, memory.length);
        for (const [name, place] of this.#places) {
            const value = values[name];
            if (place.kind instanceof Struct)
                place.kind.write(memory, at + place.at, /** @type {ValuesOf<any>} */ (value ?? {}));
            else (place.kind === FLOAT ? floats : memory)[at + place.at] = /** @type {any} */ (value ?? 0);
        }
    }
}
