/** The page of a client test: a matrix of scenarios, and beside it the details of the selected one. */
import { h, icon, keepFocus, renew } from './parts.ts';
import type { FromTorturePage, TortureCell, TortureModel } from './protocol.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromTorturePage): void };

const host = acquireVsCodeApi();
const main = h('main');
document.body.append(main);
let selected: string | undefined;
let model: TortureModel | undefined;

addEventListener('message', ({ data }: MessageEvent<TortureModel>) => {
  model = data;
  render();
});
host.postMessage('ready');

const [header, verdict, matrix, details] = [h('header'), h('div'), h('section'), h('section', { class: 'details' })];
const grid = h('div', { class: 'matrix', role: 'grid', 'aria-labelledby': 'matrix', 'aria-readonly': 'true' });
const detail = h('div', { 'aria-live': 'polite' });
details.setAttribute('aria-labelledby', 'details');
main.append(header, verdict, h('div', { class: 'columns' }, [matrix, details]));
matrix.append(h('h2', { id: 'matrix' }), grid);
details.append(h('h2', { id: 'details' }), detail);

function render(): void {
  const shown = model;
  if (shown !== undefined) keepFocus(() => draw(shown));
}

/** A running test updates often, so only what changed is redrawn. */
function draw({ title, subtitle, verdict: score, progress, families, actions, words }: TortureModel): void {
  const cells = families.flatMap(family => family.cells);
  // By default, the first failed or else the first warning is selected.
  const worst = (['failed', 'warning'] as const).flatMap(mood => cells.filter(cell => cell.mood === mood));
  const shown = cells.find(({ id }) => id === selected) ?? worst[0];
  const at = shown ?? cells[0];
  renew(
    header,
    h('div', {}, [h('h1', {}, [title]), h('p', { class: 'quiet' }, [subtitle])]),
    h(
      'div',
      { class: 'actions' },
      actions.map(({ id, label, primary }) => {
        const button = h('button', { 'data-id': id, class: primary ? 'primary' : '' }, [label]);
        button.addEventListener('click', () => host.postMessage({ does: id }));
        return button;
      }),
    ),
  );
  verdict.className = `verdict ${score.mood}`;
  // While the test runs, the score changes with every scenario, too often for a screen reader.
  if (progress) verdict.removeAttribute('role');
  else verdict.setAttribute('role', 'status');
  renew(
    verdict,
    icon(score.mood),
    h('div', {}, [h('strong', {}, [score.text]), h('p', {}, [score.detail])]),
    ...(progress
      ? [h('progress', { value: `${progress.done}`, max: `${progress.count}`, 'aria-label': score.text })]
      : []),
  );
  for (const [id, text] of [
    ['matrix', words.matrix],
    ['details', words.details],
  ] as const)
    renew(document.getElementById(id) ?? h('h2'), document.createTextNode(text));
  while (grid.children.length > families.length) grid.lastElementChild?.remove();
  families.forEach((family, index) => {
    const row = grid.children[index] ?? grid.appendChild(h('div', { class: 'family', role: 'row' }));
    renew(
      row,
      h('div', { role: 'rowheader' }, [family.name]),
      ...family.cells.map(cell => cellOf(cell, cell === shown, cell === at)),
    );
  });
  renew(detail, ...(shown ? detailsOf(shown, words) : [h('p', { class: 'quiet' }, [words.none])]));
}

/** Only one cell is in the Tab order; arrow keys lead to the others. */
function cellOf({ id, name, mood, status, title }: TortureCell, isShown: boolean, isStop: boolean): HTMLElement {
  const cell = h(
    'div',
    {
      class: `cell ${mood}`,
      role: 'gridcell',
      'data-id': id,
      tabindex: isStop ? '0' : '-1',
      'aria-selected': `${isShown}`,
      'aria-label': `${name}: ${status}. ${title}`,
      title,
    },
    [icon(mood), h('span', {}, [h('code', {}, [name]), h('span', { class: 'status' }, [status])])],
  );
  cell.addEventListener('click', () => select(id));
  cell.addEventListener('keydown', move);
  return cell;
}

function select(id: string): void {
  selected = id;
  render();
  main.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus();
}

function move(event: KeyboardEvent): void {
  const rows = [...main.querySelectorAll('[role=row]')].map(row => [...row.querySelectorAll<HTMLElement>('.cell')]);
  const from = event.currentTarget as HTMLElement;
  const row = rows.findIndex(cells => cells.includes(from));
  const column = rows[row]?.indexOf(from) ?? 0;
  const all = rows.flat();
  const index = all.indexOf(from);
  const below = (step: number) => {
    const cells = rows[row + step] ?? [];
    return cells[Math.min(column, cells.length - 1)];
  };
  const to: Readonly<Record<string, () => HTMLElement | undefined>> = {
    ArrowRight: () => all[index + 1],
    ArrowLeft: () => all[index - 1],
    ArrowDown: () => below(1),
    ArrowUp: () => below(-1),
    Home: () => rows[row]?.[0],
    End: () => rows[row]?.at(-1),
  };
  const next = to[event.key]?.()?.getAttribute('data-id');
  if (next == null) return;
  event.preventDefault();
  select(next);
}

function detailsOf(cell: TortureCell, words: TortureModel['words']): HTMLElement[] {
  const links = cell.links.map((name, index) => {
    const link = h('button', { class: 'link', 'data-id': `link-${index}` }, [name]);
    link.addEventListener('click', () => host.postMessage({ link: index, of: cell.id }));
    return link;
  });
  const facts = [
    [words.must, cell.must],
    [words.seen, cell.seen],
    [words.where, cell.section],
  ] as const;
  return [
    h('div', { class: `check ${cell.mood}` }, [
      icon(cell.mood),
      h('h3', {}, [cell.title, h('span', { class: 'status' }, [cell.status])]),
    ]),
    h(
      'dl',
      { class: 'facts' },
      facts.map(([name, value]) => h('div', {}, [h('dt', {}, [name]), h('dd', {}, [value])])),
    ),
    h('p', {}, links),
    h('p', { class: 'quiet' }, [h('code', {}, [cell.id])]),
  ];
}
