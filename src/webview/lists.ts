/** What was found out about a token, as lists. Each sign has its word beside it. */
import { h, icon } from './dom.ts';
import type { CheckLine, InspectorModel, ReviewLine } from './protocol.ts';

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
