/** A project tab without behaviour of its own. */

import "./site/page.js";
