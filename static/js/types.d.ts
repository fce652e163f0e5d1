// The shapes of core/, by the name that decoder/ knows them by.
export * from "./core/types.d.ts";
