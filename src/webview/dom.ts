import type { Mood } from './protocol.ts';

/** An element with attributes and children. Text becomes text nodes: nothing is ever parsed as HTML. */
export function h(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  children: readonly (Node | string)[] = [],
): HTMLElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== '') element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const shapes: Readonly<Record<Mood, string>> = {
  passed: 'M4.5 8.2l2.3 2.3 4.7-5',
  failed: 'M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6',
  warning: 'M8 4.5v4.2M8 10.9v.6',
  skipped: 'M5 8h6',
  info: 'M8 7.4v4.1M8 4.5v.6',
};

/** A sign beside words that say the same. */
export function icon(mood: Mood): SVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `icon ${mood}`);
  svg.setAttribute('aria-hidden', 'true');
  const circle = document.createElementNS(space, 'circle');
  for (const [key, value] of [
    ['cx', '8'],
    ['cy', '8'],
    ['r', '7'],
  ] as const)
    circle.setAttribute(key, value);
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', shapes[mood]);
  svg.append(circle, path);
  return svg;
}
