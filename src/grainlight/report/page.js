// The line of a comparison follows its slider; without this script it stands in the middle.
for (const box of document.querySelectorAll(".compare")) {
  const range = box.querySelector("input");
  const follow = () => {
    box.style.setProperty("--cut", range.value + "%");
    range.setAttribute("aria-valuetext", range.value + " % " + range.dataset.left);
  };
  range.addEventListener("input", follow);
  follow();
}
