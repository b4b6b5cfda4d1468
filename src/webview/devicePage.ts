/** The page of a device sign-in: shows the user code and its remaining time. */
import { h } from './parts.ts';
import type { DeviceModel, FromDevicePage } from './protocol.ts';

declare function acquireVsCodeApi(): { postMessage(message: FromDevicePage): void };

const host = acquireVsCodeApi();
const main = h('main', { class: 'device' });
document.body.append(main);
let timer: ReturnType<typeof setInterval> | undefined;

addEventListener('message', ({ data }: MessageEvent<DeviceModel>) => {
  const { title, userCode, address, until, words } = data;
  const button = (does: FromDevicePage, label: string, primary = '') => {
    const made = h('button', { 'data-does': does, class: primary }, [label]);
    made.addEventListener('click', () => {
      host.postMessage(does);
      if (does === 'copy') made.textContent = words.copied;
    });
    return made;
  };
  const left = h('p', { id: 'left', class: 'quiet', role: 'timer' });
  main.replaceChildren(
    h('h1', {}, [title]),
    h('p', {}, [words.instruction, h('br'), h('code', {}, [address])]),
    h('output', { 'aria-label': words.code }, [userCode]),
    button('open', words.open, 'primary'),
    button('copy', words.copy),
    button('cancel', words.cancel),
    left,
  );
  const tick = () => {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    left.textContent = seconds > 0 ? words.left.replace('{0}', time) : words.over;
  };
  clearInterval(timer);
  tick();
  timer = setInterval(tick, 1000);
});
host.postMessage('ready');
