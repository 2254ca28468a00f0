// The slider chooses the section that is shown; without this script the first one is.
const range = document.querySelector(".walk input");
const show = () => {
  for (const one of document.querySelectorAll("[data-section]")) one.hidden = one.dataset.section !== range.value;
  const words = document.querySelector(".tell:not([hidden])");
  if (words) range.setAttribute("aria-valuetext", words.textContent);
};
range.addEventListener("input", show);
show();
