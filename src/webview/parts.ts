/** The encoded token beside its decoded content. Pointing at one highlights the matching place in the other. */
import type { CheckLine, InspectorModel, Member, Mood, ReviewLine, Section } from './protocol.ts';

export function encoded({ encoded, encodedNote, selectable }: InspectorModel): HTMLElement {
  if (encoded.length === 0) return h('p', { class: 'quiet' }, [encodedNote]);
  const box = h('div', {
    class: selectable ? 'token' : 'token fixed',
    tabindex: '0',
    role: 'group',
    'aria-label': encodedNote,
  });
  encoded.forEach(({ part, text, cut }, index) => {
    if (index > 0) box.append('.');
    box.append(h('span', { class: `part ${part}`, 'data-part': part }, [text]), cut ? '…' : '');
  });
  // Keeps this text out of a copy of the whole page.
  if (!selectable) box.addEventListener('copy', event => event.preventDefault());
  box.addEventListener('pointermove', event => point(memberAt(event)));
  box.addEventListener('pointerleave', () => point(undefined));
  return box;
}

/** The visible rows and the encoded characters that each belongs to. */
let rows: { readonly part: string; readonly member: Member; readonly row: HTMLElement }[] = [];

export function decoded(sections: readonly Section[]): HTMLElement[] {
  rows = [];
  return sections.map(({ part, title, members }) =>
    h('div', { class: 'decoded-part' }, [
      h('h3', { class: part }, [title]),
      h(
        'dl',
        { class: `members ${part}` },
        members.map(member => memberRow(part, member)),
      ),
    ]),
  );
}

function memberRow(part: string, member: Member): HTMLElement {
  const { name, value, note, source, start, end } = member;
  const row = h('div', { class: 'member', tabindex: '0' }, [
    h('dt', {}, [name]),
    h('dd', {}, [h('code', {}, [value]), h('span', { class: 'quiet', title: source }, [note])]),
  ]);
  const on = () => highlight(part, start, end);
  const off = () => highlight(part, 0, 0);
  row.addEventListener('pointerenter', on);
  row.addEventListener('focus', on);
  row.addEventListener('pointerleave', off);
  row.addEventListener('blur', off);
  rows.push({ part, member, row });
  return row;
}

/** Highlights the characters of the encoded part that contain a member; none if the range is empty. */
function highlight(part: string, start: number, end: number): void {
  const span = document.querySelector(`.part[data-part="${CSS.escape(part)}"]`);
  const text = span?.textContent ?? '';
  span?.replaceChildren(
    ...(end > start ? [text.slice(0, start), h('mark', {}, [text.slice(start, end)]), text.slice(end)] : [text]),
  );
}

/** The row of the member whose characters are under the pointer. */
function memberAt({ clientX, clientY }: PointerEvent): HTMLElement | undefined {
  const place = document.caretPositionFromPoint(clientX, clientY);
  const span = place?.offsetNode.parentElement?.closest('.part');
  const part = span?.getAttribute('data-part');
  if (!place || !span) return undefined;
  // A highlight splits the text, so the lengths of the preceding nodes are added.
  let offset = place.offset;
  for (const node of span.childNodes) {
    if (node.contains(place.offsetNode)) break;
    offset += node.textContent?.length ?? 0;
  }
  return rows.find(each => each.part === part && each.member.start <= offset && offset < each.member.end)?.row;
}

function point(at: HTMLElement | undefined): void {
  for (const { row } of rows) row.classList.toggle('pointed', row === at);
}

/** The results about a token, as lists. Every icon has a word beside it. */
export function checks({ checks, quiet, words }: InspectorModel): HTMLElement[] {
  const list = (lines: readonly CheckLine[]) =>
    h(
      'ul',
      { class: 'check-list' },
      lines.map(line => check(line, words)),
    );
  if (quiet.length === 0) return [list(checks)];
  const names = quiet.map(({ title }) => title).join(', ');
  return [list(checks), h('details', {}, [h('summary', {}, [`${words.notNeeded}: ${names}`]), list(quiet)])];
}

function check(line: CheckLine, words: InspectorModel['words']): HTMLElement {
  const compared =
    line.mood !== 'passed' && line.expected !== '' && line.expected !== line.found
      ? [
          h('dl', { class: 'compared' }, [
            h('div', {}, [h('dt', {}, [words.expected]), h('dd', {}, [line.expected])]),
            ...(line.found === '' ? [] : [h('div', {}, [h('dt', {}, [words.found]), h('dd', {}, [line.found])])]),
          ]),
        ]
      : [];
  return h('li', { class: `check ${line.mood}` }, [
    icon(line.mood),
    h('div', {}, [
      h('h3', {}, [line.title, h('span', { class: 'status' }, [line.status])]),
      h('p', {}, [line.detail]),
      ...compared,
      ...(line.advice === '' ? [] : [h('p', { class: 'advice' }, [line.advice])]),
    ]),
  ]);
}

export function review({ review, words }: InspectorModel): HTMLElement {
  if (review.length === 0) return h('p', { class: 'quiet' }, [words.nothing]);
  return h('ul', { class: 'check-list' }, review.map(finding));
}

function finding({ mood, status, detail, advice, section }: ReviewLine): HTMLElement {
  return h('li', { class: `check ${mood}` }, [
    icon(mood),
    h('div', {}, [
      h('p', {}, [h('span', { class: 'severity' }, [status]), detail]),
      ...(advice === '' ? [] : [h('p', { class: 'advice' }, [advice])]),
      h('p', { class: 'quiet section' }, [section]),
    ]),
  ]);
}

export function facts({ key }: InspectorModel): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    key.map(({ name, value }) => h('div', {}, [h('dt', {}, [name]), h('dd', {}, [value])])),
  );
}

export function keys({ keys, words }: InspectorModel): HTMLElement {
  return h(
    'ul',
    { class: 'key-list' },
    keys.map(({ text, used }) =>
      h('li', {}, [h('code', {}, [text]), ...(used ? [h('span', { class: 'status' }, [words.used])] : [])]),
    ),
  );
}

/** Creates an element with attributes and children. Text becomes text nodes and is never parsed as HTML. */
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

/** An icon; the words beside it say the same. */
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

/**
 * Replaces the children of a part only if they differ, because a button that is replaced under the pointer loses the
 * click.
 */
export function renew(part: Element, ...children: readonly Node[]): void {
  const next = part.cloneNode(false) as Element;
  next.append(...children);
  if (!part.isEqualNode(next)) part.replaceChildren(...next.childNodes);
}

/**
 * Redraws and then restores the focus. If the page has no focus, it does not take it, because VS Code may be asking
 * something.
 */
export function keepFocus(draw: () => void): void {
  const id = document.hasFocus() ? document.activeElement?.getAttribute('data-id') : undefined;
  draw();
  if (id) document.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
}
