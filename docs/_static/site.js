// Pictures of several maps side by side are marked, so that a narrow screen scrolls them (site.css).
addEventListener("load", () => {
  for (const image of document.querySelectorAll(".bd-article p > img, .bd-article img.sphx-glr-single-img")) {
    if (image.naturalWidth > 1.7 * image.naturalHeight) image.parentElement.classList.add("wide");
  }
});
