"""What is wrong with a page as a browser shows it, in words; nothing is wrong with ours.

Source: WCAG 2.2, success criteria 1.3.1 (headings), 1.4.3 (contrast), 1.4.10 (reflow), 2.5.8 (target size), 4.1.2 (names).
"""

FAULTS = r"""() => {
  const found = [], all = (what) => [...document.querySelectorAll(what)];
  const shown = (one) => one.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true });
  const seen = (one) => shown(one) && !one.closest('.skip, .unseen');
  const told = (one) => `${one.tagName} ${one.id} ${one.getAttribute('class')} "${one.textContent.trim().slice(0, 40)}"`;
  const complain = (what, one) => found.push(`${what}: ${told(one)}`);

  if (!document.documentElement.lang || !document.title) found.push('no language or no title');
  if (document.documentElement.scrollWidth > innerWidth) found.push('wider than the screen');
  if (all('h1').length !== 1 || all('main').length !== 1) found.push('not one h1 and one main');
  const ids = all('[id]').map((one) => one.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) found.push(`two elements are ${id}`);
  for (const one of all('[aria-labelledby], [aria-describedby]'))
    for (const id of `${one.getAttribute('aria-labelledby') ?? ''} ${one.getAttribute('aria-describedby') ?? ''}`.split(' '))
      if (id && !ids.includes(id)) complain(`names ${id}, which is not there`, one);

  let level = 0;
  for (const one of all('h1, h2, h3, h4, h5').filter(shown)) {
    if (one.tagName[1] > level + 1) complain('a heading level is left out', one);
    level = Number(one.tagName[1]);
  }
  for (const one of all('button, a, summary, input:not([type=hidden]), select, textarea, [role=img], pre, img')) {
    const name = one.textContent.trim() || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby');
    if (!name && !one.labels?.length && one.getAttribute('alt') === null) complain('no name', one);
  }
  const targets = all('button, a.button, summary, select, input:not([type=hidden], [type=checkbox])').filter(seen);
  for (const one of targets) {
    const box = one.getBoundingClientRect();
    if (Math.min(box.width, box.height) < 24) complain('too small to hit', one);
  }

  const parts = (text) => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3]));
  const ground = (one) => {
    if (!one) return [255, 255, 255];
    const own = parts(getComputedStyle(one).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(one.parentElement));
  };
  const light = (colour) => colour.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement, style = getComputedStyle(one);
    if (!texts.currentNode.textContent.trim() || !seen(one) || one.closest('noscript, title, desc, :disabled')) continue;
    const below = ground(one), top = over(parts(one.closest('svg') ? style.fill : style.color), below);
    const [dark, bright] = [light(top), light(below)].sort((a, b) => a - b);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if ((bright + 0.05) / (dark + 0.05) < (large ? 3 : 4.5)) complain('too little contrast', one);
  }
  return found;
}"""
