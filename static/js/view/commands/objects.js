/** Commands for saved objects: what is done with the selected one, and with several. */

/** @import {Command} from "./table.js" */

/** @type {readonly Command[]} */
export const OBJECT_COMMANDS = [
    {
        action: "merge",
        keys: ["u"],
        title: "Merge the selected masks",
        tip: "Merge the selected masks into the first one",
        place: "several",
        icon: "squares-unite",
        words: () => "Merge",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench}) => workbench.combining.canCombine,
        do: ({workbench}) => workbench.combining.merge(),
    },
    {
        action: "subtract",
        keys: ["shift+u"],
        title: "Subtract the other selected masks from the first one",
        place: "several",
        icon: "squares-subtract",
        words: () => "Subtract",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench}) => workbench.combining.canCombine,
        do: ({workbench}) => workbench.combining.subtract(),
    },
    {
        action: "intersect",
        keys: ["shift+i"],
        title: "Keep of the first selected mask what the others cover too",
        place: "several",
        icon: "squares-intersect",
        words: () => "Intersect",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench}) => workbench.combining.canCombine,
        do: ({workbench}) => workbench.combining.intersect(),
    },
    {
        action: "split",
        keys: ["y"],
        title: "Split the selected mask into its pieces",
        tip: "Split into pieces: each becomes an object of its own",
        place: "selected",
        icon: "split",
        group: "Masks",
        isForAnnotators: true,
        when: ({workbench}) => workbench.combining.canSplit,
        do: ({workbench}) => workbench.combining.split(),
    },
];
