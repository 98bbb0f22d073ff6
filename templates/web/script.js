// Presets the browser's time zone in forms where none was chosen yet.
"use strict";
const zone = document.querySelector("input[data-guess-zone]");
if (zone && zone.value === zone.dataset.guessZone) {
  const guess = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (guess) {
    zone.value = guess;
  }
}
