/** The inspector's page. It keeps nothing: when it is shown again the extension tells it everything anew. */
import { checks, decoded, encoded, facts, h, icon, keys, review } from './parts.ts';
import type { FromPage, InspectorModel, ToPage } from './protocol.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const host = acquireVsCodeApi();
const post = (message: FromPage) => host.postMessage(message);
const main = document.createElement('main');
document.body.append(main);
const timeline = h('div', { class: 'timeline' });

addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'model') render(data.model);
  else drawTimeline(data.svg, data.spoken);
});
post({ type: 'ready' });

function render(model: InspectorModel): void {
  const focused = document.activeElement?.getAttribute('data-id');
  const { words, verdict } = model;
  main.replaceChildren(
    h('header', {}, [
      h('div', { class: 'heading' }, [h('h1', {}, [model.title]), h('p', { class: 'quiet' }, [model.subtitle])]),
      h(
        'div',
        { class: 'actions' },
        model.actions.map(({ id, label, primary }) => {
          const button = h('button', { 'data-id': id, class: primary ? 'primary' : '' }, [label]);
          button.addEventListener('click', () => post({ type: 'action', id }));
          return button;
        }),
      ),
    ]),
    h('div', { class: `verdict ${verdict.mood}`, role: 'status' }, [
      icon(verdict.mood),
      h('div', {}, [h('strong', {}, [verdict.text]), h('p', {}, [verdict.detail])]),
    ]),
    section(words.timeline, [timeline], 'time'),
    ...(model.editing ? [editor(model, post)] : []),
    h('div', { class: 'columns' }, [
      section(words.encoded, [encoded(model)], 'encoded'),
      section(words.decoded, decoded(model.decoded), 'decoded'),
    ]),
    section(words.verification, checks(model), 'checks'),
    ...(model.reviewed ? [section(words.review, [review(model)], 'review')] : []),
    ...(model.key.length > 0 ? [section(words.key, [facts(model)], 'key')] : []),
    ...(model.keys.length > 0 ? [section(words.keys, [keys(model)], 'keys')] : []),
  );
  if (focused) main.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function section(title: string, content: readonly Node[], name: string): HTMLElement {
  const id = `title-${name}`;
  return h('section', { class: name, 'aria-labelledby': id }, [h('h2', { id }, [title]), ...content]);
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

/** Header and payload as JSON, to be changed and looked at again. */
function editor({ editing, words }: InspectorModel, post: (message: FromPage) => void): HTMLElement {
  const area = (name: string, rows: number, value = '') => {
    const input = document.createElement('textarea');
    Object.assign(input, { id: `edit-${name}`, rows, value, spellcheck: false });
    return input;
  };
  const header = area('header', 5, editing?.header);
  const payload = area('payload', 12, editing?.payload);
  const button = (id: string, label: string, sign: boolean) => {
    const made = h('button', { 'data-id': id, class: sign ? '' : 'primary' }, [label]);
    made.addEventListener('click', () => post({ type: 'check', header: header.value, payload: payload.value, sign }));
    return made;
  };
  return h('section', { class: 'edit' }, [
    h('label', { for: header.id }, [words.header]),
    header,
    h('label', { for: payload.id }, [words.payload]),
    payload,
    ...(editing?.error ? [h('p', { class: 'error', role: 'alert' }, [editing.error])] : []),
    h('div', { class: 'actions' }, [
      button('check', words.check, false),
      ...(editing?.canSign ? [button('sign', words.sign, true)] : []),
    ]),
  ]);
}
