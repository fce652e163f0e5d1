import js from "@eslint/js";
import globals from "globals";

export default [
    {ignores: [".venv/", ".readers/", "data/", "static/vendor/", "node_modules/"]},
    js.configs.recommended,
    {
        languageOptions: {ecmaVersion: "latest", sourceType: "module"},
        linterOptions: {reportUnusedDisableDirectives: "error"},
        rules: {eqeqeq: "error", "no-var": "error", "prefer-const": "error", "object-shorthand": "error"},
    },
    {
        files: ["static/js/**", "benchmarks/**"],
        languageOptions: {globals: {...globals.browser, ...globals.worker}},
    },
    {
        files: ["tests/js/**", "tests/segmentation/**", "scripts/**", "*.js"],
        languageOptions: {globals: globals.node},
    },
];
