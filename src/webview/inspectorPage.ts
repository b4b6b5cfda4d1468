/** The inspector's page. It keeps nothing: when it is shown again the extension tells it everything anew. */
import { createEditor, type Editor } from './editor.ts';
import { checks, decoded, encoded, facts, h, icon, keys, review } from './parts.ts';
import type { Action, FromPage, InspectorModel, ToPage } from './protocol.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const host = acquireVsCodeApi();
const post = (message: FromPage) => host.postMessage(message);
/** Each part of the page is drawn anew by itself, so that a text that is being typed stays as it is. */
const part = (name: string, attributes: Readonly<Record<string, string>> = {}) =>
  h('div', { class: name, ...attributes });
const [top, newer, edit, below] = [part('top'), part('newer', { role: 'status' }), part('edits'), part('below')];
const verdict = part('verdict', { role: 'status' });
const time = part('lifetime');
document.body.append(h('main', {}, [top, verdict, newer, edit, time, below]));
const timeline = h('div', { class: 'timeline' });
let editor: Editor | undefined;
let saidVerdict = '';

addEventListener('message', ({ data }: MessageEvent<ToPage>) => {
  if (data.type === 'model') render(data.model);
  else drawTimeline(data.svg, data.spoken);
});
post({ type: 'ready' });

function render(model: InspectorModel): void {
  const { words, editing } = model;
  // The text has changed since: its own answer is on the way.
  if (editor && editing && editing.revision < editor.revision()) return;
  const focused = document.activeElement?.getAttribute('data-id');
  top.replaceChildren(
    h('header', {}, [
      h('div', { class: 'heading' }, [h('h1', {}, [model.title]), h('p', { class: 'quiet' }, [model.subtitle])]),
      h('div', { class: 'actions' }, model.actions.map(button)),
    ]),
  );
  drawVerdict(model.verdict);
  newer.replaceChildren(
    ...(model.newer ? [icon('info'), h('p', {}, [model.newer.text]), button(model.newer.action)] : []),
  );
  time.replaceChildren(section(words.timeline, [timeline], 'time'));
  if (!editing) {
    editor = undefined;
    edit.replaceChildren();
  } else if (editor) editor.update(editing);
  else {
    const pending = { mood: 'info', text: words.edited, detail: words.checking } as const;
    editor = createEditor(editing, words, post, () => drawVerdict(pending));
    edit.replaceChildren(editor.element);
  }
  below.replaceChildren(
    h('div', { class: 'columns' }, [
      section(words.encoded, [encoded(model)], 'encoded'),
      ...(model.decoded.length > 0 ? [section(words.decoded, decoded(model.decoded), 'decoded')] : []),
    ]),
    ...(model.checks.length > 0 ? [section(words.verification, checks(model), 'checks')] : []),
    ...(model.reviewed ? [section(words.review, [review(model)], 'review')] : []),
    ...(model.key.length > 0 ? [section(words.key, [facts(model)], 'key')] : []),
    ...(model.keys.length > 0 ? [section(words.keys, [keys(model)], 'keys')] : []),
  );
  if (focused) document.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function button({ id, label, primary }: Action): HTMLElement {
  const made = h('button', { 'data-id': id, class: primary ? 'primary' : '' }, [label]);
  made.addEventListener('click', () => {
    editor?.flush();
    post({ type: 'action', id });
  });
  return made;
}

/** Screen readers say what stands here each time that it is drawn: only what is new is. */
function drawVerdict({ mood, text, detail }: InspectorModel['verdict']): void {
  const said = JSON.stringify([mood, text, detail]);
  if (said === saidVerdict) return;
  saidVerdict = said;
  verdict.className = `verdict ${mood}`;
  verdict.replaceChildren(icon(mood), h('div', {}, [h('strong', {}, [text]), h('p', {}, [detail])]));
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
