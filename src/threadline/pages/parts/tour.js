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
      <p class="tour-text" role="status">${this._said()}</p>
      ${this._onward()}
      <button @click=${() => tour.stop()}>Stop and take over</button>
    </section>`;
  }

  _said() {
    const { problem, missing, step } = this.tour;
    if (problem) return html`<strong>The tour cannot go on.</strong> ${problem}`;
    if (missing) return html`<strong>The tour waits:</strong> ${missing}. It goes on by itself when that has happened.`;
    return html`<strong>${step.title}.</strong> ${step.text}`;
  }

  _onward() {
    const { tour } = this;
    if (tour.problem) return nothing;
    return tour.missing
      ? html`<button @click=${() => tour.wait()}>Wait longer</button>`
      : html`<button @click=${() => tour.next()}>Next</button>`;
  }
}

customElements.define("tl-tour", TourBar);
