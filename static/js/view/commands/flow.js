/** Commands for going through the images, beyond the next and the previous one. */

/** @import {Command} from "./table.js" */

/** @type {readonly Command[]} */
export const FLOW_COMMANDS = [
    {
        action: "find-image",
        keys: ["ctrl+g"],
        title: "Go to an image by its number or name",
        group: "Images",
        do: ({finder}) => finder.show(),
    },
    {
        action: "filmstrip",
        keys: ["shift+t"],
        title: "Filmstrip of the images, on or off (in a window that has room)",
        group: "Images",
        when: ({filmstrip}) => filmstrip.hasRoom,
        do: ({filmstrip}) => filmstrip.toggle(),
    },
    {
        action: "progress",
        keys: ["shift+o"],
        title: "How far the project is, and your day",
        group: "Images",
        do: ({progressPanel}) => progressPanel.toggle(),
    },
];
