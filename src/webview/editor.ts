import { h } from './dom.ts';
import type { FromPage, InspectorModel } from './protocol.ts';

/** Header and payload as JSON, to be changed and looked at again. */
export function editor({ editing, words }: InspectorModel, post: (message: FromPage) => void): HTMLElement {
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
