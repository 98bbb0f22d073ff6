// Guesses the visitor's time zone where nobody has chosen one yet.
"use strict";
const zone = document.querySelector("input[data-guess-zone]");
if (zone && zone.value === zone.dataset.guessZone) {
  const guess = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (guess) {
    zone.value = guess;
  }
}
