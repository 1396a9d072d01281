// The entry of the page: defines the element of `index.html`, which shows everything else.
import "./parts/app.js";
