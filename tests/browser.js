// Checks of how a page looks. Each returns descriptions of what is wrong, at most MOST of them.
{
  const MOST = 10;
  // How much of its height a line of text fills, and by how many pixels edges may be off.
  const FILLED = 0.6, SLACK = 1;

  const described = element => {
    const name = element.localName + [...element.classList].map(one => "." + one).join("");
    return `<${name}> ${element.textContent.trim().replace(/\s+/g, " ").slice(0, 50)}`;
  };
  const isVisible = element =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const isDrawn = element => element instanceof SVGElement;
  const scrolls = element => /auto|scroll/.test(getComputedStyle(element).overflowX);
  const clips = element => /hidden|clip/.test(getComputedStyle(element).overflowX);

  // The corners of a box from (x, y), in pixels of the page's window.
  const corners = ({ x, y, width, height }, matrix = new DOMMatrix()) =>
    [[x, y], [x + width, y], [x + width, y + height], [x, y + height]].map(
      ([x, y]) => new DOMPoint(x, y).matrixTransform(matrix));

  const boxes = node => {
    const element = node.parentElement;
    if (isDrawn(element)) return [corners(element.getBBox(), element.getScreenCTM())];
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].filter(box => box.width > 0).map(box => corners(box));
  };

  // The lines of all visible texts: the element and the four corners of each.
  const lines = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode, element = node.parentElement;
      if (!node.data.trim() || element.closest("script, style, noscript, select, textarea")) continue;
      if (!isVisible(element)) continue;
      for (const box of boxes(node)) found.push({ node, element, box });
    }
    return found;
  };

  const bounds = box => {
    const xs = box.map(point => point.x), ys = box.map(point => point.y);
    return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
  };

  // The nearest element around a text that shows only a part of what is in it.
  const viewOf = element => {
    for (let one = element; one && one !== document.body; one = one.parentElement)
      if (!isDrawn(one) && (scrolls(one) || clips(one))) return one;
    return null;
  };
  const isInView = ({ element, box }) => {
    const view = viewOf(element);
    if (!view) return true;
    const { left, right } = bounds(box), { left: start, right: end } = view.getBoundingClientRect();
    return left >= start - SLACK && right <= end + SLACK;
  };

  const shrunk = box => {
    const [a, b, c, d] = box, x = (a.x + c.x) / 2, y = (a.y + c.y) / 2;
    const width = Math.hypot(b.x - a.x, b.y - a.y);
    const along = Math.max(width - 2 * SLACK, 0) / width / 2, across = FILLED / 2;
    const u = [(b.x - a.x) * along, (b.y - a.y) * along];
    const v = [(d.x - a.x) * across, (d.y - a.y) * across];
    return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(
      ([i, j]) => ({ x: x + i * u[0] + j * v[0], y: y + i * u[1] + j * v[1] }));
  };

  // Whether two rectangles, which may be rotated, overlap: no line separates them.
  const overlap = (one, other) => [one, other].every(({ box: [a, b, , d] }) =>
    [[b.x - a.x, b.y - a.y], [d.x - a.x, d.y - a.y]].every(([x, y]) => {
      const [p, q] = [one, other].map(({ box }) => box.map(point => point.x * x + point.y * y));
      return Math.max(...p) > Math.min(...q) && Math.max(...q) > Math.min(...p);
    }));

  window.overlapping = () => {
    const shown = lines().filter(isInView).map(line => ({ ...line, box: shrunk(line.box) }));
    for (const line of shown) line.bounds = bounds(line.box);
    shown.sort((one, other) => one.bounds.top - other.bounds.top);
    const found = [];
    shown.forEach((one, i) => {
      for (let j = i + 1; j < shown.length && shown[j].bounds.top < one.bounds.bottom; j++) {
        const other = shown[j];
        if (one.node !== other.node && overlap(one, other))
          found.push(`${described(one.element)} and ${described(other.element)}`);
      }
    });
    return found.slice(0, MOST);
  };

  // On paper nothing scrolls.
  window.cut = onPaper => {
    const found = [], width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width + SLACK)
      found.push(`the page is ${document.documentElement.scrollWidth} pixels wide, of ${width}`);
    for (const element of document.querySelectorAll("body *")) {
      if (isDrawn(element) || element.clientWidth <= 1 || !isVisible(element)) continue;
      if (element.scrollWidth <= element.clientWidth + SLACK) continue;
      if (clips(element) || (onPaper && scrolls(element))) found.push(described(element));
    }
    for (const { element, box } of lines()) {
      const { left, right, top, bottom } = bounds(box);
      const drawing = isDrawn(element) && element.closest("svg").getBoundingClientRect();
      const isOut = drawing && (left < drawing.left - SLACK || right > drawing.right + SLACK ||
        top < drawing.top - SLACK || bottom > drawing.bottom + SLACK);
      if (isOut || (!viewOf(element) && (left < -SLACK || right > width + SLACK)))
        found.push(described(element));
    }
    return found.slice(0, MOST);
  };
}
