// What the theme lacks for people who use the keyboard or a screen reader.

document.querySelector(".md-search")?.setAttribute("aria-label", "Search");

// What scrolls can be scrolled by keyboard. The theme puts tables into boxes some time after the page is there.
const focusable = () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .output, pre > code"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
};
new ResizeObserver(focusable).observe(document.body);
new MutationObserver(focusable).observe(document.querySelector("article"), { childList: true, subtree: true });
