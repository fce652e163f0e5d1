/** The open tabs tell each other of which image a mask was saved. */

const CHANNEL = "maskwright.saved";

export class SavedChannel {
    /** Another tab has saved a mask of this image. @type {(imageId: number) => void} */
    onSaved = () => {};
    #channel = new BroadcastChannel(CHANNEL);

    constructor() {
        this.#channel.onmessage = ({data}) => {
            if (typeof data === "number") this.onSaved(data);
        };
    }

    /** @param {number} imageId */
    tell(imageId) {
        this.#channel.postMessage(imageId);
    }
}
