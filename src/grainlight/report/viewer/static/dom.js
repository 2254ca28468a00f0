// Elements from names and text. Text is never read as markup, whoever wrote it.

/** An element with properties, "on…" listeners, aria-… and data-… attributes, and children. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const find = (id) => document.getElementById(id);

/** Show a part of the page, or not. */
export function show(node, whether) {
  node.hidden = !whether;
}

/** Put an error into its place; screen readers say it. */
export function tell(id, error) {
  const place = find(id);
  place.replaceChildren();
  if (!error) return;
  place.append(make("strong", {}, [error.file, error.place].filter(Boolean).join(", ") + (error.file ? ": " : ""), error.problem));
  for (const [name, words] of [["found", "found"], ["expected", "expected"], ["advice", "try"]]) {
    if (error[name]) place.append(make("span", {}, `${words}: ${error[name]}`));
  }
}

/** The line that does the same on the command line, with a button that copies it. */
export function showCommand(id, line) {
  const place = find(id);
  show(place, Boolean(line));
  if (!line || place.dataset.line === line) return;
  place.dataset.line = line;
  const copy = make("button", { type: "button", className: "quiet", onclick: async () => {
    await navigator.clipboard.writeText(line);
    copy.textContent = "copied";
    setTimeout(() => { copy.textContent = "copy"; }, 1500);
  } }, "copy");
  place.replaceChildren(make("summary", {}, "The same on the command line"), make("pre", { tabIndex: 0 }, line), copy);
}

export const percent = (share) => {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "less than 0.1 %";
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
};

export const number = (value, digits = 3) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(digits))));

/** Seconds in words. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds);
  if (whole < 90) return `${whole} s`;
  return whole < 5400 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}
