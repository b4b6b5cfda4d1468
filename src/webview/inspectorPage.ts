/** The inspector's page. It keeps nothing: when it is shown again the extension tells it everything anew. */
import { h, icon } from './dom.ts';
import { editor } from './editor.ts';
import { checks, facts, keys, review } from './lists.ts';
import { decoded, encoded } from './parts.ts';
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
