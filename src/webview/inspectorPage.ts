/** The inspector's page. It keeps nothing: when it is shown again the extension tells it everything anew. */
import { h, icon } from './dom.ts';
import type { CheckLine, FromPage, InspectorModel, Section, ToPage } from './protocol.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const host = acquireVsCodeApi();
const main = document.createElement('main');
document.body.append(main);
const timeline = h('div', { class: 'timeline' });

addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'model') render(data.model);
  else drawTimeline(data.svg, data.spoken);
});
host.postMessage({ type: 'ready' });

function render(model: InspectorModel): void {
  const focused = document.activeElement?.getAttribute('data-id');
  const { words, verdict } = model;
  main.replaceChildren(
    h('header', {}, [
      h('div', { class: 'heading' }, [
        h('h1', {}, [model.title]),
        h('p', { class: 'quiet' }, [model.subtitle]),
      ]),
      h(
        'div',
        { class: 'actions' },
        model.actions.map(({ id, label, primary }) => {
          const button = h('button', { 'data-id': id, class: primary ? 'primary' : '' }, [label]);
          button.addEventListener('click', () => host.postMessage({ type: 'action', id }));
          return button;
        }),
      ),
    ]),
    h('div', { class: `verdict ${verdict.mood}`, role: 'status' }, [
      icon(verdict.mood),
      h('div', {}, [h('strong', {}, [verdict.text]), h('p', {}, [verdict.detail])]),
    ]),
    section(words.timeline, [timeline], 'time'),
    ...(model.editing ? [editor(model)] : []),
    h('div', { class: 'columns' }, [
      section(words.encoded, [encoded(model)], 'encoded'),
      section(words.decoded, model.decoded.map(decodedSection), 'decoded'),
    ]),
    section(words.verification, checks(model), 'checks'),
    ...(model.key.length > 0 ? [section(words.key, [facts(model)], 'key')] : []),
    ...(model.keys.length > 0 ? [section(words.keys, [keys(model)], 'keys')] : []),
  );
  if (focused) main.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function section(title: string, content: readonly Node[], name: string): HTMLElement {
  const id = `title-${name}`;
  return h('section', { class: name, 'aria-labelledby': id }, [h('h2', { id }, [title]), ...content]);
}

function encoded({ encoded, encodedNote }: InspectorModel): HTMLElement {
  const box = h('div', { class: 'token', tabindex: '0', role: 'group', 'aria-label': encodedNote });
  encoded.forEach(({ part, text, cut }, index) => {
    if (index > 0) box.append('.');
    box.append(h('span', { class: `part ${part}`, 'data-part': part }, [text]), cut ? '…' : '');
  });
  return encoded.length > 0 ? box : h('p', { class: 'quiet' }, [encodedNote]);
}

function decodedSection({ part, title, members }: Section): HTMLElement {
  const list = h('dl', { class: `members ${part}` });
  for (const member of members) {
    const row = h('div', { class: 'member', tabindex: '0' }, [
      h('dt', {}, [member.name]),
      h('dd', {}, [
        h('code', {}, [member.value]),
        h('span', { class: 'quiet', title: member.source }, [member.note]),
      ]),
    ]);
    const on = () => highlight(part, member.start, member.end);
    const off = () => highlight(part, 0, 0);
    row.addEventListener('pointerenter', on);
    row.addEventListener('focus', on);
    row.addEventListener('pointerleave', off);
    row.addEventListener('blur', off);
    list.append(row);
  }
  return h('div', { class: 'decoded-part' }, [h('h3', { class: part }, [title]), list]);
}

/** Marks the characters of the encoded part that hold a member. Nothing is marked where they are none. */
function highlight(part: string, start: number, end: number): void {
  const span = main.querySelector(`.part[data-part="${CSS.escape(part)}"]`);
  const text = span?.textContent ?? '';
  span?.replaceChildren(
    ...(end > start
      ? [text.slice(0, start), h('mark', {}, [text.slice(start, end)]), text.slice(end)]
      : [text]),
  );
}

function checks({ checks, quiet, words }: InspectorModel): HTMLElement[] {
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
    line.expected !== '' && line.expected !== line.found
      ? [
          h('dl', { class: 'compared' }, [
            h('div', {}, [h('dt', {}, [words.expected]), h('dd', {}, [line.expected])]),
            ...(line.found === ''
              ? []
              : [h('div', {}, [h('dt', {}, [words.found]), h('dd', {}, [line.found])])]),
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

function facts({ key }: InspectorModel): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    key.map(({ name, value }) => h('div', {}, [h('dt', {}, [name]), h('dd', {}, [value])])),
  );
}

function keys({ keys, words }: InspectorModel): HTMLElement {
  return h(
    'ul',
    { class: 'key-list' },
    keys.map(({ text, used }) =>
      h('li', {}, [h('code', {}, [text]), ...(used ? [h('span', { class: 'status' }, [words.used])] : [])]),
    ),
  );
}

function editor({ editing, words }: InspectorModel): HTMLElement {
  const area = (name: string, value: string) => {
    const input = h('textarea', {
      id: `edit-${name}`,
      rows: name === 'header' ? '5' : '12',
      spellcheck: 'false',
    });
    (input as HTMLTextAreaElement).value = value;
    return input as HTMLTextAreaElement;
  };
  const header = area('header', editing?.header ?? '');
  const payload = area('payload', editing?.payload ?? '');
  const button = h('button', { class: 'primary', 'data-id': 'check' }, [words.check]);
  button.addEventListener('click', () =>
    host.postMessage({ type: 'check', header: header.value, payload: payload.value }),
  );
  return h('section', { class: 'edit' }, [
    h('label', { for: header.id }, [words.header]),
    header,
    h('label', { for: payload.id }, [words.payload]),
    payload,
    ...(editing?.error ? [h('p', { class: 'error', role: 'alert' }, [editing.error])] : []),
    button,
  ]);
}

/** Parsed as XML and taken over as nodes: nothing in it is ever read as HTML. */
function drawTimeline(svg: string, spoken: string): void {
  if (svg === '') {
    timeline.replaceChildren(h('p', { class: 'quiet' }, [spoken]));
    return;
  }
  const root = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  timeline.replaceChildren(document.importNode(root, true), h('p', { class: 'spoken' }, [spoken]));
}
