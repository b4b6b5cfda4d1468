/** The inspector's page. It stores nothing: the extension sends everything again when the page is shown. */
import { checks, decoded, encoded, facts, h, icon, keepFocus, keys, renew, review } from './parts.ts';
import type { Action, Editing, FromPage, InspectorModel, ToPage, Words } from './protocol.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const host = acquireVsCodeApi();
const post = (message: FromPage) => host.postMessage(message);
/** Each part is redrawn separately, so that a text being edited stays as it is. */
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
  const { editing } = model;
  // The text has changed since, and the model for the new text will follow.
  if (editor && editing && editing.revision < editor.revision()) return;
  keepFocus(() => draw(model));
}

function draw(model: InspectorModel): void {
  const { words, editing } = model;
  renew(
    top,
    h('header', {}, [
      h('div', { class: 'heading' }, [h('h1', {}, [model.title]), h('p', { class: 'quiet' }, [model.subtitle])]),
      h('div', { class: 'actions' }, model.actions.map(button)),
    ]),
  );
  drawVerdict(model.verdict);
  renew(newer, ...(model.newer ? [icon('info'), h('p', {}, [model.newer.text]), button(model.newer.action)] : []));
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
}

function button({ id, label, primary }: Action): HTMLElement {
  const made = h('button', { 'data-id': id, class: primary ? 'primary' : '' }, [label]);
  made.addEventListener('click', () => {
    editor?.flush();
    post({ type: 'action', id });
  });
  return made;
}

/** Screen readers announce this element whenever it is drawn, so it is redrawn only when it changes. */
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

/** Parsed as XML and adopted as nodes, so that nothing in it is read as HTML. */
function drawTimeline(svg: string, spoken: string): void {
  if (svg === '') {
    timeline.replaceChildren(h('p', { class: 'quiet' }, [spoken]));
    return;
  }
  const root = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  timeline.replaceChildren(document.importNode(root, true), h('p', { class: 'spoken' }, [spoken]));
}

/** Milliseconds without typing before the text is sent. */
const rest = 120;

/** The editor of header and payload as JSON. Texts are checked while the user types; the page owns the texts. */
interface Editor {
  readonly element: HTMLElement;
  /** Number of the last edit. Results for earlier edits are ignored. */
  revision(): number;
  /** Shows the extension's result for the texts. */
  update(editing: Editing): void;
  /** Sends changes that were not sent yet. */
  flush(): void;
}

/** @param typed called when the text changes, which makes the shown results outdated */
function createEditor(first: Editing, words: Words, post: (message: FromPage) => void, typed: () => void): Editor {
  let { revision } = first;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    post({ type: 'edited', header: header.input.value, payload: payload.input.value, revision });
  }

  function part(name: 'header' | 'payload', label: string) {
    const input = document.createElement('textarea');
    const rows = Math.min(Math.max(first[name].split('\n').length, 4), 16);
    Object.assign(input, { id: `edit-${name}`, rows, value: first[name], spellcheck: false });
    const error = h('p', { id: `error-${name}`, class: 'error', 'aria-live': 'polite' });
    input.addEventListener('input', () => {
      revision++;
      clearTimeout(timer);
      timer = setTimeout(flush, rest);
      typed();
    });
    const say = (text = '') => {
      input.setAttribute('aria-invalid', String(text !== ''));
      if (text === '') input.removeAttribute('aria-describedby');
      else input.setAttribute('aria-describedby', error.id);
      if (error.textContent !== text) error.textContent = text;
    };
    return { input, say, elements: [h('label', { for: input.id }, [label]), input, error] };
  }

  const header = part('header', words.header);
  const payload = part('payload', words.payload);
  const signatures = h('div', { class: 'actions', role: 'group', 'aria-label': words.signature });
  const element = h('section', { class: 'edit' }, [...header.elements, ...payload.elements, signatures]);

  function update({ errors, signings }: Editing): void {
    header.say(errors.header);
    payload.say(errors.payload);
    renew(
      signatures,
      ...signings.map(({ id, label, on }) => {
        const button = h('button', { 'data-id': id, 'aria-pressed': String(on), class: on ? 'primary' : '' }, [label]);
        button.addEventListener('click', () => {
          flush();
          post({ type: 'action', id });
        });
        return button;
      }),
    );
  }

  update(first);
  return { element, revision: () => revision, update, flush };
}
