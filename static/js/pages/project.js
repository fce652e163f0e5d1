/** A page without behaviour of its own. */

import "../view/site/page.js";
