/**
 * Calls back when the next frame has been painted.
 *
 * @param {() => void} callback
 */
export function afterNextFrame(callback) {
    requestAnimationFrame(() => {
        // A message posted while a frame is made is delivered after that frame was painted.
        const {port1, port2} = new MessageChannel();
        port1.onmessage = callback;
        port2.postMessage(null);
    });
}
