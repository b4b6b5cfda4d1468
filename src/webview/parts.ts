/** The token and what it says, side by side: each shows where the other has what is pointed at. */
import { h } from './dom.ts';
import type { InspectorModel, Member, Section } from './protocol.ts';

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
  // What is not to be taken along with the rest of the page.
  if (!selectable) box.addEventListener('copy', event => event.preventDefault());
  box.addEventListener('pointermove', event => point(memberAt(event)));
  box.addEventListener('pointerleave', () => point(undefined));
  return box;
}

/** The rows that are shown now, with the characters that each stands for. */
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

/** Marks the characters of the encoded part that hold a member. Nothing is marked where they are none. */
function highlight(part: string, start: number, end: number): void {
  const span = document.querySelector(`.part[data-part="${CSS.escape(part)}"]`);
  const text = span?.textContent ?? '';
  span?.replaceChildren(
    ...(end > start ? [text.slice(0, start), h('mark', {}, [text.slice(start, end)]), text.slice(end)] : [text]),
  );
}

/** The row of the member whose characters are below the pointer. */
function memberAt({ clientX, clientY }: PointerEvent): HTMLElement | undefined {
  const place = document.caretPositionFromPoint(clientX, clientY);
  const span = place?.offsetNode.parentElement?.closest('.part');
  const part = span?.getAttribute('data-part');
  if (!place || !span) return undefined;
  // A mark splits the text: what stands before the node counts as well.
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
