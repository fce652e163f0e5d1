/** The site's one way to the API; the CSRF token is the cookie's. */

import {Http} from "../../api/http.js";

export const http = new Http("");

export function csrfToken() {
    return document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1] ?? "";
}
