// <tl-tour .tour>: the step that the tour is at, in words. Its user goes on at once, or stops it and takes over.
import { html, nothing } from "lit";
import { STEPS } from "../lib/tour.js";
import { Part } from "./part.js";

export class TourBar extends Part {
  static properties = { tour: { attribute: false } };

  willUpdate() {
    this.follow(this.tour);
  }

  render() {
    const { tour } = this;
    if (!tour?.isOn) return nothing;
    return html`<section class="tour card" aria-label="Tour">
      <p class="tour-count">${tour.number + 1} of ${STEPS.length}</p>
      <p class="tour-text" role="status"><strong>${tour.step.title}.</strong> ${tour.step.text}</p>
      <button @click=${() => tour.next()}>Next</button>
      <button @click=${() => tour.stop()}>Stop and take over</button>
    </section>`;
  }
}

customElements.define("tl-tour", TourBar);
