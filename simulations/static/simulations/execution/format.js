/** Numbers and times in the language of the page. */
const language = document.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
let clock = new Intl.DateTimeFormat(language, CLOCK);

let texts = {};

/** Show times in the zone of the person, which need not be that of the browser, and durations in these words. */
export function setForm(timeZone, durations) {
  clock = new Intl.DateTimeFormat(language, { ...CLOCK, timeZone });
  texts = durations;
}

export const number = (value) => whole.format(value);
export const fraction = (value) => fine.format(value);
export const time = (ms) => clock.format(ms);

/** Fill the words in braces of a text. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/** A time given in µs, in the unit that suits it. */
export function microseconds(value) {
  if (value === null || value === undefined) return "-";
  const [amount, unit] =
    value < 1e3 ? [value, "µs"] : value < 1e6 ? [value / 1e3, "ms"] : [value / 1e6, "s"];
  return `${(amount < 10 ? short : whole).format(amount)} ${unit}`;
}

/** A duration with its two largest units. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value) => String(value).padStart(2, "0");
  if (hours) return fill(texts.hours, { h: hours, min: two(minutes) });
  return minutes ? fill(texts.minutes, { min: minutes, s: two(rest) }) : fill(texts.seconds, { s: rest });
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes. */
export function size(bytes) {
  const at = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${(at ? short : whole).format(bytes / 1024 ** at)} ${UNITS[at]}`;
}
