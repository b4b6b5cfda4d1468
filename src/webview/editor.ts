/** Header and payload as JSON, to be changed. What is typed is checked as it is typed; the texts are the page's own. */
import { h } from './parts.ts';
import type { Editing, FromPage, Words } from './protocol.ts';

/** Milliseconds of rest after a key before the text is sent. */
const rest = 120;

export interface Editor {
  readonly element: HTMLElement;
  /** The last of the edits, whose answer is waited for: an answer to an earlier one is of no use. */
  revision(): number;
  /** What the extension says of the texts. */
  update(editing: Editing): void;
  /** Sends what was typed and not sent yet. */
  flush(): void;
}

/** @param typed the text is no longer what the page says something about */
export function createEditor(
  first: Editing,
  words: Words,
  post: (message: FromPage) => void,
  typed: () => void,
): Editor {
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
    const focused = document.activeElement?.getAttribute('data-id');
    signatures.replaceChildren(
      ...signings.map(({ id, label, on }) => {
        const button = h('button', { 'data-id': id, 'aria-pressed': String(on), class: on ? 'primary' : '' }, [label]);
        button.addEventListener('click', () => {
          flush();
          post({ type: 'action', id });
        });
        if (id === focused) queueMicrotask(() => button.focus());
        return button;
      }),
    );
  }

  update(first);
  return { element, revision: () => revision, update, flush };
}
